import * as z from "zod";
import { MilepostError } from "../errors.js";
import type { Json } from "../json.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey } from "../store/counter-repository.js";
import type { StoredLevels } from "../store/levels-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, parseInput, whySchema } from "../validation.js";
import type { Evaluator } from "./evaluator.js";
import type { Milestone } from "./milestone.js";
import { type LevelSpec, risingLevels } from "./policies/level-spec.js";
import type { Registry } from "./registry.js";

/** Levels of a subject, or of all subjects of a tenant that have none of their own. */
export interface LevelsInput {
  /** `"default"` unless said. */
  readonly tenant?: string;
  /** A milestone with `thresholdsOf()`. */
  readonly milestone: string;
  /** The tenant's unless said. */
  readonly subject?: string;
  /** As `thresholds()` takes them; `[]` for none at all, null to go back to the tenant's, or to the policy's default. */
  readonly levels: readonly LevelSpec[] | null;
  /** Who set them, and why: kept with them. */
  readonly by?: string;
  readonly why?: string;
}

/** The levels that a host's users configure. Each change is a new version. */
export interface Levels {
  /**
   * Sets levels; throws `invalid_options` with the path of what cannot be used, as `levels[1].rearmAt`. From then on counters are measured by them: what lies behind is recorded as `adopted` and says nothing,
   * what was crossed before keeps its crossing, and the event after it counts. Counters of a subject are told at once; of
   * a tenant's the first 500, and a worker, or `runOnce()`, tells the others.
   */
  set(input: LevelsInput): Promise<StoredLevels>;
  /** All versions of a subject's levels, or of the tenant's, the oldest first. */
  list(input: {
    readonly tenant?: string;
    readonly milestone: string;
    readonly subject?: string;
  }): Promise<readonly StoredLevels[]>;
}

const ownerFields = { tenant: keySchema.default(defaultTenant), milestone: keySchema, subject: keySchema.optional() };

const levelsSchema = z.strictObject({
  ...ownerFields,
  levels: z.custom<readonly LevelSpec[] | null>((value) => value === null || Array.isArray(value), "levels, or null"),
  by: keySchema.default("host"),
  why: whySchema.default("set by the host"),
});

const ownerSchema = z.strictObject(ownerFields);

true satisfies Agrees<typeof levelsSchema, LevelsInput>;

/** Counters told in one step, and versions looked for at once. */
const tellLimit = 500;
const pendingLimit = 100;
/** What no subject is called: the tenant itself. */
const ofTenant = "";

/** As `thresholds()` does, and as an option and not as a part of a milestone's code: it may come from a user. */
function refuseUnusable(levels: readonly LevelSpec[]): void {
  try {
    risingLevels(levels, "levels");
  } catch (error) {
    if (!MilepostError.is(error)) throw error;
    const { message, path, expected } = error;
    throw new MilepostError("invalid_options", message, { ...(path && { path }), ...(expected && { expected }) });
  }
}

/** Lets counters know of stored levels: when they are set, or when a worker comes to them. */
export class LevelsKeeper implements Levels {
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

  async set(input: LevelsInput): Promise<StoredLevels> {
    const { levels, subject = ofTenant, ...given } = parseInput(levelsSchema, input, "invalid_options");
    const milestone = this.#registry.milestone(given.milestone);
    if (!milestone?.policy.needs?.includes("thresholds")) {
      const expected = "a milestone of this process whose policy reads stored levels, as thresholdsOf() does";
      throw new MilepostError("invalid_options", `milestone: ${expected}`, { path: "milestone", expected });
    }
    if (levels !== null) refuseUnusable(levels);
    await this.#registry.ready();
    // plain data, whatever the host does with its objects
    const kept = JSON.parse(JSON.stringify(levels)) as Json;
    const stored = await this.#store.levels.add({ ...given, subject, levels: kept, ...storeNow(this.#runtime) });
    await this.#tell(
      milestone,
      stored,
      subject === ofTenant ? 1 : Number.POSITIVE_INFINITY,
      new AbortController().signal,
    );
    return { ...stored, applied: true };
  }

  async list(input: {
    readonly tenant?: string;
    readonly milestone: string;
    readonly subject?: string;
  }): Promise<readonly StoredLevels[]> {
    const { subject = ofTenant, ...owner } = parseInput(ownerSchema, input, "invalid_options");
    return this.#store.levels.of({ owners: [{ ...owner, subject }] });
  }

  /** Tells the counters that were not told yet; also what a process left that died in between. */
  async applyPending(stop: AbortSignal): Promise<void> {
    const milestones = this.#registry.storedLevels;
    if (milestones.length === 0) return;
    const names = milestones.map(({ name }) => name);
    for (let full = true; full && !stop.aborted; ) {
      const pending = await this.#store.levels.pending({ milestones: names, limit: pendingLimit });
      for (const levels of pending) {
        const milestone = milestones.find(({ name }) => name === levels.milestone)!;
        await this.#tell(milestone, levels, Number.POSITIVE_INFINITY, stop);
      }
      full = pending.length === pendingLimit;
    }
  }

  async #tell(milestone: Milestone, levels: StoredLevels, chunks: number, stop: AbortSignal): Promise<void> {
    const { tenant, milestone: name, subject, version } = levels;
    const { metric, period } = milestone;
    const step = { tenant, milestone: name, subject, version, metric, period, limit: tellLimit };
    let after: CounterKey | null = null;
    for (let chunk = 1; chunk <= chunks && !stop.aborted; chunk++) {
      const told = await this.#store.levels.apply({ ...step, ...(after && { after }), ...storeNow(this.#runtime) });
      await this.#evaluator.evaluate(told.counters);
      after = told.next;
      if (after === null) return;
    }
  }
}
