import assert from "node:assert/strict";
import type { Milepost } from "../engine.js";
import { type Milestone, type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { ConformanceCase } from "./case.js";
import { engineOf, metric, spend } from "./effect-setup.js";
import { StillClock } from "./engine-setup.js";
import { broken, hostOf, lines, log } from "./host-log.js";
import { hour, minute, twoStores } from "./samples.js";

const about = "engine: effects of limits";
const requires = "effect";
const acme = { metric, subject: "acme" };
const day = 24 * hour;

/** Logs each limit with the value it meets, and each crossing. */
const budget = (options: Partial<MilestoneOptions> = {}): Milestone =>
  milestone({
    name: "budget",
    metric,
    policy: percentOfLimit(50, 100),
    onLimit: ({ value, limit, limitVersion }) => log(`${value} of ${limit} (${limitVersion})`),
    effect: ({ threshold, limitVersion }) => log(`${threshold} (${limitVersion})`),
    ...options,
  });

const setLimit = (milepost: Milepost, amount: number, effectiveFrom?: Date) =>
  milepost.limits.set({ ...acme, amount, ...(effectiveFrom && { effectiveFrom }) });

export const engineLimitEffectCases: readonly ConformanceCase[] = [
  {
    about,
    name: "the first limit of a subject without events opens its counter, which is told of it once",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [budget({ period: "month:UTC" })]);
      await setLimit(milepost, 100);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["0 of 100 (1)"]);
      const counters = (await milepost.counters.list()).map(({ period, value, due }) => [period, value, due]);
      assert.deepEqual(counters, [["month:UTC:2026-11", 0, false]]);
      await spend(milepost, clock, 60);
      await spend(milepost, clock, 60);
      assert.deepEqual(await lines(host), ["0 of 100 (1)", "50% (1)", "100% (1)"]);
    },
  },
  {
    about,
    name: "each new version is told of before the crossings that it brings, also one of the same amount",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [budget()]);
      await setLimit(milepost, 100);
      await spend(milepost, clock, 120);
      await setLimit(milepost, 200);
      await setLimit(milepost, 200);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), [
        ...["0 of 100 (1)", "50% (1)", "100% (1)"],
        ...["120 of 200 (2)", "50% (2)", "120 of 200 (3)", "50% (3)"],
      ]);
    },
  },
  {
    about,
    name: "a counter that waited for its first limit is told of it before what its events crossed",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [budget()]);
      await spend(milepost, clock, 120);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), []);
      await setLimit(milepost, 200);
      assert.deepEqual(await lines(host), ["0 of 200 (1)", "50% (1)"]);
    },
  },
  {
    about,
    name: "a limit that is set for later is told of at its time, without an event",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [budget({ period: "month:UTC" })]);
      await setLimit(milepost, 100, new Date(clock.now().getTime() + day));
      await milepost.runOnce();
      assert.deepEqual(await lines(host), []);
      clock.advance(day);
      await milepost.runOnce();
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["0 of 100 (1)"]);
    },
  },
  {
    about,
    name: "each period is told of its limit with its first event, and one that is over of none",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const onLimit: MilestoneOptions["onLimit"] = ({ period, limit }) => log(`${period} ${limit}`);
      const { milepost } = engineOf(opened.store, clock, [budget({ period: "day:UTC", onLimit })]);
      await setLimit(milepost, 100, new Date(clock.now().getTime() - 10 * day));
      for (let n = 0; n < 3; n++) {
        await spend(milepost, clock, 1);
        await spend(milepost, clock, 1);
        clock.advance(day);
      }
      await spend(milepost, clock, 1, { at: new Date(clock.now().getTime() - 5 * day) });
      await milepost.runOnce();
      assert.deepEqual(await lines(host), [
        "day:UTC:2026-11-01 100",
        "day:UTC:2026-11-02 100",
        "day:UTC:2026-11-03 100",
      ]);
    },
  },
  {
    about,
    name: "a milestone that comes to running counters is told of the limit they have; one that is edited, not again",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const [one, two] = await twoStores(opened);
      const known = milestone({ name: "before", metric, policy: thresholds(1) });
      const before = engineOf(one, clock, [known]).milepost;
      await spend(before, clock, 70);
      await setLimit(before, 100);
      const { milepost } = engineOf(two, clock, [known, budget()]);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["70 of 100 (1)"]);
      const edited = engineOf(two, clock, [known, budget({ policy: percentOfLimit(50, 80, 100) })]).milepost;
      await edited.runOnce();
      await spend(edited, clock, 10);
      assert.deepEqual(await lines(host), ["70 of 100 (1)", "80% (1)"]);
    },
  },
  {
    about,
    name: "a limit whose effect fails is in force all the same, and parks the counter until it runs",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      let fails = true;
      const onLimit: MilestoneOptions["onLimit"] = ({ limit }) => (fails ? broken : log(`${limit}`));
      const { milepost } = engineOf(opened.store, clock, [budget({ onLimit })]);
      const { applied, crossings } = await setLimit(milepost, 100);
      assert.deepEqual([applied, crossings], [true, []]);
      await spend(milepost, clock, 60);
      assert.equal((await milepost.parked.list()).length, 1);
      fails = false;
      clock.advance(minute);
      await milepost.runOnce();
      assert.deepEqual(await lines(host), ["100", "50% (1)"]);
    },
  },
];
