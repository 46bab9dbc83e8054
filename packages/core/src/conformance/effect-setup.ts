import { createMilepost, type Milepost, type MilepostOptions } from "../engine.js";
import { type Milestone, type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { Store } from "../store/store.js";
import type { StillClock } from "./engine-setup.js";
import { log } from "./host-log.js";

// Engines whose milestones leave lines in the host's log.

export const metric = "ad.spend";

/** A milestone at 10 and 100 that logs its subject and threshold, unless said. */
export function logging(options: Partial<MilestoneOptions> = {}): Milestone {
  return milestone({
    name: "spent",
    metric,
    policy: thresholds(10, 100),
    effect: ({ subject, threshold }) => log(`${subject} ${threshold}`),
    ...options,
  });
}

export interface Errors {
  readonly milepost: Milepost;
  /** What its listeners were told of, by their message. */
  readonly errors: string[];
}

export function engineOf(
  store: Store,
  clock: StillClock,
  milestones: readonly Milestone[] = [logging()],
  options: Partial<Omit<MilepostOptions, "store">> = {},
): Errors {
  const metrics = { [metric]: { decrements: true } };
  const milepost = createMilepost({ store, milestones, metrics, runtime: { now: clock.now }, ...options });
  const errors: string[] = [];
  milepost.on("error", ({ error }) => void errors.push((error as Error).message));
  return { milepost, errors };
}

let ids = 0;

/** Records one amount under an id of its own; answers the thresholds that it crossed. */
export async function spend(
  milepost: Milepost,
  clock: StillClock,
  amount: number,
  { subject = "acme", at = clock.now() }: { readonly subject?: string; readonly at?: Date } = {},
): Promise<readonly string[]> {
  const event = { id: `spend-${++ids}`, metric, subject, amount, occurredAt: at };
  return (await milepost.record(event)).crossings.map(({ threshold }) => threshold);
}
