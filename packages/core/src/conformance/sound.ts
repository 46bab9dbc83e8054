import assert from "node:assert/strict";
import type { Store } from "../store/store.js";
import { invariantIds, type VerifyInput } from "../store/verify.js";
import type { ConformanceCase } from "./case.js";

/** All that does not depend on what time it is: a case's clock is its own. */
const timeless = invariantIds.filter((id) => id !== "I13");

/** That no invariant is violated in a store. */
export async function assertSound(store: Store, input: VerifyInput = { only: timeless }): Promise<void> {
  const { checks } = await store.verify(input);
  const violated = checks.flatMap(({ id, violations }) =>
    violations.map(({ what, found }) => `${id}: ${what}: ${found}`),
  );
  assert.deepEqual(violated, [], "what is stored is sound");
}

/** The same case, which also leaves a sound store behind. */
export function leavingSound(each: ConformanceCase): ConformanceCase {
  return {
    ...each,
    async run(opened) {
      await each.run(opened);
      await assertSound(opened.store);
    },
  };
}
