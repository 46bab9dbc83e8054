import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { type MemoryNotifier, type MemoryNotifierOptions, memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted, ambiguous, refusedPermanent, refusedTransient, unavailable } from "../notifier/notifier.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { metric, refusal, type SetupOptions, StillClock, setUp } from "./engine-setup.js";
import { hour, minute, twoStores } from "./samples.js";

const about = "engine: lanes";
const person = { by: "ann", why: "a test" };
const second = 1_000;
const day = 24 * hour;

/** As many people as the event's amount. */
const crowd = {
  resolve: async ({ value }: { readonly value: number }) =>
    Array.from({ length: value }, (_, i) => ({ address: `r${i}@acme.example`, name: `R${i}` })),
};

/** An engine that tells a crowd, and when each call was made, by the clock that stands still. */
function crowded(store: Store, options: SetupOptions & { readonly answer?: MemoryNotifierOptions["answer"] } = {}) {
  const { answer, ...rest } = options;
  const clock = options.clock ?? new StillClock();
  const calls: number[] = [];
  const notifier = memoryNotifier({
    answer: (message, context) => {
      calls.push(clock.now().getTime());
      return answer?.(message, context);
    },
  });
  const setup = setUp(store, {
    ...{ values: [1], notifier, ...rest, clock },
    milestone: { recipients: crowd, ...options.milestone },
  });
  return { ...setup, calls };
}

/** Has a crowd of this size announced, all at once; nobody is told yet unless its lane has room. */
async function announce({ milepost }: { readonly milepost: Milepost }, size: number): Promise<void> {
  await milepost.record({ id: "crowd", metric, subject: "acme", amount: size });
}

const limit = (milepost: Milepost, limits: object) =>
  milepost.lanes.limit({ notifier: "memory", ...person, ...limits });

/** The most calls within any so many milliseconds. */
const mostIn = (calls: readonly number[], length: number): number =>
  Math.max(...calls.map((first) => calls.filter((time) => time >= first && time < first + length).length));

