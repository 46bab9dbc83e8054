import assert from "node:assert/strict";
import { createMilepost, type Milepost, type MilepostOptions } from "../engine.js";
import { type Milestone, milestone } from "../milestone/milestone.js";
import { fallingBelow } from "../milestone/policies/falling-below.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { StateQuery, SubjectState } from "../milestone/subject-state.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { refusal, StillClock } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: state";
const metric = "ad.spend";
const subject = "shop-3";
const shop = { metric, subject };
const day = 24 * hour;

const budget: Milestone = milestone({ name: "budget", metric, policy: percentOfLimit(50, 100, 120) });
const monthly = (...values: readonly number[]): Milestone =>
  milestone({ name: "monthly", metric, period: "month:UTC", policy: thresholds(...values) });

function engine(
  store: Store,
  clock: StillClock,
  milestones: readonly Milestone[],
  options: Omit<MilepostOptions, "store"> = {},
): Milepost {
  const metrics = { [metric]: { decrements: true } };
  return createMilepost({ store, milestones, metrics, runtime: { now: clock.now }, ...options });
}

/** The state of the only milestone that is asked for. */
async function only(milepost: Milepost, query: Partial<StateQuery> = {}): Promise<SubjectState> {
  const [state, ...more] = await milepost.state({ subject, ...query });
  assert.deepEqual(more, []);
  assert.ok(state);
  return state;
}

const spend = (milepost: Milepost, clock: StillClock, id: string, amount: number) =>
  milepost.record({ id, ...shop, amount, occurredAt: clock.now() });

