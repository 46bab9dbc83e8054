import type { CrossingRepository } from "../store/crossing-repository.js";
import type { Store } from "../store/store.js";
import type { Crossing } from "./crossing.js";

export type CrossingFilter = Omit<Parameters<CrossingRepository["list"]>[0], "after" | "limit">;

const limit = 1_000;

/** Every crossing that matches, in pages. */
export async function* crossingPages(
  { crossings }: Store,
  filter: CrossingFilter,
): AsyncGenerator<readonly Crossing[], void, undefined> {
  for (let after: string | undefined; ; ) {
    const page = await crossings.list({ ...filter, limit, ...(after !== undefined && { after }) });
    yield page;
    if (page.length < limit) return;
    after = page.at(-1)!.id;
  }
}
