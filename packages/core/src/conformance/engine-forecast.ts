import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { forecast } from "../milestone/policies/forecast.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { owner, refusal, StillClock } from "./engine-setup.js";
import { hour, minute } from "./samples.js";

const about = "engine: forecast";
const metric = "ad.spend";
const subject = "shop-3";
const day = 24 * hour;
/** Where the clock of these cases starts: on the 1st of November, at noon. */
const noon = Date.UTC(2026, 10, 1, 12);
/** A moment of November, which has 30 days. */
const on = (dayOfMonth: number): number => Date.UTC(2026, 10, dayOfMonth);

/**
 * An engine that forecasts a month's spending, with a limit of 3,000 from October on; installed before that, unless a clock
 * is given.
 */
async function forecasting(store: Store, options: Partial<MilestoneOptions> = {}, given?: StillClock) {
  const clock = given ?? new StillClock();
  const policy = forecast(100);
  const milepost = createMilepost({
    store,
    milestones: [milestone({ name: "pace", metric, policy, period: "month:UTC", ...options })],
    metrics: { [metric]: { decrements: true } },
    runtime: { now: clock.now },
  });
  if (given === undefined) {
    clock.advance(-40 * day);
    await milepost.ready();
    clock.advance(40 * day);
  }
  const limit = (amount: number, effectiveFrom?: Date) =>
    milepost.limits.set({ metric, subject, amount, ...(effectiveFrom && { effectiveFrom }) });
  await limit(3_000, new Date("2026-10-01"));
  let known = 0;
  return {
    ...{ milepost, clock, limit },
    go: (at: number) => clock.advance(at - clock.now().getTime()),
    spend: (id: string, amount: number, occurredAt = clock.now()) =>
      milepost.record({ id, metric, subject, amount, occurredAt }),
    /** The crossings since the last call. */
    async passed() {
      const crossings = (await milepost.crossings.list()).slice(known);
      known += crossings.length;
      return crossings.map(({ at, value, eventId, reachedAt, limitVersion, state }) => {
        return `${value} of ${at} by "${eventId}" on ${reachedAt.toISOString().slice(5, 16)} (${limitVersion}) ${state}`;
      });
    },
  };
}

