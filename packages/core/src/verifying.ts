import * as z from "zod";
import type { Runtime } from "./runtime.js";
import type { Store } from "./store/store.js";
import { type InvariantId, invariantIds, type VerifyReport } from "./store/verify.js";
import { storeNow } from "./store-clock.js";
import { type Agrees, keySchema, listOf, parsePresent } from "./validation.js";

/** What is looked at. */
export interface VerifyQuery {
  /** Of this tenant's rows only; of all unless said. */
  readonly tenant?: string;
  /** Only these invariants, one at least; all unless said. */
  readonly only?: readonly InvariantId[];
  /** Violations told of each, 1 to 1,000; 10 unless said. */
  readonly limit?: number;
  /** Milliseconds by which a lease, a horizon or an expiry may be over and not found by a sweep, a year at most; 60,000 unless said. */
  readonly sweep?: number;
}

/** Further back there may be no date that a store can name. */
const year = 366 * 86_400_000;

const querySchema = z.strictObject({
  tenant: keySchema.optional(),
  only: listOf(z.enum(invariantIds), 100)
    .refine(({ length }) => length > 0, "one invariant at least")
    .optional(),
  limit: z.int().min(1).max(1_000).optional(),
  sweep: z.int().min(0).max(year).optional(),
});

true satisfies Agrees<typeof querySchema, VerifyQuery>;

export function verifying(store: Store, runtime: Runtime): (query?: VerifyQuery) => Promise<VerifyReport> {
  return async (query = {}) => {
    const input = parsePresent<VerifyQuery>(querySchema, query, "invalid_options");
    return store.verify({ ...input, ...storeNow(runtime) });
  };
}
