import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Milestone, type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { type Period, spanAt } from "../milestone/period.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { ConformanceCase } from "./case.js";
import { engineOf, metric, spend } from "./effect-setup.js";
import { zones } from "./engine-periods.js";
import { StillClock } from "./engine-setup.js";
import { broken, hostOf, lines, log } from "./host-log.js";
import { hour, twoStores } from "./samples.js";

const about = "engine: ends of periods";
const requires = "effect";
const day = 24 * hour;

/** Logs crossings and ends of days; the clock of the cases starts at noon of 2026-11-01. */
const daily = (options: Partial<MilestoneOptions> = {}): Milestone =>
  milestone({
    name: "daily",
    metric,
    period: "day:UTC",
    policy: thresholds(10),
    effect: ({ subject, period, threshold }) => log(`${subject} ${dateOf(period)} ${threshold}`),
    onPeriodEnd: ({ subject, period, value }) => log(`${subject} ${dateOf(period)} ends at ${value}`),
    ...options,
  });

const dateOf = (period: string) => period.slice(-2);

/** The ends of some days fail until they are repaired. */
function fragile(...dates: readonly string[]) {
  const state = { repaired: false };
  const effect = daily({
    onPeriodEnd({ subject, period, value }) {
      if (dates.includes(dateOf(period)) && !state.repaired) return broken;
      return log(`${subject} ${dateOf(period)} ends at ${value}`);
    },
  });
  return { state, effect };
}

