import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import type { Crossing } from "../milestone/crossing.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { owner, refusal, StillClock } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: limits";
const metric = "ad.spend";
const subject = "shop-3";
const shop = { metric, subject };
const day = 24 * hour;

function budgets(store: Store, clock: StillClock, options: Partial<MilestoneOptions> = {}): Milepost {
  return createMilepost({
    store,
    milestones: [milestone({ name: "budget", metric, policy: percentOfLimit(50, 100), ...options })],
    metrics: { [metric]: { decrements: true } },
    runtime: { now: clock.now },
  });
}

const facts = ({ threshold, eventId, at, value, limitVersion, limitAmount }: Crossing) =>
  `${threshold} at ${at} by ${eventId || "the limit"}, ${value} of ${limitAmount} (${limitVersion})`;

async function spend(milepost: Milepost, clock: StillClock, id: string, amount: number, at = clock.now()) {
  return (await milepost.record({ id, ...shop, amount, occurredAt: at })).crossings.map(facts);
}

export const engineLimitCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a percentage is exact in integers: 50% of 1.01 is reached at 0.51",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = budgets(store, clock);
      const set = await milepost.limits.set({ ...shop, amount: 101, by: "olga", why: "agreed" });
      assert.deepEqual([set.version, set.applied, set.crossings, set.by, set.why], [1, true, [], "olga", "agreed"]);
      assert.deepEqual(await spend(milepost, clock, "a", 50), []);
      assert.deepEqual(await spend(milepost, clock, "b", 1), ["50% at 51 by b, 51 of 101 (1)"]);
      assert.deepEqual(await spend(milepost, clock, "c", 49), []);
      assert.deepEqual(await spend(milepost, clock, "d", 1), ["100% at 101 by d, 101 of 101 (1)"]);
      const listed = await milepost.limits.list(shop);
      assert.deepEqual(
        listed.map(({ amount, version }) => [amount, version]),
        [[101, 1]],
      );
    },
  },
  {
    about,
    name: "a counter whose limit is not known waits, due; once it is set its events cross what they passed",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = budgets(store, clock);
      assert.deepEqual(await spend(milepost, clock, "a", 60), []);
      assert.deepEqual(await spend(milepost, clock, "b", 60), []);
      await milepost.runOnce();
      assert.equal((await milepost.counters.get(shop))?.due, true);
      const { crossings } = await milepost.limits.set({ ...shop, amount: 100 });
      assert.deepEqual(crossings.map(facts), ["50% at 50 by a, 60 of 100 (1)", "100% at 100 by b, 120 of 100 (1)"]);
      assert.equal((await milepost.counters.get(shop))?.due, false);
      assert.deepEqual(await spend(milepost, clock, "c", 60), []);
    },
  },
  {
    about,
    name: "a counter that waited for its limit is woken like any other once it has one, also within the same second",
    async run({ store }) {
      const clock = new StillClock();
      const notifier = memoryNotifier();
      const message = { text: "{{threshold}}" };
      const milepost = budgets(store, clock, { recipients: owner, message, notifier, remindEvery: hour });
      await spend(milepost, clock, "a", 60);
      await milepost.runOnce();
      await milepost.limits.set({ ...shop, amount: 100 });
      await milepost.runOnce();
      clock.advance(hour);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 2, "the crossing, and a reminder of it");
    },
  },
  {
    about,
    name: "rhsm-6198: a changed limit arms its levels again, and what is passed already crosses at once",
    async run({ store }) {
      const clock = new StillClock();
      const notifier = memoryNotifier();
      const message = { text: "{{threshold}} of {{limit}}" };
      const milepost = budgets(store, clock, { recipients: owner, message, notifier });
      await milepost.limits.set({ ...shop, amount: 100 });
      await spend(milepost, clock, "a", 120);
      clock.advance(1);
      const raised = await milepost.limits.set({ ...shop, amount: 200 });
      assert.deepEqual(raised.crossings.map(facts), ["50% at 100 by the limit, 120 of 200 (2)"]);
      assert.deepEqual(raised.crossings[0]?.reachedAt, clock.now());
      assert.deepEqual(await spend(milepost, clock, "b", 80), ["100% at 200 by b, 200 of 200 (2)"]);
      const lowered = await milepost.limits.set({ ...shop, amount: 150 });
      assert.deepEqual(
        lowered.crossings.map(({ threshold, state }) => [threshold, state]),
        [
          ["50%", "superseded"],
          ["100%", "pending"],
        ],
      );
      const same = await milepost.limits.set({ ...shop, amount: 150 });
      assert.equal(same.crossings.length, 2, "the same amount again is a new version: replenished");
      await milepost.runOnce();
      assert.deepEqual(notifier.sent.map(({ text }) => text).sort(), [
        "100% of 100",
        "100% of 150",
        "100% of 150",
        "100% of 200",
        "50% of 200",
      ]);
    },
  },
  {
    about,
    name: "a limit that is set for later comes into force at its time, without an event",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = budgets(store, clock);
      await milepost.limits.set({ ...shop, amount: 100 });
      await spend(milepost, clock, "a", 80);
      const effectiveFrom = new Date(clock.now().getTime() + day);
      const later = await milepost.limits.set({ ...shop, amount: 50, effectiveFrom });
      assert.deepEqual([later.applied, later.crossings], [false, []]);
      clock.advance(day - 1);
      await milepost.runOnce();
      assert.equal((await milepost.crossings.list()).length, 1);
      clock.advance(1);
      await milepost.runOnce();
      const crossings = await milepost.crossings.list();
      assert.deepEqual(crossings.map(facts), [
        "50% at 50 by a, 80 of 100 (1)",
        "50% at 25 by the limit, 80 of 50 (2)",
        "100% at 50 by the limit, 80 of 50 (2)",
      ]);
      assert.deepEqual(crossings[1]?.reachedAt, effectiveFrom);
    },
  },
  {
    about,
    name: "each month has the limit that was in force in it, late events too, and the next month's touches it not",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = budgets(store, clock, { period: "month:UTC" });
      const month = (text: string) => new Date(`${text}-01T00:00:00Z`);
      await milepost.limits.set({ ...shop, amount: 100, effectiveFrom: month("2026-10") });
      await milepost.limits.set({ ...shop, amount: 200, effectiveFrom: month("2026-11") });
      await milepost.limits.set({ ...shop, amount: 10, effectiveFrom: month("2026-12") });
      assert.deepEqual(await spend(milepost, clock, "november", 100), ["50% at 100 by november, 100 of 200 (2)"]);
      const october = new Date("2026-10-31T23:59:59Z");
      assert.deepEqual(await spend(milepost, clock, "late", 50, october), ["50% at 50 by late, 50 of 100 (1)"]);
      const [late] = await milepost.crossings.list({ states: ["silent"], limit: 1 });
      assert.ok(late);
      assert.deepEqual(await spend(milepost, clock, "before any", 5_000, new Date("2026-09-30")), []);
      clock.advance(30 * day);
      await milepost.runOnce();
      assert.deepEqual(await spend(milepost, clock, "december", 5), ["50% at 5 by december, 5 of 10 (3)"]);
      assert.equal((await milepost.crossings.list()).length, 3);
      // a month that is over may still be given another limit
      const { crossings } = await milepost.limits.set({ ...shop, amount: 1_000, effectiveFrom: month("2026-09") });
      assert.deepEqual(
        crossings.map(({ period, threshold }) => [period, threshold]),
        [
          ["month:UTC:2026-09", "50%"],
          ["month:UTC:2026-09", "100%"],
        ],
      );
    },
  },
  {
    about,
    name: "a percentage that is added to a counter with a limit adopts what lies behind, under that limit",
    async run({ store }) {
      const clock = new StillClock();
      const before = budgets(store, clock);
      await before.limits.set({ ...shop, amount: 100 });
      await spend(before, clock, "a", 60);
      const more = milestone({ name: "early", metric, policy: percentOfLimit(10, 70) });
      const milepost = createMilepost({
        ...{ store, runtime: { now: clock.now } },
        milestones: [milestone({ name: "budget", metric, policy: percentOfLimit(50, 100) }), more],
      });
      await milepost.runOnce();
      assert.deepEqual(await spend(milepost, clock, "b", 10), ["70% at 70 by b, 70 of 100 (1)"]);
      const [adopted] = await milepost.crossings.list({ milestone: "early", states: ["adopted"] });
      assert.deepEqual([adopted?.threshold, adopted?.limitVersion, adopted?.limitAmount], ["10%", 1, 100]);
    },
  },
  {
    about,
    name: "limits and spending from many sides at once: each version's levels are crossed exactly as far as it was spent",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = budgets(store, clock);
      const spending = Array.from({ length: 60 }, (_, i) => spend(milepost, clock, `e${i}`, 10));
      const limits = [100, 400, 250, 1_000, 600].map((amount) => milepost.limits.set({ ...shop, amount }));
      await Promise.all([...spending, ...limits]);
      await milepost.runOnce();
      const counter = await milepost.counters.get(shop);
      assert.deepEqual([counter?.value, counter?.due], [600, false]);
      const versions = await milepost.limits.list(shop);
      const last = versions.at(-1)!;
      const crossings = await milepost.crossings.list();
      const reached = crossings.filter(({ limitVersion }) => limitVersion === last.version);
      const expected = [50, 100]
        .filter((percent) => 600 * 100 >= percent * last.amount)
        .map((percent) => `${percent}%`);
      assert.deepEqual(
        reached.map(({ threshold }) => threshold),
        expected,
      );
      for (const { at, value, limitVersion, limitAmount, threshold } of crossings) {
        assert.equal(versions[limitVersion - 1]?.amount, limitAmount);
        assert.equal(at * 100, Number.parseInt(threshold, 10) * limitAmount!);
        assert.ok(at <= value);
      }
      const keys = crossings.map(({ threshold, limitVersion }) => `${threshold} ${limitVersion}`);
      assert.equal(new Set(keys).size, keys.length);
    },
  },
  {
    about,
    name: "refuses a limit that is none, by the path of the field, and stores nothing",
    async run({ store }) {
      const milepost = budgets(store, new StillClock());
      const wrong: readonly [object, string][] = [
        [{ amount: -1 }, "amount"],
        [{ amount: 1.5 }, "amount"],
        [{ amount: 1, effectiveFrom: new Date(Number.NaN) }, "effectiveFrom"],
        [{ amount: 1, effectiveFrom: new Date(-8.64e15) }, "effectiveFrom"],
        [{ amount: 1, effectiveFrom: new Date("0000-12-31") }, "effectiveFrom"],
        [{ amount: 1, effectiveFrom: new Date("+010000-01-01") }, "effectiveFrom"],
        [{ amount: 1, subject: "" }, "subject"],
        [{ amount: 1, until: 5 }, "until"],
      ];
      for (const [input, path] of wrong) {
        const error = await refusal(() => milepost.limits.set({ ...shop, ...input } as never));
        assert.deepEqual([error.code, error.path], ["invalid_options", path]);
      }
      const unknown = await refusal(() => milepost.limits.set({ ...shop, metric: "ad.spent", amount: 1 }));
      assert.deepEqual([unknown.code, unknown.path], ["unknown_metric", "metric"]);
      assert.deepEqual(await milepost.limits.list(shop), []);
      // one that was kept and cannot be brought into force would stop every sweep
      assert.equal((await milepost.runOnce()).evaluated, 0);
    },
  },
];
