import { once } from "node:events";
import { describe, expect, it } from "vitest";
import {
  accepted,
  createMilepost,
  type MemoryNotifierOptions,
  type Milepost,
  MilepostError,
  type MilepostOptions,
  memoryNotifier,
  memoryStore,
  milestone,
  type Outcome,
  refusedPermanent,
  type Store,
  thresholds,
} from "../index.js";
import type { NotificationRepository } from "../store/index.js";

const away = () => new MilepostError("store_unavailable", "the connection was lost");
const hour = 3_600_000;

/** A store whose notification steps can be made to fail. */
function faulty(store: Store, steps: (real: NotificationRepository) => Partial<NotificationRepository>): Store {
  return { ...store, notifications: { ...store.notifications, ...steps(store.notifications) } };
}

/** An engine over `store` with one recipient, and its clocks. */
function engine(store: Store, notifier: MemoryNotifierOptions = {}, options: Partial<MilepostOptions> = {}) {
  const fake = memoryNotifier(notifier);
  let now = Date.UTC(2026, 10, 1);
  let monotonic = 0;
  const milepost = createMilepost({
    store,
    milestones: [
      milestone({
        name: "m",
        metric: "x",
        policy: thresholds(1),
        recipients: { resolve: async () => [{ address: "olga@acme.example" }] },
        message: { text: "hello" },
        notifier: fake,
      }),
    ],
    runtime: { now: () => new Date(now), monotonic: () => monotonic },
    ...options,
  });
  return {
    milepost,
    notifier: fake,
    advance(milliseconds: number) {
      now += milliseconds;
    },
    block(milliseconds: number) {
      monotonic += milliseconds;
    },
  };
}

async function queueOne(milepost: Milepost): Promise<void> {
  await milepost.record({ id: "e1", metric: "x", subject: "acme" });
}

async function only(milepost: Milepost) {
  const rows = await milepost.notifications.list();
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

describe("a result that cannot be written at first", () => {
  it("is written when the database is back: sent, one call, one attempt", async () => {
    let failures = 2;
    const store = faulty(memoryStore(), (real) => ({
      settle: async (input) => {
        if (failures-- > 0) throw away();
        return real.settle(input);
      },
    }));
    const { milepost, notifier } = engine(store);
    const errors: string[] = [];
    milepost.on("error", ({ where }) => errors.push(where));
    await queueOne(milepost);
    const report = await milepost.runOnce();
    expect(report.notifications.sent).toBe(1);
    expect(failures, "the third try").toBe(-1);
    expect(errors, "told once, however often it fails").toEqual(["settle"]);
    expect(notifier.calls).toHaveLength(1);
    expect(await only(milepost)).toMatchObject({ state: "sent", attempts: 1 });
  });

  it("is written also if the store refused it for a reason that does not look as if it would pass", async () => {
    let refusals = 2;
    const store = faulty(memoryStore(), (real) => ({
      settle: async (input) => {
        if (refusals-- > 0) throw new MilepostError("store_failed", "a trigger of the host's raised P0001");
        return real.settle(input);
      },
    }));
    const { milepost, notifier } = engine(store);
    milepost.on("error", () => {});
    await queueOne(milepost);
    await milepost.runOnce();
    expect(refusals).toBe(-1);
    expect(notifier.calls).toHaveLength(1);
    expect(await only(milepost)).toMatchObject({ state: "sent", attempts: 1 });
  });

  it("holds up the result of no other row while the store refuses it", async () => {
    const real = memoryStore();
    const refused = new Set<string>();
    const store = faulty(real, (steps) => ({
      settle: async (input) => {
        if (input.settlements.some(({ id }) => refused.has(id))) {
          throw new MilepostError("store_failed", "the row breaks a rule of the host's");
        }
        return steps.settle(input);
      },
    }));
    const called: string[] = [];
    const { milepost, notifier } = engine(store, {
      answer: (_, { notification }) => {
        called.push(notification);
        if (called.length <= 2) refused.add(notification);
        return accepted();
      },
    });
    milepost.on("error", () => {});
    let sent = 0;
    const others = new Promise<void>((resolve) => {
      milepost.on("sent", () => {
        sent++;
        if (sent === 9) resolve();
      });
    });
    for (let i = 0; i < 11; i++) await milepost.record({ id: `e${i}`, metric: "x", subject: `s${i}` });
    const pass = milepost.runOnce({ concurrency: 20 });
    await others;
    const { tenant } = (await milepost.notifications.list())[0]!;
    const open = await real.notifications.list({ tenant, states: ["sending"], limit: 100 });
    expect(open.map(({ id }) => id).sort()).toEqual([...refused].sort());
    refused.clear();
    await pass;
    notifier.expectSent(11);
    expect(await real.notifications.count({ tenant })).toEqual([{ state: "sent", reason: null, count: 11 }]);
  });

  it("is given up at the end of the lease if the store refuses it for good, and the row is ambiguous then", async () => {
    let tries = 0;
    const made = { block(_: number) {} };
    const store = faulty(memoryStore(), (real) => ({
      settle: async (input) => {
        if (input.settlements[0]!.outcome !== "accepted") return real.settle(input);
        tries++;
        made.block(30_000);
        throw new MilepostError("store_failed", "the row breaks a rule of the host's");
      },
    }));
    const { milepost, advance, block } = engine(store);
    made.block = block;
    milepost.on("error", () => {});
    await queueOne(milepost);
    await expect(milepost.runOnce()).rejects.toMatchObject({ code: "store_failed" });
    expect(tries).toBe(2);
    advance(2 * hour);
    await milepost.runOnce();
    expect(await only(milepost)).toMatchObject({ state: "ambiguous", reason: "lease_over" });
  });

  it("is told as what it is, and not as lost, when its commit was not acknowledged and it was written again", async () => {
    const acknowledged = { next: false };
    const store = faulty(memoryStore(), (real) => ({
      settle: async (input) => {
        const results = await real.settle(input);
        if (!acknowledged.next) {
          acknowledged.next = true;
          throw away();
        }
        return results;
      },
    }));
    const { milepost } = engine(store);
    const heard: string[] = [];
    milepost.on("error", () => {});
    milepost.on("sent", () => heard.push("sent"));
    milepost.on("lease_lost", () => heard.push("lease_lost"));
    await queueOne(milepost);
    expect((await milepost.runOnce()).notifications).toMatchObject({ sent: 1, lost: 0 });
    expect(heard).toEqual(["sent"]);
  });

  it("is evidence if the lease was over meanwhile and the row was given up as ambiguous", async () => {
    const store = memoryStore();
    let answer: (outcome: Outcome) => void = () => {};
    let called: () => void = () => {};
    const inside = new Promise<void>((resolve) => {
      called = resolve;
    });
    const outcome = new Promise<Outcome>((resolve) => {
      answer = resolve;
    });
    const { milepost, advance } = engine(store, {
      answer: () => {
        called();
        return outcome;
      },
    });
    await queueOne(milepost);
    const pass = milepost.runOnce();
    await inside;
    advance(60_000);
    await milepost.runOnce();
    expect(await only(milepost)).toMatchObject({ state: "ambiguous", reason: "lease_over" });
    const lost = new Promise((resolve) => milepost.on("lease_lost", resolve));
    answer(accepted("r-1"));
    await pass;
    expect(await lost).toMatchObject({ evidence: true, attempt: 1 });
    expect(await only(milepost)).toMatchObject({ state: "sent", receipt: "r-1" });
  });

  it("changes nothing if it is a late refusal", async () => {
    let answer: (outcome: Outcome) => void = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      answer = resolve;
    });
    const delivery = { lease: 1_000, callDeadline: 10, settleMargin: 10 };
    const { milepost } = engine(memoryStore(), { answer: () => outcome }, { delivery });
    await queueOne(milepost);
    await milepost.runOnce();
    answer(refusedPermanent("no such mailbox"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await only(milepost)).toMatchObject({ state: "ambiguous", reason: "no_answer" });
  });
});