async function states({ milepost }: { readonly milepost: Milepost }): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of await milepost.notifications.list({ limit: 10_000 }))
    counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export const engineLaneCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a rate lets no more calls start within any minute, whichever engine makes them, and holds nobody up for longer",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const clock = new StillClock();
      const first = crowded(one, { clock });
      const other = crowded(two, { clock });
      await limit(first.milepost, { rate: { count: 10, interval: minute } });
      await announce(first, 55);
      const begin = clock.now().getTime();
      const made = () => [...first.calls, ...other.calls];
      for (let passes = 0; made().length < 55; passes++) {
        assert.ok(passes < 200, `${made().length} calls after ${passes} passes`);
        await Promise.all([first.milepost.runOnce({ concurrency: 7 }), other.milepost.runOnce({ concurrency: 7 })]);
        clock.advance(3 * second);
      }
      const calls = made().sort((a, b) => a - b);
      assert.equal(mostIn(calls, minute), 10);
      // five windows of a minute and a part of three seconds, in passes of three seconds
      assert.ok(calls.at(-1)! - begin <= 5 * (minute + 6 * second), `${calls.at(-1)! - begin} ms`);
      assert.deepEqual(await states(first), { sent: 55 });
    },
  },
  {
    about,
    name: "a day's quota is used up until midnight in its zone; the lane says when it opens, and explain() too",
    async run({ store }) {
      const setup = crowded(store);
      const { milepost, clock, calls } = setup;
      const limited = await limit(milepost, { quota: { count: 3, per: "day:Asia/Kathmandu" } });
      assert.deepEqual([limited.free, limited.quota], [3, { count: 3, per: "day:Asia/Kathmandu" }]);
      await announce(setup, 8);
      await milepost.runOnce();
      const midnight = new Date("2026-11-01T18:15:00Z");
      const [lane] = await milepost.lanes.list();
      assert.deepEqual([calls.length, lane?.free, lane?.notBefore], [3, 0, midnight]);
      assert.equal(Object.keys(lane!).includes("usage"), false);
      const [waiting] = await milepost.notifications.list({ states: ["pending"] });
      const story = await milepost.explain({ notification: waiting!.id });
      assert.match(story!.lines.join("\n"), /: pending, from 2026-11-01T18:15:00\.000Z on, when its lane opens\.$/m);
      clock.advance(midnight.getTime() - clock.now().getTime() - 1);
      await milepost.runOnce();
      assert.equal(calls.length, 3);
      clock.advance(1);
      await milepost.runOnce();
      assert.equal(calls.length, 6);
      clock.advance(day);
      await milepost.runOnce();
      assert.deepEqual([await states(setup), calls.length], [{ sent: 8 }, 8]);
    },
  },
  {
    about,
    name: "of 500 a day never more are accepted or may be, with calls that fail and are refused, and no place is lost",
    async run({ store }) {
      const may = new Map<string, number>();
      const setup = crowded(store, {
        delivery: { retryBase: minute, retryCap: minute },
        answer: ({ to }, { attempt }) => {
          const which = Number(to.address.slice(1).split("@")[0]) % 10;
          if (which < 3 && attempt === 1) return refusedTransient("busy");
          if (which === 3) return refusedPermanent("no such mailbox");
          const today = setup.clock.now().toISOString().slice(0, 10);
          may.set(today, (may.get(today) ?? 0) + 1);
          if (which === 4) return ambiguous("time-out");
          if (which === 5) throw new Error("connection lost");
          return accepted();
        },
      });
      await limit(setup.milepost, { quota: { count: 500, per: "day:UTC" } });
      await announce(setup, 600);
      const used = async () => Object.values((await store.lanes.list({ tenant: "default" }))[0]!.usage.quota);
      for (let passes = 0; passes < 20; passes++) {
        await setup.milepost.runOnce({ concurrency: 100 });
        setup.clock.advance(minute);
      }
      assert.deepEqual([...may], [["2026-11-01", 500]]);
      assert.deepEqual(await used(), [500]);
      setup.clock.advance(12 * hour);
      for (let passes = 0; passes < 5; passes++) {
        await setup.milepost.runOnce({ concurrency: 100 });
        setup.clock.advance(minute);
      }
      assert.deepEqual(
        [...may],
        [
          ["2026-11-01", 500],
          ["2026-11-02", 40],
        ],
      );
      assert.deepEqual(await states(setup), { sent: 420, failed: 60, ambiguous: 120 });
    },
  },
  {
    about,
    name: "a way out that is out of service parks its lane and uses up no attempts; all is sent when it is back",
    async run({ store }) {
      let down = true;
      const setup = crowded(store, {
        milestone: { maxAttempts: 2 },
        answer: () => (down ? unavailable("connection refused") : accepted()),
      });
      const { milepost, clock, calls } = setup;
      await announce(setup, 40);
      const begin = clock.now().getTime();
      await milepost.runOnce({ concurrency: 1 });
      assert.equal(calls.length, 1, "one call is enough to know");
      const [lane] = await milepost.lanes.list();
      assert.ok(lane!.notBefore!.getTime() > begin && lane!.paused === false);
      while (clock.now().getTime() < begin + hour) {
        await milepost.runOnce({ concurrency: 4 });
        clock.advance(15 * second);
      }
      // four at once, and after the first tries not sooner than half a minute after the last ones
      assert.ok(calls.length > 40 && calls.length < 4 * (hour / (20 * second)), `${calls.length} calls`);
      const rows = await milepost.notifications.list({ limit: 100 });
      assert.ok(rows.every(({ state, attempts, excused }) => state === "pending" && attempts === excused));
      down = false;
      clock.advance(minute);
      const back = calls.length;
      await milepost.runOnce();
      assert.deepEqual([await states(setup), calls.length - back], [{ sent: 40 }, 40]);
    },
  },
  {
    about,
    name: "three days after its first attempt a notification gives up on a way out that is still out of service",
    async run({ store }) {
      const setup = crowded(store, { milestone: { maxAttempts: 2 }, answer: () => unavailable("connection refused") });
      const { milepost, clock } = setup;
      await announce(setup, 1);
      await milepost.runOnce();
      clock.advance(3 * day);
      await milepost.runOnce();
      assert.deepEqual(await states(setup), { pending: 1 });
      clock.advance(hour);
      await milepost.runOnce();
      const [row] = await milepost.notifications.list();
      assert.deepEqual([row?.state, row?.reason, row?.detail], ["failed", "attempts_used_up", "connection refused"]);
      assert.deepEqual([row?.attempts, row?.excused], [3, 1]);
    },
  },
  {
    about,
    name: "a person frees a lane that is parked by naming no limit, and every engine sees it",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      let down = true;
      const clock = new StillClock();
      const setup = crowded(one, { clock, answer: () => (down ? unavailable("down", 10 * hour) : accepted()) });
      await announce(setup, 5);
      await setup.milepost.runOnce({ concurrency: 1 });
      down = false;
      clock.advance(hour);
      await setup.milepost.runOnce();
      assert.equal(setup.calls.length, 1);
      const freed = await limit(crowded(two, { clock }).milepost, {});
      assert.deepEqual([freed.notBefore, freed.free], [null, null]);
      await setup.milepost.runOnce();
      assert.equal(setup.calls.length, 5);
      clock.advance(10 * hour);
      await setup.milepost.runOnce();
      assert.deepEqual(await states(setup), { sent: 5 });
    },
  },
  {
    about,
    name: "a tenant's few do not wait for another's crowd that was served before",
    async run({ store }) {
      const order: string[] = [];
      let milepost: Milepost;
      const notifier: MemoryNotifier = memoryNotifier({
        answer: async (_, { tenant }) => {
          order.push(tenant);
          const late = { id: "late", metric, subject: "late", amount: 10, tenant: "newcomer" };
          if (order.length === 50) await milepost.record(late);
          return accepted();
        },
      });
      milepost = createMilepost({
        store,
        milestones: [
          milestone({
            ...{ name: "m", metric, policy: thresholds(1), recipients: crowd, message: { text: "hello" }, notifier },
          }),
        ],
        runtime: { now: new StillClock().now },
      });
      await milepost.record({ id: "crowd", metric, subject: "acme", amount: 300, tenant: "crowd" });
      await milepost.runOnce({ concurrency: 5 });
      assert.deepEqual([order.length, order.filter((tenant) => tenant === "newcomer").length], [310, 10]);
      const last = order.lastIndexOf("newcomer");
      assert.ok(last < 50 + 4 * 5, `the last of the few was call ${last}`);
    },
  },
  {
    about,
    name: "refuses a limit that is none, by the path of the field, and records nothing",
    async run({ store }) {
      const { milepost } = setUp(store);
      const wrong: readonly [object, string][] = [
        [{ rate: { count: 0, interval: 1 } }, "rate.count"],
        [{ rate: { count: 1.5, interval: 1 } }, "rate.count"],
        [{ rate: { count: 1, interval: day + 1 } }, "rate.interval"],
        [{ rate: { count: 1 } }, "rate.interval"],
        [{ quota: { count: 1, per: "day:Nowhere/Else" } }, "quota.per"],
        [{ quota: { count: 1, per: "week:UTC" } }, "quota.per"],
        [{ quota: { count: 1, per: 24 } }, "quota.per"],
        [{ quota: { count: -1, per: "24h" } }, "quota.count"],
        [{ quote: null }, "quote"],
        [{ notifier: "" }, "notifier"],
        [{ why: "" }, "why"],
      ];
      for (const [fields, path] of wrong) {
        const { code, path: at } = await refusal(() => limit(milepost, fields));
        assert.deepEqual([code, at], ["invalid_options", path]);
      }
      assert.deepEqual(await milepost.lanes.list(), []);
      assert.deepEqual(await actsOf(store, { tenant: "default", entity: "lane", entityId: "memory" }), []);
    },
  },
  {
    about,
    name: "pausing, resuming and limiting answer the lane, and refuse a notifier that nobody knows",
    async run({ store }) {
      const { milepost } = setUp(store);
      const act = { notifier: "memory", ...person };
      const open = { notBefore: null, rate: null, quota: null, free: null };
      const lane = { tenant: "default", notifier: "memory", ...open };
      assert.deepEqual(await milepost.lanes.pause(act), { ...lane, paused: true });
      assert.deepEqual(await milepost.lanes.resume(act), { ...lane, paused: false });
      // by an engine without milestones, as an administrator's tool has one: what is stored is known too
      const tool = createMilepost({ store });
      assert.equal((await tool.lanes.pause(act)).paused, true);
      for (const [engine, fields, known] of [
        [milepost, { notifier: "memroy" }, '"memory"'],
        [tool, { notifier: "memroy" }, '"memory"'],
        [tool, { tenant: "other" }, "there is none yet"],
      ] as const) {
        for (const step of ["pause", "resume", "limit"] as const) {
          const refused = await refusal(() => engine.lanes[step]({ ...act, ...fields }));
          assert.deepEqual([refused.code, refused.path], ["invalid_options", "notifier"]);
          assert.equal(refused.expected, `a notifier of this engine, or of a lane of the tenant: ${known}`);
        }
      }
      assert.deepEqual(await milepost.lanes.list(), [{ ...lane, paused: true }]);
      assert.deepEqual(await milepost.lanes.list({ tenant: "other" }), []);
    },
  },
];