export const engineForecastCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a forecast is passed by itself when the first part of the period is over, to the millisecond",
    async run({ store }) {
      const { milepost, go, spend, passed } = await forecasting(store);
      await spend("a", 900);
      go(on(4) - 1);
      await milepost.runOnce();
      assert.deepEqual(await passed(), []);
      go(on(4));
      await milepost.runOnce();
      assert.deepEqual(await passed(), ['900 of 300 by "" on 11-04T00:00 (1) silent']);
      await spend("b", 5_000);
      go(on(20));
      await milepost.runOnce();
      assert.deepEqual(await passed(), [], "once in a period");
    },
  },
  {
    about,
    name: "a forecast is passed by the event that brings the pace, and that event is answered",
    async run({ store }) {
      const { milepost, go, spend, passed } = await forecasting(store);
      await spend("a", 299);
      go(on(4));
      await milepost.runOnce();
      go(on(7));
      assert.deepEqual((await spend("b", 300)).crossings, [], "599 of 600");
      const { crossings } = await spend("c", 1);
      assert.deepEqual(
        crossings.map(({ threshold, eventId }) => [threshold, eventId]),
        [["forecast:100%", "c"]],
      );
      assert.deepEqual(await passed(), ['600 of 600 by "c" on 11-07T00:00 (1) silent']);
    },
  },
  {
    about,
    name: "an event after the first part of the period is looked at although no worker woke its counter",
    async run({ store }) {
      const { milepost, go, spend, passed } = await forecasting(store);
      await spend("a", 300);
      go(on(6));
      await spend("b", 200);
      assert.deepEqual(await passed(), ['500 of 500 by "b" on 11-06T00:00 (1) silent']);
      go(on(20));
      await milepost.runOnce();
      assert.deepEqual(await passed(), []);
    },
  },
  {
    about,
    name: "a counter that nobody woke until its period was over sleeps, and a late event of a period that is over too",
    async run({ store }) {
      const { milepost, go, spend, passed } = await forecasting(store);
      await spend("a", 900);
      await spend("late", 10, new Date("2026-10-01T01:00:00Z"));
      go(on(31) + day);
      await milepost.runOnce();
      const revs = async () => (await milepost.counters.list({ metric })).map(({ period, rev }) => `${period} ${rev}`);
      const before = await revs();
      await milepost.runOnce();
      assert.deepEqual(await revs(), before);
      assert.deepEqual(await passed(), []);
      await spend("later", 2_991, new Date("2026-10-31T23:00:00Z"));
      assert.deepEqual(await passed(), ['3001 of 3000 by "later" on 10-31T23:00 (1) silent']);
    },
  },
  {
    about,
    name: "each version of the limit has a forecast of its own",
    async run({ store }) {
      const { milepost, go, spend, limit, passed } = await forecasting(store);
      await spend("a", 900);
      go(on(4));
      await milepost.runOnce();
      go(on(5));
      await limit(6_000);
      go(on(7));
      await limit(12_000);
      await spend("b", 1_499);
      await spend("c", 1);
      await spend("d", 1);
      assert.deepEqual(await passed(), [
        '900 of 300 by "" on 11-04T00:00 (1) silent',
        '900 of 800 by "" on 11-05T00:00 (2) silent',
        '2400 of 2400 by "c" on 11-07T00:00 (3) silent',
      ]);
    },
  },
  {
    about,
    name: "a period whose counting began in its middle is measured from there",
    async run({ store }) {
      const clock = new StillClock();
      const before = createMilepost({ store, onUnknownMetric: "count", runtime: { now: clock.now } });
      await before.record({ id: "before", metric, subject, amount: 2_000, occurredAt: clock.now() });
      clock.advance(on(21) - noon);
      // ten of thirty days are left, and the limit is the month's: 300 a day come to it
      const { milepost, go, spend, passed } = await forecasting(store, {}, clock);
      go(on(21) + 12 * hour);
      await spend("a", 300);
      assert.deepEqual(await passed(), []);
      go(on(22));
      await milepost.runOnce();
      assert.deepEqual(await passed(), ['300 of 300 by "" on 11-22T00:00 (1) silent']);
    },
  },
  {
    about,
    name: "a forecast that is installed on a counter that runs adopts what its pace comes to at that moment",
    async run({ store }) {
      const plain = await forecasting(store, { name: "other", policy: forecast(1_000) });
      const { clock } = plain;
      await plain.spend("a", 900);
      await plain.milepost.record({ id: "idle", metric, subject: "shop-4", amount: 900, occurredAt: clock.now() });
      await plain.milepost.limits.set({ metric, subject: "shop-4", amount: 3_000 });
      clock.advance(on(6) - noon);
      const both = createMilepost({
        store,
        milestones: (["other", "pace"] as const).map((name) =>
          milestone({ name, metric, policy: forecast(name === "pace" ? 100 : 1_000), period: "month:UTC" }),
        ),
        runtime: { now: clock.now },
      });
      await both.runOnce();
      await both.runOnce();
      const adopted = await both.crossings.list({ milestone: "pace" });
      assert.deepEqual(
        adopted.map(({ state, at }) => `${state} ${at}`),
        ["adopted 500", "adopted 500"],
      );
      assert.deepEqual(await both.crossings.list({ milestone: "other" }), []);
    },
  },
  {
    about,
    name: "a forecast says what it is, reminds while the pace holds, and ends with a limit that was raised",
    async run({ store }) {
      const notifier = memoryNotifier();
      const { milepost, go, spend, limit } = await forecasting(store, {
        ...{ recipients: owner, notifier, message: { text: "{{threshold}}: {{value}} of {{limit}}" } },
        ...{ remindEvery: day, reminder: { text: "{{reminder}}. {{value}}" }, resolved: { text: "over, {{value}}" } },
      });
      let told = 0;
      const said = async () => {
        await milepost.runOnce();
        const texts = notifier.sent.slice(told).map(({ text }) => text);
        told += texts.length;
        return texts;
      };
      await spend("a", 700);
      go(on(4));
      assert.deepEqual(await said(), ["forecast:100%: 700 of 3000"]);
      go(on(7));
      assert.deepEqual(await said(), ["1. 700"], "600 would do");
      go(on(8));
      assert.deepEqual(await said(), ["2. 700"]);
      go(on(9));
      assert.deepEqual(await said(), [], "it takes 800 now");
      await spend("b", 300);
      go(on(10));
      assert.deepEqual(await said(), ["3. 1000"]);
      go(on(10) + minute);
      await limit(9_000);
      assert.deepEqual(await said(), ["over, 1000"]);
      go(on(12));
      assert.deepEqual(await said(), []);
    },
  },
  {
    about,
    name: "a forecast of a lifetime is refused, by the path of the field",
    async run() {
      const made = () => milestone({ name: "pace", metric, policy: forecast(100) });
      const { code, path } = await refusal(made);
      assert.deepEqual([code, path], ["invalid_milestone", "period"]);
    },
  },
];