describe("a mark", () => {
  it("whose answer was lost is asked for again: one call, one attempt", async () => {
    let lost = 1;
    const store = faulty(memoryStore(), (real) => ({
      mark: async (input) => {
        const results = await real.mark(input);
        if (lost-- > 0) throw away();
        return results;
      },
    }));
    const { milepost, notifier } = engine(store);
    milepost.on("error", () => {});
    await queueOne(milepost);
    await milepost.runOnce();
    expect(notifier.calls).toHaveLength(1);
    expect(await only(milepost)).toMatchObject({ state: "sent", attempts: 1 });
  });

  it("is not asked for beyond the lease: nothing is called, and the row comes back", async () => {
    const gate = { open: false };
    const setup = engine(
      faulty(memoryStore(), (real) => ({
        mark: async (input) => {
          if (gate.open) return real.mark(input);
          setup.block(60_000);
          throw away();
        },
      })),
    );
    setup.milepost.on("error", () => {});
    await queueOne(setup.milepost);
    await expect(setup.milepost.runOnce()).rejects.toMatchObject({ code: "store_unavailable" });
    setup.notifier.expectSent(0);
    gate.open = true;
    setup.advance(60_000);
    await setup.milepost.runOnce();
    setup.notifier.expectSent(1);
    expect(await only(setup.milepost)).toMatchObject({ state: "sent", attempts: 1 });
  });

  it("is followed by no call when the process was blocked for too much of the lease", async () => {
    const blocked = { once: true };
    const setup = engine(
      faulty(memoryStore(), (real) => ({
        mark: async (input) => {
          const results = await real.mark(input);
          if (blocked.once) setup.block(20_001);
          blocked.once = false;
          return results;
        },
      })),
    );
    await queueOne(setup.milepost);
    await setup.milepost.runOnce();
    setup.notifier.expectSent(0);
    expect(await only(setup.milepost)).toMatchObject({ state: "pending", attempts: 1 });
    setup.advance(hour);
    await setup.milepost.runOnce();
    setup.notifier.expectSent(1);
  });

  it("is followed by no call when a listener that is told of the call blocks the process for too long", async () => {
    const setup = engine(memoryStore());
    const stopListening = setup.milepost.on("sending", () => setup.block(20_001));
    await queueOne(setup.milepost);
    await setup.milepost.runOnce();
    setup.notifier.expectSent(0);
    expect(await only(setup.milepost)).toMatchObject({ state: "pending", attempts: 1 });
    stopListening();
    setup.advance(hour);
    await setup.milepost.runOnce();
    setup.notifier.expectSent(1);
  });
});