export const engineStateCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a budget's state: value, percent of the limit, what was passed and what is next",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = engine(store, clock, [budget]);
      await milepost.limits.set({ ...shop, amount: 65_000 });
      assert.deepEqual(await only(milepost), {
        ...{ milestone: "budget", metric, period: "lifetime", value: 0, status: "ok", limit: 65_000, percent: "0.00" },
        next: { threshold: "50%", at: 32_500, remaining: 32_500 },
        ...{
          passed: [],
          projected: { value: null, nextReachedAt: null },
          partial: false,
          nextReminder: null,
          waiting: null,
          parked: null,
        },
      });
      const spent = clock.now();
      const { crossings } = await spend(milepost, clock, "click-1", 68_591);
      assert.deepEqual(await only(milepost), {
        ...{ milestone: "budget", metric, period: "lifetime", value: 68_591, status: "reached" },
        ...{ limit: 65_000, percent: "105.52", next: { threshold: "120%", at: 78_000, remaining: 9_409 } },
        passed: crossings.map(({ id, threshold, state, reason }) => ({
          id,
          threshold,
          reachedAt: spent,
          state,
          reason,
        })),
        ...{
          projected: { value: null, nextReachedAt: null },
          partial: false,
          nextReminder: null,
          waiting: null,
          parked: null,
        },
      });
      assert.deepEqual(
        crossings.map(({ threshold }) => threshold),
        ["50%", "100%"],
      );
    },
  },
  {
    about,
    name: "another limit measures anew: the state is that of the limit in force, what was passed before stays listed",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = engine(store, clock, [budget]);
      await milepost.limits.set({ ...shop, amount: 100 });
      await spend(milepost, clock, "a", 60);
      await milepost.limits.set({ ...shop, amount: 1_000 });
      const { limit, percent, status, next, passed } = await only(milepost);
      assert.deepEqual([limit, percent, status, next?.at], [1_000, "6.00", "ok", 500]);
      assert.deepEqual(
        passed.map(({ threshold, state, reason }) => `${threshold} ${state} ${reason}`),
        ["50% silent silent"],
      );
      await milepost.limits.set({ ...shop, amount: 0 });
      const nothing = await only(milepost);
      assert.deepEqual([nothing.limit, nothing.percent, nothing.status, nothing.next], [0, null, "reached", null]);
    },
  },
  {
    about,
    name: "a counter whose limit is not known waits for it, and so do the other milestones of its period",
    async run({ store }) {
      const clock = new StillClock();
      const other = milestone({ name: "first", metric, policy: thresholds(1) });
      const milepost = engine(store, clock, [budget, other]);
      const waits = async () =>
        (await milepost.state({ subject })).map(({ waiting, next }) => [waiting, next?.at ?? null]);
      assert.deepEqual(await waits(), [
        [null, null],
        [null, 1],
      ]);
      await spend(milepost, clock, "a", 60);
      assert.deepEqual(await waits(), [
        ["limit", null],
        ["limit", null],
      ]);
      assert.deepEqual((await only(milepost, { milestone: "first" })).waiting, "limit", "also alone");
      const { value, limit, percent, status } = await only(milepost, { milestone: "budget" });
      assert.deepEqual([value, limit, percent, status], [60, null, null, "ok"]);
      await milepost.limits.set({ ...shop, amount: 100 });
      assert.deepEqual(await waits(), [
        [null, 100],
        [null, null],
      ]);
    },
  },
  {
    about,
    name: "a counter that is due is told as it stands, and as waiting for its evaluation",
    async run({ store }) {
      const clock = new StillClock();
      const lost: Store = {
        ...store,
        crossings: { ...store.crossings, commitEvaluation: async ({ evaluations }) => evaluations.map(() => "lost") },
      };
      const dying = engine(lost, clock, [monthly(10, 100)]);
      await spend(dying, clock, "a", 15);
      const milepost = engine(store, clock, [monthly(10, 100)]);
      const waiting = await only(milepost);
      assert.deepEqual([waiting.value, waiting.next?.at, waiting.passed, waiting.waiting], [15, 100, [], "evaluation"]);
      await milepost.runOnce();
      const evaluated = await only(milepost);
      assert.deepEqual([evaluated.passed.length, evaluated.status, evaluated.waiting], [1, "reached", null]);
    },
  },
  {
    about,
    name: "a milestone that a running counter has not met yet waits for its evaluation",
    async run({ store }) {
      const clock = new StillClock();
      await spend(engine(store, clock, [monthly(100)]), clock, "a", 15);
      const more = milestone({ name: "more", metric, period: "month:UTC", policy: thresholds(10, 20) });
      const milepost = engine(store, clock, [monthly(100), more]);
      assert.equal((await only(milepost, { milestone: "more" })).waiting, "evaluation");
      await milepost.runOnce();
      const { waiting, status, passed, next } = await only(milepost, { milestone: "more" });
      assert.deepEqual([waiting, status, next?.at], [null, "reached", 20]);
      assert.deepEqual(
        passed.map(({ threshold, state }) => `${threshold} ${state}`),
        ["10 adopted"],
      );
    },
  },
  {
    about,
    name: "the state is that of the current span, of the one at an instant, or of the one whose key is given",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = engine(store, clock, [monthly(10), milestone({ name: "ever", metric, policy: thresholds(25) })]);
      await spend(milepost, clock, "november", 20);
      clock.advance(30 * day);
      await spend(milepost, clock, "december", 7);
      const values = async (query: Partial<StateQuery>) =>
        (await milepost.state({ subject, ...query })).map(
          ({ period, value, status }) => `${period} ${value} ${status}`,
        );
      const december = ["month:UTC:2026-12 7 ok", "lifetime 27 reached"];
      assert.deepEqual(await values({}), december);
      assert.deepEqual(await values({ at: clock.now() }), december);
      const november = new Date("2026-11-30T23:59:59.999Z");
      assert.deepEqual(await values({ at: november }), ["month:UTC:2026-11 20 reached", "lifetime 27 reached"]);
      assert.deepEqual(await values({ period: "month:UTC:2026-11" }), ["month:UTC:2026-11 20 reached"]);
      assert.deepEqual(await values({ period: "lifetime" }), ["lifetime 27 reached"]);
      assert.deepEqual(await values({ period: "day:UTC:2026-11-30" }), []);
      const passed = await only(milepost, { period: "month:UTC:2026-11" });
      assert.equal(passed.passed.length, 1);
      assert.deepEqual((await only(milepost, { milestone: "monthly" })).passed, [], "of its span only");
    },
  },
  {
    about,
    name: "at this pace: a span's value at its end, and the moment of its next level",
    async run({ store }) {
      const clock = new StillClock(); // 2026-11-01T12:00Z
      const installed = engine(store, clock, [monthly(600, 3_000)]);
      await installed.ready();
      clock.advance(30 * day - 12 * hour); // the whole of December is fed
      const milepost = engine(store, clock, [monthly(600, 3_000)]);
      assert.equal(clock.now().toISOString(), "2026-12-01T00:00:00.000Z");
      assert.deepEqual((await only(milepost)).projected, { value: null, nextReachedAt: null }, "no time has passed");
      clock.advance(5 * day);
      assert.deepEqual((await only(milepost)).projected, { value: 0, nextReachedAt: null }, "nothing was counted");
      await spend(milepost, clock, "a", 500);
      const { projected, partial } = await only(milepost);
      assert.deepEqual(projected, { value: 3_100, nextReachedAt: new Date("2026-12-07T00:00:00Z") });
      assert.equal(partial, false);
      clock.advance(5 * day);
      assert.deepEqual((await only(milepost)).projected, {
        value: 1_550,
        nextReachedAt: new Date("2026-12-13T00:00:00Z"),
      });
      clock.advance(30 * day);
      const over = await only(milepost, { period: "month:UTC:2026-12" });
      assert.deepEqual(over.projected, { value: 500, nextReachedAt: null }, "a span that is over is what it is");
    },
  },
  {
    about,
    name: "a span that had begun before its events were counted is partial, and its pace is reckoned from then on",
    async run({ store }) {
      const clock = new StillClock(); // 2026-11-01T12:00Z
      await spend(engine(store, clock, [milestone({ name: "ever", metric, policy: thresholds(1) })]), clock, "a", 9);
      clock.advance(4.5 * day);
      const milepost = engine(store, clock, [monthly(1_000)]);
      await milepost.ready();
      clock.advance(5 * day);
      await spend(milepost, clock, "b", 100);
      const { value, partial, projected } = await only(milepost);
      assert.deepEqual([value, partial, projected.value], [100, true, 500], "20 a day, 25 days from November 6th on");
      clock.advance(30 * day);
      assert.equal((await only(milepost)).partial, false, "the next span is whole");
      assert.equal((await only(milepost, { period: "month:UTC:2026-10" })).partial, true);
    },
  },
  {
    about,
    name: "a lifetime has a pace from its first crossing or its first retained event on, and none without either",
    async run({ store }) {
      const clock = new StillClock();
      const ever = milestone({ name: "ever", metric, policy: thresholds(10, 100) });
      const milepost = engine(store, clock, [ever]);
      await spend(milepost, clock, "a", 5);
      clock.advance(day);
      assert.equal((await only(milepost)).projected.nextReachedAt, null);
      await spend(milepost, clock, "b", 15);
      clock.advance(2 * day);
      await spend(milepost, clock, "c", 20);
      const inEightDays = new Date(clock.now().getTime() + 6 * day);
      assert.deepEqual((await only(milepost)).projected, { value: null, nextReachedAt: inEightDays });

      const kept = "ad.kept";
      const retaining = engine(store, clock, [milestone({ name: "kept", metric: kept, policy: thresholds(100) })], {
        metrics: { [kept]: { retain: "events" } },
      });
      await retaining.record({ id: "a", metric: kept, subject, amount: 10, occurredAt: clock.now() });
      clock.advance(day);
      assert.deepEqual((await only(retaining)).projected.nextReachedAt, new Date(clock.now().getTime() + 9 * day));
    },
  },
  {
    about,
    name: "a falling level is reached until it is armed again, and is never what is next",
    async run({ store }) {
      const clock = new StillClock();
      const low = milestone({ name: "low", metric, policy: fallingBelow({ at: 10, rearmAt: 20 }) });
      const milepost = engine(store, clock, [low]);
      const states: string[] = [];
      for (const [i, amount] of [30, -25, 5, 15].entries()) {
        await spend(milepost, clock, `e${i}`, amount);
        const { value, status, next } = await only(milepost);
        assert.equal(next, null);
        states.push(`${value} ${status}`);
      }
      assert.deepEqual(states, ["30 ok", "5 reached", "10 reached", "25 ok"]);
    },
  },
  {
    about,
    name: "tenants have states of their own, and asking creates nothing",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = engine(store, clock, [monthly(10)]);
      await spend(milepost, clock, "a", 20);
      const other = await only(milepost, { tenant: "other" });
      assert.deepEqual([other.value, other.passed, other.status, other.next?.remaining], [0, [], "ok", 10]);
      assert.deepEqual(await milepost.counters.list({ tenant: "other" }), []);
    },
  },
  {
    about,
    name: "what cannot be asked is refused with the path of the field",
    async run({ store }) {
      const milepost = engine(store, new StillClock(), [monthly(10)]);
      const refused = async (query: StateQuery) => (await refusal(() => milepost.state(query))).path;
      assert.equal(await refused({ subject: "" }), "subject");
      assert.equal(await refused({ subject, milestone: "unknown" }), "milestone");
      assert.equal(await refused({ subject, at: new Date(0), period: "lifetime" }), "at");
      for (const period of [
        "month:UTC",
        "month:UTC:2026-13",
        "month:UTC:2026-1",
        "month:Nowhere:2026-11",
        "x",
        "week:UTC:2026-W54",
      ]) {
        assert.equal(await refused({ subject, period }), "period", period);
      }
    },
  },
];
