import type { Store } from "../store/store.js";
import { familyOf } from "./provider.js";
import { laneForNew } from "./stand-in.js";

/** More accounts than that a tenant's new rows do not look at. */
const mostAccounts = 1_000;

/**
 * What new rows of a tenant have as their notifier, where `name` is that of one that may send through accounts: the lane of
 * the account that they go out by; the name itself where the tenant has none, or where it is an account's lane already.
 */
export async function laneOf(
  store: Pick<Store, "providers">,
  name: string,
  tenant: string,
  now: Date,
): Promise<string> {
  if (familyOf(name) !== null) return name;
  return laneForNew(name, await store.providers.list({ tenant, limit: mostAccounts }), now);
}