describe("a row at which workers died", () => {
  it("has its last chance alone: no call is begun beside it", async () => {
    const store = memoryStore();
    const held: (() => void)[] = [];
    const calls: string[] = [];
    let called: () => void = () => {};
    const { milepost } = engine(store, {
      answer: (_, { notification }) => {
        calls.push(notification);
        called();
        return new Promise((resolve) => held.push(() => resolve(accepted())));
      },
    });
    const nextCall = () =>
      new Promise<void>((resolve) => {
        called = resolve;
      });
    await milepost.lanes.pause({ notifier: "memory", by: "test", why: "queue first" });
    await queueOne(milepost);
    await milepost.record({ id: "e2", metric: "x", subject: "globex" });
    await milepost.runOnce();
    await milepost.lanes.resume({ notifier: "memory", by: "test", why: "go" });
    const [poison] = await milepost.notifications.list();
    for (let i = 0; i < 2; i++) await diedUnmarked(store, poison!.id);

    const firstCall = nextCall();
    const worker = milepost.worker({ concurrency: 5, pollInterval: 10 });
    await worker.start();
    await firstCall;
    expect(calls).toEqual([poison!.id]);
    const secondCall = nextCall();
    held.shift()!();
    await secondCall;
    expect(calls).toHaveLength(2);
    held.shift()!();
    await worker.stop();
    expect((await milepost.notifications.list()).map(({ state }) => state)).toEqual(["sent", "sent"]);
  });
});

/** Claimed by a worker that does not come back before its lease is over. */
async function diedUnmarked(store: Store, id: string): Promise<void> {
  const now = new Date(Date.UTC(2026, 10, 1));
  const [row] = await store.notifications.claim({ notifiers: ["memory"], limit: 1, served: [], lease: 60_000, now });
  expect(row!.id).toBe(id);
  const back = { tenant: row!.tenant, id, fence: row!.fence, to: "pending", retryIn: 0, refund: false } as const;
  await store.notifications.release({ releases: [{ ...back, reason: null }], now });
}

describe("a row that no worker can send", () => {
  it("fails when its stored template cannot be rendered any more, without an attempt", async () => {
    const store = memoryStore();
    const spoilt = faulty(store, (real) => ({
      claim: async (input) => (await real.claim(input)).map((row) => ({ ...row, content: { text: "{{#open}}" } })),
    }));
    const { milepost } = engine(spoilt);
    await queueOne(milepost);
    const report = await milepost.runOnce();
    expect(report.notifications.failed).toBe(1);
    expect(await only(milepost)).toMatchObject({ state: "failed", reason: "render_failed", attempts: 0 });
  });

  it("is poisoned when it was claimed too often without a mark", async () => {
    const store = memoryStore();
    const { milepost, notifier } = engine(store);
    await milepost.lanes.pause({ notifier: "memory", by: "test", why: "queue first" });
    await queueOne(milepost);
    await milepost.runOnce();
    await milepost.lanes.resume({ notifier: "memory", by: "test", why: "go" });
    for (let i = 0; i < 3; i++) {
      const now = new Date(Date.UTC(2026, 10, 1));
      const claim = { notifiers: ["memory"], limit: 1, served: [], lease: 60_000, now };
      const [row] = await store.notifications.claim(claim);
      const { tenant, id, fence } = row!;
      const back = { tenant, id, fence, to: "pending", retryIn: 0, refund: false, reason: null } as const;
      await store.notifications.release({ releases: [back], now });
    }
    await milepost.runOnce();
    notifier.expectSent(0);
    expect(await only(milepost)).toMatchObject({ state: "failed", reason: "poison_claim" });
  });
});

describe("a worker whose database is away", () => {
  it("tells it, waits, and goes on by itself", async () => {
    let failures = 1;
    const store = faulty(memoryStore(), (real) => ({
      claim: async (input) => {
        if (failures-- > 0) throw away();
        return real.claim(input);
      },
    }));
    const { milepost, notifier } = engine(store);
    const heard: string[] = [];
    milepost.on("error", ({ where }) => heard.push(where));
    const sent = new Promise((resolve) => milepost.on("sent", resolve));
    const worker = milepost.worker({ pollInterval: 10 });
    await worker.start();
    await queueOne(milepost);
    await sent;
    await worker.stop();
    expect(heard).toEqual(["worker"]);
    notifier.expectSent(1);
  });

  it("warns on the process when nobody listens for errors", async () => {
    const { milepost } = engine(faulty(memoryStore(), () => ({ claim: () => Promise.reject(away()) })));
    const warned = once(process, "warning");
    const worker = milepost.worker();
    await worker.start();
    expect(String((await warned)[0])).toContain("worker: the connection was lost");
    await worker.stop();
  });
});
