import { setTimeout as sleep } from "node:timers/promises";
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
import { type FastClock, fastNow } from "./fast-clock.js";

// Notifications that wait to be sent: what delivery is tried on, with as little before it as there can be.

export const queueMetric = "queue.filled";
/** Notifications of one crossing: as many as a store takes at once. */
const perCrossing = 1_000;

/** What every process of a run must agree on. */
export interface QueueShape {
  readonly sinkPort: number;
  readonly mode: DeliveryMode;
  readonly maxAttempts: number;
  /** Subjects of one batch are told to the same addresses. */
  readonly shared?: boolean;
  /** Milliseconds until what is queued expires. */
  readonly expiresIn?: number;
}

/** Tells as many addresses as its subject's name says: `<batch>/<how many>`. */
export function queueMilestone(
  { sinkPort, mode, maxAttempts, shared = false, expiresIn }: QueueShape,
  options: SinkNotifierOptions = {},
): Milestone {
  return milestone({
    name: "queue",
    metric: queueMetric,
    policy: thresholds(1),
    recipients: {
      resolve: async ({ subject }) => {
        // `<batch>/<how many>`, and of those that share addresses `<what>:<batch>/<how many>`
        const [name] = subject.split("/");
        const batch = shared ? name!.split(":").at(-1) : name;
        return Array.from({ length: addressesOf(subject) }, (_, i) => ({ address: `${batch}-${i}@chaos.example` }));
      },
    },
    message: { text: "{{subject.id}} is filled" },
    notifier: sinkNotifier(sinkPort, mode, options),
    maxAttempts,
    ...(expiresIn !== undefined && { expiresIn }),
  });
}

/** How many are told of a crossing of this subject. */
export function addressesOf(subject: string): number {
  return Number(subject.split("/")[1]);
}

/** Fills the queue of a place; nothing is sent before {@link Queue.open}. */
export interface Queue {
  /** Adds this many; `batch` makes them others than those before. */
  add(count: number, batch: string): Promise<number>;
  /** The same, with their ids. */
  fill(count: number, batch: string): Promise<readonly string[]>;
  /**
   * Records what will be `each` messages to the `count` addresses of a batch; `what` makes them others than those before.
   * Those who send announce them.
   */
  announce(count: number, each: number, what: string, batch: string): Promise<void>;
  /** Once all that was recorded is queued. */
  announced(): Promise<void>;
  open(): Promise<void>;
  shut(): Promise<void>;
  close(): Promise<void>;
}

export async function openQueue(place: Place, shape: QueueShape, clock?: FastClock): Promise<Queue> {
  const opened = openPlace(place, { connections: 2 });
  const runtime = clock === undefined ? {} : { now: () => fastNow(clock) };
  const milepost = createMilepost({ store: opened.store, milestones: [queueMilestone(shape)], runtime });
  const act = { notifier: "sink", by: "harness", why: "the queue is being filled" };
  await milepost.ready();
  async function add(count: number, batch: string): Promise<number> {
    const subjects: string[] = [];
    for (let left = count, i = 0; left > 0; left -= perCrossing, i++) {
      subjects.push(`${batch}.${i}/${Math.min(left, perCrossing)}`);
    }
    await milepost.recordMany(subjects.map((subject) => ({ id: subject, metric: queueMetric, subject })));
    await milepost.runOnce();
    return count;
  }
  return {
    add,
    async fill(count, batch) {
      const known = new Set(await ids(opened.store));
      await add(count, batch);
      return (await ids(opened.store)).filter((id) => !known.has(id));
    },
    async announce(count, each, what, batch) {
      const subjects = Array.from({ length: each }, (_, i) => `${what}.${i}:${batch}/${count}`);
      await milepost.recordMany(subjects.map((subject) => ({ id: subject, metric: queueMetric, subject })));
    },
    async announced() {
      const open = { tenant, states: ["pending", "leased"], limit: 1 } as const;
      while ((await opened.store.crossings.list(open)).length > 0) await sleep(5);
    },
    open: async () => void (await milepost.lanes.resume(act)),
    shut: async () => void (await milepost.lanes.pause(act)),
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
