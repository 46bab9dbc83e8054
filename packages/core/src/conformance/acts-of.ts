import type { Act } from "../store/act-repository.js";
import type { Store } from "../store/store.js";

/** Acts on one thing, in the order they were recorded; without their numbers, which a store gives as it likes. */
export async function actsOf(
  store: Pick<Store, "acts">,
  about: { readonly tenant: string; readonly entity: string; readonly entityId: string },
): Promise<readonly Act[]> {
  const acts = await store.acts.list({ ...about, limit: 1_000 });
  return acts.map(({ number: _, ...act }) => act);
}
