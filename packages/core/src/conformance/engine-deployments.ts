import { createMilepost, type Milepost, type MilepostOptions } from "../engine.js";
import { type Milestone, type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { type MemoryNotifier, memoryNotifier } from "../notifier/memory-notifier.js";
import type { MilestoneEvent } from "../recording/event.js";
import { uuidv7Generator } from "../runtime.js";
import type { Store } from "../store/store.js";
import type { OpenedStore } from "./case.js";
import { metric, owner } from "./engine-setup.js";
import { twoStores } from "./samples.js";

// Old and new code over one database, as during a rolling deployment.

/** Events of one each, with ids `e<from>` and up. */
export const at = (count: number, from = 1): MilestoneEvent[] =>
  Array.from({ length: count }, (_, i) => ({ id: `e${from + i}`, metric, subject: "acme" }));

/** One for all deployments: the ids of two generators have no order within a millisecond, and lists are by id. */
const id = uuidv7Generator();

/** A deployment: its milestones, each told to one owner by the notifier. */
export function deploy(
  store: Store,
  notifier: MemoryNotifier,
  milestones: Readonly<Record<string, readonly number[]>>,
  more: Partial<MilestoneOptions> = {},
  options: Partial<MilepostOptions> = {},
): Milepost {
  const definitions = Object.entries(milestones).map(
    ([name, values]): Milestone =>
      milestone({
        name,
        metric,
        policy: thresholds(...values),
        recipients: owner,
        message: { text: "{{milestone}} {{threshold}}" },
        notifier,
        ...more,
      }),
  );
  return createMilepost({ store, milestones: definitions, ...options, runtime: { id, ...options.runtime } });
}

/** Two deployments at once, each with a store of its own over the same data, and one notifier. */
export async function rolling(opened: OpenedStore): Promise<readonly [Store, Store, MemoryNotifier]> {
  const [one, two] = await twoStores(opened);
  return [one, two, memoryNotifier()];
}

export const texts = ({ sent }: MemoryNotifier): string[] => sent.map(({ text }) => text ?? "").sort();
export const facts = async (milepost: Milepost): Promise<(string | undefined)[][]> =>
  (await milepost.crossings.list()).map((c) => [c.milestone, c.threshold, c.state, c.eventId]);
