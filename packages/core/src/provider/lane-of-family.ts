import type { Notifier } from "../notifier/notifier.js";
import type { Store } from "../store/store.js";
import { laneForNew } from "./stand-in.js";

/** More accounts than that a tenant's new rows do not look at. */
const mostAccounts = 1_000;

/**
 * What new rows of a tenant have as their notifier: its name, or for one that sends through accounts the lane of the account
 * that they go out by.
 */
export async function laneOf(
  store: Pick<Store, "providers">,
  { name, accounts }: Pick<Notifier, "name" | "accounts">,
  tenant: string,
  now: Date,
): Promise<string> {
  if (accounts === undefined) return name;
  return laneForNew(name, await store.providers.list({ tenant, limit: mostAccounts }), now);
}
