import * as z from "zod";
import { MilepostError } from "../errors.js";
import { periodProblem } from "../milestone/period.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, parseInput, parsePresent, whySchema } from "../validation.js";
import { isMetered, type Quota, type Rate, roomIn } from "./gate.js";
import type { Lane } from "./lane.js";

/** Whose way through which notifier; who acts on it, and why: kept with the act. */
export interface LaneAct {
  readonly tenant?: string;
  /** One of this engine's, or of a lane that is stored; throws `invalid_options` for any other. */
  readonly notifier: string;
  readonly by: string;
  readonly why: string;
}

/** How fast and how much a lane may send. */
export interface LaneLimits extends LaneAct {
  /** At most so many calls start within any interval of so many milliseconds, up to a day; null for no such limit. */
  readonly rate?: Rate | null;
  /** At most so many in any 24 hours, or on each day of a zone, as in `"day:Europe/Berlin"`; null for no such limit. */
  readonly quota?: Quota | null;
}

/** A lane and the room it has. */
export interface LaneState extends Omit<Lane, "usage"> {
  /** Calls that may start now by rate and quota; null without either. */
  readonly free: number | null;
}

/**
 * A tenant's way through one notifier. No send starts after a committed pause; no more start than its rate and its quota
 * allow, whichever workers make them.
 */
export interface Lanes {
  pause(input: LaneAct): Promise<LaneState>;
  resume(input: LaneAct): Promise<LaneState>;
  /** Sets or, with null, takes away a rate or a quota; what is not named stays. Valid at once, for all workers. */
  limit(input: LaneLimits): Promise<LaneState>;
  list(query?: { readonly tenant?: string }): Promise<readonly LaneState[]>;
}

const count = z.int("a whole number from 1 to 1,000,000,000").min(1).max(1_000_000_000);
const day = 86_400_000;

export const rateSchema: z.ZodType<Rate, Rate> = z.strictObject({
  count,
  interval: z.int("whole milliseconds, 1 to a day").min(1).max(day),
});

const perSchema: z.ZodType<Quota["per"], Quota["per"]> = z
  .custom<Quota["per"]>((value) => typeof value === "string", { error: "a text", abort: true })
  .check((context) => {
    const { value } = context;
    const problem = value.startsWith("day:") ? periodProblem(value) : value !== "24h" && '"24h", or a day with a zone';
    if (problem) context.issues.push({ code: "custom", message: problem, input: "" });
  });

const actFields = { tenant: keySchema.default(defaultTenant), notifier: keySchema, by: keySchema, why: whySchema };
const actSchema = z.strictObject(actFields);
const limitsSchema = z.strictObject({
  ...actFields,
  rate: rateSchema.nullish(),
  quota: z.strictObject({ count, per: perSchema }).nullish(),
});
const querySchema = z.strictObject({ tenant: keySchema.default(defaultTenant) });

true satisfies Agrees<typeof actSchema, LaneAct>;
true satisfies Agrees<typeof limitsSchema, LaneLimits>;

/** `notifiers`: names of those that this engine has. `opened` is called when there may be more to do. */
export function lanesOver(store: Store, runtime: Runtime, notifiers: ReadonlySet<string>, opened: () => void): Lanes {
  const clock = runtime.now ?? (() => new Date());
  /** A misspelt name would make a lane that nothing goes through, and leave the one that was meant as it is. */
  async function refuseUnknown({ tenant, notifier }: { readonly tenant: string; readonly notifier: string }) {
    if (notifiers.has(notifier)) return;
    const stored = (await store.lanes.list({ tenant })).map((lane) => lane.notifier);
    if (stored.includes(notifier)) return;
    const known = [...new Set([...notifiers, ...stored])].slice(0, mostNamed).map((name) => JSON.stringify(name));
    const expected = `a notifier of this engine, or of a lane of the tenant: ${known.join(", ") || "there is none yet"}`;
    throw new MilepostError("invalid_options", `notifier: ${expected}`, { path: "notifier", expected });
  }
  async function setPaused(paused: boolean, input: LaneAct): Promise<LaneState> {
    const act = parseInput(actSchema, input, "invalid_options");
    await refuseUnknown(act);
    const lane = await store.lanes.setPaused({ ...act, paused, ...storeNow(runtime) });
    if (!paused) opened();
    return stateOf(lane, clock());
  }
  return {
    pause: (act) => setPaused(true, act),
    resume: (act) => setPaused(false, act),
    async limit(input) {
      type Limits = Parameters<Store["lanes"]["limit"]>[0];
      const limits = parsePresent<Limits>(limitsSchema, input, "invalid_options");
      await refuseUnknown(limits);
      const lane = await store.lanes.limit({ ...limits, ...storeNow(runtime) });
      opened();
      return stateOf(lane, clock());
    },
    async list(query = {}) {
      const lanes = await store.lanes.list(parseInput(querySchema, query, "invalid_options"));
      return lanes.map((lane) => stateOf(lane, clock()));
    },
  };
}

/** An error is no list. */
const mostNamed = 20;

function stateOf({ usage, ...lane }: Lane, now: Date): LaneState {
  return { ...lane, free: isMetered(lane) ? roomIn({ ...lane, usage }, now).free : null };
}
