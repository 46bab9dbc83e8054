import {
  createMilepost,
  type DeliveryMode,
  type Milestone,
  milestone,
  type Notification,
  thresholds,
} from "@milepost/core";
import { limit, rowsOf, tenant } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import { type SinkNotifierOptions, sinkNotifier } from "../sink/sink-notifier.js";

// Notifications that wait to be sent: what delivery is tried on, with as little before it as there can be.

const metric = "queue.filled";
/** Notifications of one crossing: as many as a store takes at once. */
const perCrossing = 1_000;

/** What every process of a run must agree on. */
export interface QueueShape {
  readonly sinkPort: number;
  readonly mode: DeliveryMode;
  readonly maxAttempts: number;
}

/** Tells as many addresses as its subject's name says: `<batch>/<how many>`. */
export function queueMilestone(
  { sinkPort, mode, maxAttempts }: QueueShape,
  options: SinkNotifierOptions = {},
): Milestone {
  return milestone({
    name: "queue",
    metric,
    policy: thresholds(1),
    recipients: {
      resolve: async ({ subject }) => {
        const [batch] = subject.split("/");
        return Array.from({ length: addressesOf(subject) }, (_, i) => ({ address: `${batch}-${i}@chaos.example` }));
      },
    },
    message: { text: "{{subject.id}} is filled" },
    notifier: sinkNotifier(sinkPort, mode, options),
    maxAttempts,
  });
}

/** How many are told of a crossing of this subject. */
export function addressesOf(subject: string): number {
  return Number(subject.split("/")[1]);
}

/** Fills the queue of a place; nothing is sent before {@link Queue.open}. */
export interface Queue {
  /** Adds this many; `batch` makes them others than those before. */
  fill(count: number, batch: string): Promise<readonly string[]>;
  open(): Promise<void>;
  shut(): Promise<void>;
  close(): Promise<void>;
}

export async function openQueue(place: Place, shape: QueueShape): Promise<Queue> {
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({ store: opened.store, milestones: [queueMilestone(shape)] });
  const act = { notifier: "sink", by: "harness", why: "the queue is being filled" };
  await milepost.ready();
  return {
    async fill(count, batch) {
      const subjects: string[] = [];
      for (let left = count, i = 0; left > 0; left -= perCrossing, i++) {
        subjects.push(`${batch}.${i}/${Math.min(left, perCrossing)}`);
      }
      const known = new Set(await ids(opened.store));
      await milepost.recordMany(subjects.map((subject) => ({ id: subject, metric, subject })));
      await milepost.runOnce();
      return (await ids(opened.store)).filter((id) => !known.has(id));
    },
    open: () => milepost.lanes.resume(act),
    shut: () => milepost.lanes.pause(act),
    async close() {
      await milepost.close();
      await opened.close();
    },
  };
}

type Store = Parameters<typeof createMilepost>[0]["store"];

async function ids(store: Store): Promise<readonly string[]> {
  const found: string[] = [];
  const page = (after: Notification | undefined) =>
    store.notifications.list({ tenant, limit, ...(after !== undefined && { after: after.id }) });
  for await (const { id } of rowsOf(page)) found.push(id);
  return found;
}
