import * as z from "zod";
import { MilepostError } from "../errors.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey } from "../store/counter-repository.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { Limit, LimitSubject, PeriodsFrom } from "../store/limit-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, dateSchema, keySchema, parseInput, whySchema } from "../validation.js";
import type { Crossing } from "./crossing.js";
import { crossingPages } from "./crossing-pages.js";
import type { Evaluator } from "./evaluator.js";
import { spanAt } from "./period.js";
import type { Registry } from "./registry.js";

/** A new limit of a subject. */
export interface LimitInput {
  /** `"default"` unless said. */
  readonly tenant?: string;
  readonly metric: string;
  readonly subject: string;
  /** A safe integer of 0 or more, in the metric's unit: money in minor units. */
  readonly amount: number;
  /**
   * When it comes into force; now unless said. In the past it also holds for the spans of calendar periods that had not
   * ended by then; in the future a worker, or `runOnce()`, brings it into force.
   */
  readonly effectiveFrom?: Date;
  /** Who set it, and why: kept with it. */
  readonly by?: string;
  readonly why?: string;
}

/** What became of a new limit. */
export interface LimitResult extends Limit {
  /** The crossings of levels that had been passed already when it came into force. */
  readonly crossings: readonly Crossing[];
}

/** The amounts that percentages are of, by subject: budgets, quotas. Each change is a new version. */
export interface Limits {
  /**
   * Sets a subject's limit. All levels measured against it are armed again for it; those that the subject's counters have
   * passed already are crossed at once. Counters that waited for a first limit are evaluated. Throws `unknown_metric` as
   * `record()` does.
   */
  set(input: LimitInput): Promise<LimitResult>;
  /** All versions of a subject's limit, the oldest first. */
  list(input: {
    readonly tenant?: string;
    readonly metric: string;
    readonly subject: string;
  }): Promise<readonly Limit[]>;
}

const subjectFields = { tenant: keySchema.default(defaultTenant), metric: keySchema, subject: keySchema };

const limitSchema = z.strictObject({
  ...subjectFields,
  amount: z.int("a safe integer, 0 or more; money in its minor unit").min(0, "a safe integer, 0 or more"),
  effectiveFrom: dateSchema.optional(),
  by: keySchema.default("host"),
  why: whySchema.default("set by the host"),
});

const subjectSchema = z.strictObject(subjectFields);

true satisfies Agrees<typeof limitSchema, LimitInput>;

/** The counters of a metric that a version in force from then on concerns; those of now may be opened for it. */
export function periodsUnder({ births }: InstalledDefinition, effectiveFrom: Date, now: Date): readonly PeriodsFrom[] {
  return births.map(({ period, opens }) => {
    return { period, from: spanAt(period, effectiveFrom).key, ...(opens && { open: spanAt(period, now).key }) };
  });
}

/** Versions that are brought into force between two looks for others. */
const applyLimit = 100;
/** How often one is tried again after another process changed its metric's definition. */
const maxTries = 10;

/** Brings limits into force: when they are set, or when their time has come. */
export class LimitKeeper implements Limits {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #evaluator: Evaluator;
  readonly #runtime: Runtime;

  constructor(store: Store, registry: Registry, evaluator: Evaluator, runtime: Runtime) {
    this.#store = store;
    this.#registry = registry;
    this.#evaluator = evaluator;
    this.#runtime = runtime;
  }

  async set(input: LimitInput): Promise<LimitResult> {
    const { effectiveFrom, ...given } = parseInput(limitSchema, input, "invalid_options");
    await this.#registry.ready();
    this.#registry.refuseUnknown(given.metric, "metric");
    await this.#registry.know([given.metric]);
    const clock = storeNow(this.#runtime);
    const limit = await this.#store.limits.add({ ...given, ...(effectiveFrom && { effectiveFrom }), ...clock });
    if (limit.effectiveFrom > limit.createdAt) return { ...limit, crossings: [] };
    await this.#apply(limit);
    const { tenant, metric, subject, version } = limit;
    const crossings: Crossing[] = [];
    for await (const page of crossingPages(this.#store, { tenant, metric, subject })) {
      crossings.push(...page.filter(({ limitVersion }) => limitVersion === version));
    }
    return { ...limit, applied: true, crossings };
  }

  async list(input: {
    readonly tenant?: string;
    readonly metric: string;
    readonly subject: string;
  }): Promise<readonly Limit[]> {
    return this.#store.limits.of({ subjects: [parseInput(subjectSchema, input, "invalid_options")] });
  }

  /** Brings those into force whose time has come; also what a process left that died after it stored one. */
  async applyPending(stop: AbortSignal): Promise<void> {
    const metrics = this.#registry.all.map(({ metric }) => metric);
    for (let full = true; full && !stop.aborted; ) {
      const pending = await this.#store.limits.pending({ metrics, limit: applyLimit, ...storeNow(this.#runtime) });
      for (const limit of pending) await this.#apply(limit);
      full = pending.length === applyLimit;
    }
  }

  async #apply({ version, effectiveFrom, ...limit }: Limit): Promise<void> {
    const about: LimitSubject = { tenant: limit.tenant, metric: limit.metric, subject: limit.subject };
    const now = this.#runtime.now?.() ?? new Date();
    for (let tries = 1; tries <= maxTries; tries++) {
      const definition = this.#registry.installed(limit.metric);
      const { generation } = definition;
      const periods = periodsUnder(definition, effectiveFrom, now);
      const step = { ...about, version, generation, periods, ...storeNow(this.#runtime) };
      const told = await this.#store.limits.apply(step);
      if (told !== "stale")
        return this.#evaluator.evaluate(told.map(({ period }): CounterKey => ({ ...about, period })));
      // another deployment changed the milestones, and may have added a period
      await this.#registry.refresh();
    }
    throw new MilepostError(
      "stale_definitions",
      `The milestones on "${limit.metric}" change all the time. The limit is stored; a sweep brings it into force.`,
      { path: "metric" },
    );
  }
}