export const enginePeriodEndCases: readonly ConformanceCase[] = [
  {
    about,
    name: "the end of a counter's period is told once, by the first pass after it, without an event",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [daily()]);
      await spend(milepost, clock, 20);
      await spend(milepost, clock, 3, { subject: "brand" });
      clock.advance(day / 2 - 1);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["acme 01 10"]);
      clock.advance(1);
      await milepost.runOnce();
      const all = ["acme 01 10", "acme 01 ends at 20", "brand 01 ends at 3"];
      assert.deepEqual([...(await lines(host))].sort(), all);
      for (let n = 0; n < 3; n++) {
        clock.advance(day);
        await milepost.runOnce();
      }
      assert.deepEqual([...(await lines(host))].sort(), all);
    },
  },
  {
    about,
    name: "a worker tells the end of a period too",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [daily()]);
      await spend(milepost, clock, 3);
      clock.advance(day);
      const worker = milepost.worker({ pollInterval: 5, sweepInterval: 5 });
      await worker.start();
      while ((await lines(host)).length === 0) await nextTurn();
      await worker.stop();
      assert.deepEqual(await lines(host), ["acme 01 ends at 3"]);
    },
  },
  {
    about,
    name: "the first event of the next period has the end told before it, also where the clock has not got there",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [daily()]);
      await spend(milepost, clock, 5);
      clock.advance(day / 2 - 1_000);
      const tomorrow = new Date(clock.now().getTime() + 2_000);
      assert.deepEqual(await spend(milepost, clock, 20, { at: tomorrow }), ["10"]);
      assert.deepEqual(await lines(host), ["acme 01 ends at 5", "acme 02 10"]);
      assert.deepEqual(await spend(milepost, clock, 20), ["10"], "recorded, for the clock is in that day still");
      clock.advance(hour);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["acme 01 ends at 5", "acme 02 10"], "and without effect: the end was told");
      clock.advance(day);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["acme 01 ends at 5", "acme 02 10", "acme 02 ends at 20"]);
    },
  },
  {
    about,
    name: "the end of a period that nobody looked at in it is not told, nor are effects that were due in it",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [daily()]);
      await spend(milepost, clock, 20, { at: new Date(clock.now().getTime() - day) });
      await milepost.runOnce();
      assert.deepEqual(await lines(host), []);
      assert.equal((await milepost.crossings.list()).length, 1);
    },
  },
  {
    about,
    name: "onPeriodEnd that comes with a deployment tells the end of the period that runs, and of none before",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const [one, two] = await twoStores(opened);
      const without = milestone({ name: "daily", metric, period: "day:UTC", policy: thresholds(1, 10) });
      const before = engineOf(one, clock, [without]).milepost;
      for (let n = 0; n < 3; n++) {
        await spend(before, clock, 1);
        clock.advance(day);
      }
      await spend(before, clock, 1);
      const { milepost } = engineOf(two, clock, [daily()]);
      await milepost.runOnce();
      await spend(milepost, clock, 2, { at: new Date(clock.now().getTime() - 2 * day) });
      await milepost.runOnce();
      assert.deepEqual(await lines(host), []);
      clock.advance(day);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["acme 04 ends at 1"]);
    },
  },
  {
    about,
    name: "an edit between the end of a period and the pass that tells it loses nothing",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const [one, two] = await twoStores(opened);
      await spend(engineOf(one, clock, [daily()]).milepost, clock, 5);
      clock.advance(day);
      const { milepost } = engineOf(two, clock, [daily({ policy: thresholds(10, 20) })]);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["acme 01 ends at 5"]);
    },
  },
  {
    about,
    name: "what the next period has to say waits for an end that is parked, and comes after it; other subjects do not wait",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { state, effect } = fragile("01");
      const { milepost } = engineOf(opened.store, clock, [effect]);
      await spend(milepost, clock, 5);
      clock.advance(day);
      assert.deepEqual(await spend(milepost, clock, 20), []);
      assert.deepEqual(await spend(milepost, clock, 20, { subject: "brand" }), ["10"]);
      const [parked, ...more] = await milepost.parked.list();
      assert.deepEqual([parked?.period, more.length], ["day:UTC:2026-11-01", 0]);
      state.repaired = true;
      const act = { metric, subject: "acme", period: parked!.period, by: "ada", why: "repaired" };
      assert.equal(await milepost.parked.release(act), null);
      assert.deepEqual(await spend(milepost, clock, 1), []);
      assert.deepEqual(await lines(host), ["brand 02 10", "acme 01 ends at 5", "acme 02 10"]);
    },
  },
  {
    about,
    name: "an earlier period that waits for a limit it never had, and has nothing to tell, holds up no later one",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [daily({ policy: percentOfLimit(50, 100) })]);
      await spend(milepost, clock, 5);
      clock.advance(day);
      await milepost.limits.set({ metric, subject: "acme", amount: 100 });
      assert.deepEqual(await spend(milepost, clock, 60), ["50%"]);
      assert.deepEqual(await lines(host), ["acme 02 50%"]);
    },
  },
  {
    about,
    name: "a history of many periods is evaluated by the call that records it",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [daily()]);
      const events = Array.from({ length: 20 }, (_, n) => {
        return {
          id: `h${n}`,
          metric,
          subject: "acme",
          amount: 12,
          occurredAt: new Date(clock.now().getTime() - n * day),
        };
      });
      await milepost.recordMany(events);
      assert.equal((await milepost.crossings.list()).length, 20);
      assert.deepEqual(await lines(host), ["acme 01 10"], "of the days that are over none has an effect");
      assert.deepEqual(
        (await milepost.counters.list()).filter(({ due }) => due),
        [],
      );
    },
  },
  {
    about,
    name: "one pass tells all ends that it can, however many before them fail",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const failing = daily({
        onPeriodEnd: ({ subject, value }) => (subject.startsWith("a") ? broken : log(`${subject} ends at ${value}`)),
      });
      const { milepost } = engineOf(opened.store, clock, [failing]);
      const subjects = [...Array.from({ length: 600 }, (_, n) => `a${n}`), "brand"];
      await milepost.recordMany(subjects.map((subject) => ({ id: subject, metric, subject, occurredAt: clock.now() })));
      clock.advance(day);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["brand ends at 1"]);
      assert.equal((await milepost.parked.list({ limit: 1_000 })).length, 600);
    },
  },
  {
    about,
    name: "a month ends in each zone at its own moment, in the first pass from then on, and the next begins anew",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const name = (zone: string) => zone.replace("/", "-");
      const milestones = zones.map((zone) =>
        milestone({
          name: name(zone),
          metric,
          period: `month:${zone}` as Period,
          policy: thresholds(1, 2),
          effect: ({ period, threshold }) => log(`${period} ${threshold}`),
          onPeriodEnd: ({ period, value }) => log(`${period} ends at ${value}`),
        }),
      );
      const { milepost } = engineOf(opened.store, clock, milestones);
      const noon = clock.now();
      await spend(milepost, clock, 1);
      const spans = zones.map((zone) => ({ zone, ...spanAt(`month:${zone}`, noon) }));
      const expected = spans.map(({ key }) => `${key} 1`);
      assert.deepEqual([...(await lines(host))].sort(), [...expected].sort());
      for (const end of [...new Set(spans.map((span) => span.end))].sort((a, b) => a - b)) {
        clock.advance(end - clock.now().getTime() - 1);
        await milepost.runOnce();
        assert.equal((await lines(host)).length, expected.length, "none before its time");
        clock.advance(1);
        await milepost.runOnce();
        const ended = spans.filter((span) => span.end === end).map(({ key }) => `${key} ends at 1`);
        expected.push(...ended);
        assert.deepEqual([...(await lines(host)).slice(-ended.length)].sort(), ended.sort());
      }
      clock.advance(hour);
      await spend(milepost, clock, 2);
      const next = zones
        .map((zone) => spanAt(`month:${zone}`, clock.now()).key)
        .flatMap((key) => [`${key} 1`, `${key} 2`]);
      assert.deepEqual([...(await lines(host)).slice(expected.length)].sort(), next.sort());
    },
  },
];
