import type { DeliveryTiming } from "../delivery/timing.js";
import { createMilepost, type Milepost } from "../engine.js";
import { MilepostError } from "../errors.js";
import { type Milestone, type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { type MemoryNotifier, memoryNotifier } from "../notifier/memory-notifier.js";
import { membersWithRole, type RecipientResolver } from "../recipient/resolver.js";
import type { Store } from "../store/store.js";

export const metric = "email.delivered";

/** A clock that stands still until it is moved; starts at a round time. */
export class StillClock {
  #now = Date.UTC(2026, 10, 1, 12);

  readonly now = (): Date => new Date(this.#now);

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

export interface Setup {
  readonly milepost: Milepost;
  readonly notifier: MemoryNotifier;
  readonly clock: StillClock;
}

export interface SetupOptions {
  readonly notifier?: MemoryNotifier;
  readonly clock?: StillClock;
  readonly values?: readonly number[];
  readonly milestone?: Partial<MilestoneOptions>;
  readonly more?: readonly Milestone[];
  readonly delivery?: Partial<DeliveryTiming>;
  readonly decrements?: boolean;
}

/** An engine with one milestone that tells owners and managers, a notifier that counts, and a clock that stands still. */
export function setUp(store: Store, options: SetupOptions = {}): Setup {
  const { notifier = memoryNotifier(), clock = new StillClock(), values = [1, 10, 100] } = options;
  const milepost = createMilepost({
    store,
    milestones: [
      milestone({
        name: "emails-delivered",
        metric,
        policy: thresholds(...values),
        recipients: membersWithRole("owner", "manager"),
        message: {
          subject: "{{subject.name}} reached {{threshold}}",
          text: "Hello {{recipient.name}}, {{value}}.",
        },
        notifier,
        ...options.milestone,
      }),
      ...(options.more ?? []),
    ],
    metrics: { [metric]: { decrements: options.decrements ?? false } },
    runtime: { now: clock.now },
    ...(options.delivery && { delivery: options.delivery }),
  });
  return { milepost, notifier, clock };
}

/** Resolves every crossing to one recipient. */
export const owner: RecipientResolver = { resolve: async () => [{ address: "olga@acme.example", name: "Olga" }] };

/** A client with an owner, a manager and a viewer. */
export async function putAcme(milepost: Milepost): Promise<void> {
  await milepost.subjects.put({
    id: "acme",
    name: "Acme",
    members: [
      { address: "olga@acme.example", name: "Olga", role: "Owner" },
      { address: "max@acme.example", name: "Max", role: "Manager" },
      { address: "vera@acme.example", name: "Vera", role: "Viewer" },
    ],
  });
}

/** Counts `count` events of one each, with ids `e<first>` and up. */
export async function count(milepost: Milepost, count: number, first = 1): Promise<void> {
  await milepost.recordMany(
    Array.from({ length: count }, (_, i) => ({ id: `e${first + i}`, metric, subject: "acme" })),
  );
}

/** A notifier whose calls go on until `release()`; `inside` resolves when the first has begun. */
export function heldNotifier(): { readonly notifier: MemoryNotifier; readonly inside: Promise<void>; release(): void } {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let entered = () => {};
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const notifier = memoryNotifier({
    async answer() {
      entered();
      await gate;
    },
  });
  return { notifier, inside, release };
}

/** Runs `work` and answers the MilepostError it throws; fails if it throws another, or none. */
export async function refusal(work: () => unknown): Promise<MilepostError> {
  try {
    await work();
  } catch (error) {
    if (MilepostError.is(error)) return error;
    throw error;
  }
  throw new Error("expected a MilepostError, but nothing was thrown");
}
