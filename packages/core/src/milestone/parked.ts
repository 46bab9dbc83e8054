import * as z from "zod";
import { MilepostError } from "../errors.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey } from "../store/counter-repository.js";
import type { ParkedCounter } from "../store/parking-repository.js";
import type { Store } from "../store/store.js";
import { counterActId } from "../store/tally.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, pageFields, parseInput, parsePresent, whySchema } from "../validation.js";
import type { Evaluator } from "./evaluator.js";
import { lifetime } from "./period.js";
import type { Registry } from "./registry.js";

/** Which parked counters are listed. */
export interface ParkedQuery {
  readonly tenant?: string;
  readonly metric?: string;
  readonly subject?: string;
  /** The last row of the page before. */
  readonly after?: Omit<CounterKey, "tenant">;
  /** 100 unless said. */
  readonly limit?: number;
}

/** A person's decision on a parked counter. */
export interface ReleaseAct {
  readonly tenant?: string;
  readonly metric: string;
  readonly subject: string;
  /** The period's key; the lifetime unless said. */
  readonly period?: string;
  /** Its crossings are recorded, and their effects do not run. false unless said. */
  readonly withoutEffects?: boolean;
  /** Who did it, and why: kept with the act. */
  readonly by: string;
  readonly why: string;
}

/** Counters whose evaluation fails: their policy throws, or their effect. They count on, and are tried again by themselves. */
export interface Parked {
  list(query?: ParkedQuery): Promise<readonly ParkedCounter[]>;
  /**
   * Tries one again now. Answers null if it could be evaluated, or how it is parked now. Throws `not_found` for one that
   * is not parked.
   */
  release(act: ReleaseAct): Promise<ParkedCounter | null>;
}

const querySchema = z.strictObject({
  ...pageFields,
  metric: keySchema.optional(),
  subject: keySchema.optional(),
  // not strict: the whole last row of a page fits
  after: z.object({ metric: keySchema, subject: keySchema, period: keySchema }).optional(),
});

const releaseSchema = z.strictObject({
  tenant: pageFields.tenant,
  metric: keySchema,
  subject: keySchema,
  period: keySchema.default(lifetime),
  withoutEffects: z.boolean().default(false),
  by: keySchema,
  why: whySchema,
});

true satisfies Agrees<typeof querySchema, ParkedQuery>;
true satisfies Agrees<typeof releaseSchema, ReleaseAct>;

export function parkedOver(store: Store, registry: Registry, evaluator: Evaluator, runtime: Runtime): Parked {
  return {
    list: async (query = {}) => store.parking.list(parsePresent(querySchema, query, "invalid_options")),
    async release(input) {
      const act = parseInput(releaseSchema, input, "invalid_options");
      const { tenant, metric, subject, period } = act;
      await registry.ready();
      if (!(await store.parking.release({ ...act, ...storeNow(runtime) }))) {
        throw new MilepostError("not_found", `No counter ${counterActId(act)} is parked`, { path: "subject" });
      }
      const key = { tenant, metric, subject, period };
      await evaluator.evaluate([key]);
      const parked = await store.parking.list({ tenant, metric, subject, limit: 10_000 });
      return parked.find((counter) => counter.period === period) ?? null;
    },
  };
}
