import assert from "node:assert/strict";
import { createMilepost, type Milepost, type MilepostOptions } from "../engine.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { forecast } from "../milestone/policies/forecast.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { thresholdsOf } from "../milestone/policies/thresholds-of.js";
import type { StateQuery, SubjectState } from "../milestone/subject-state.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { owner, refusal, StillClock } from "./engine-setup.js";
import { hour, minute } from "./samples.js";

const about = "engine: state";
const metric = "ad.spend";
const subject = "shop-3";
const day = 24 * hour;

/** An engine with one milestone, and a way to count for the subject now. */
function engine(
  store: Store,
  clock: StillClock,
  options: Pick<MilestoneOptions, "policy"> & Partial<MilestoneOptions>,
) {
  const given: Omit<MilepostOptions, "store"> = {
    milestones: [milestone({ name: "m", metric, ...options })],
    metrics: { [metric]: { decrements: true } },
    runtime: { now: clock.now },
  };
  const milepost = createMilepost({ store, ...given });
  milepost.on("error", () => {});
  const spend = (id: string, amount: number) =>
    milepost.record({ id, metric, subject, amount, occurredAt: clock.now() });
  return { milepost, spend };
}

async function only(milepost: Milepost, query: Partial<StateQuery> = {}): Promise<SubjectState> {
  const [state] = await milepost.state({ subject, ...query });
  assert.ok(state);
  return state;
}

const brief = ({ status, next, waiting }: SubjectState) => `${status}, ${next?.at ?? "none"}, ${waiting ?? "done"}`;

export const engineStateMoreCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a counter of stored levels stands among its own, else its tenant's, else the default's",
    async run({ store }) {
      const clock = new StillClock();
      const { milepost, spend } = engine(store, clock, { policy: thresholdsOf({ default: [100] }) });
      assert.equal(brief(await only(milepost)), "ok, 100, done");
      await milepost.levels.set({ milestone: "m", levels: [40, 60] });
      assert.equal(brief(await only(milepost)), "ok, 40, done", "before its first event, those that would hold");
      await milepost.levels.set({ milestone: "m", subject: "another", levels: [5] });
      await milepost.levels.set({ tenant: "other", milestone: "m", levels: [5] });
      await spend("a", 50);
      assert.equal(brief(await only(milepost)), "reached, 60, done");
      await milepost.levels.set({ milestone: "m", subject, levels: [70] });
      assert.equal(brief(await only(milepost)), "ok, 70, done");
      await milepost.levels.set({ milestone: "m", subject, levels: [] });
      assert.equal(brief(await only(milepost)), "ok, none, done", "none at all");
      await milepost.levels.set({ milestone: "m", subject, levels: null });
      assert.equal(brief(await only(milepost)), "reached, 60, done", "the tenant's again");
    },
  },
  {
    about,
    name: "a counter that was told of a version and not evaluated yet stands where it was measured last, and waits",
    async run({ store }) {
      const clock = new StillClock();
      const policy = thresholdsOf({ default: [100] });
      const { milepost, spend } = engine(store, clock, { policy });
      await spend("a", 50);
      const lost: Store = {
        ...store,
        crossings: { ...store.crossings, commitEvaluation: async ({ evaluations }) => evaluations.map(() => "lost") },
      };
      await engine(lost, clock, { policy }).milepost.levels.set({ milestone: "m", levels: [40, 60] });
      assert.equal(brief(await only(milepost)), "ok, 100, evaluation");
      await milepost.runOnce();
      assert.equal(brief(await only(milepost)), "reached, 60, done");
    },
  },
  {
    about,
    name: "of a forecast the next level is where the line lies now: it moves up with the time, and is gone once it is passed",
    async run({ store }) {
      const clock = new StillClock(); // 2026-11-01T12:00Z
      const pace = { policy: forecast(100), period: "month:UTC" } as const;
      await engine(store, clock, pace).milepost.ready();
      clock.advance(30 * day - 12 * hour); // 2026-12-01, a whole month of 31 days
      const { milepost, spend } = engine(store, clock, pace);
      await milepost.limits.set({ metric, subject, amount: 3_100 });
      assert.equal(brief(await only(milepost)), "ok, none, done", "nothing is said before a tenth of the month");
      clock.advance(5 * day);
      await spend("a", 400);
      await milepost.runOnce();
      const early = await only(milepost);
      assert.deepEqual(early.next, { threshold: "forecast:100%", at: 500, remaining: 100 });
      assert.equal(early.projected.nextReachedAt, null, "it moves on");
      clock.advance(5 * day);
      assert.equal(brief(await only(milepost)), "ok, 1000, done");
      await spend("b", 599);
      assert.equal(brief(await only(milepost)), "ok, 1000, done");
      await spend("c", 1);
      assert.equal(brief(await only(milepost)), "reached, none, done");
      clock.advance(5 * day);
      assert.equal(brief(await only(milepost)), "reached, none, done", "passed once in a month");
      await milepost.limits.set({ metric, subject, amount: 6_200 });
      assert.equal(brief(await only(milepost)), "ok, 3000, done", "armed again for another limit");
      const over = await only(milepost, { period: "month:UTC:2026-11" });
      assert.equal(brief(over), "ok, none, done", "the line of a month that is over lies nowhere");
      assert.equal(brief(await only(milepost, { at: new Date("2027-01-05T00:00:00Z") })), "ok, none, done");
    },
  },
  {
    about,
    name: "a value that is beyond a forecast's line before anybody looked is reached, and waits to be looked at",
    async run({ store }) {
      const clock = new StillClock();
      const pace = { policy: forecast(100), period: "month:UTC" } as const;
      await engine(store, clock, pace).milepost.ready();
      clock.advance(30 * day - 12 * hour);
      const { milepost, spend } = engine(store, clock, pace);
      await milepost.limits.set({ metric, subject, amount: 3_100 });
      await spend("a", 900);
      assert.equal(brief(await only(milepost)), "ok, none, done");
      clock.advance(4 * day);
      assert.equal(brief(await only(milepost)), "reached, none, evaluation");
      await milepost.runOnce();
      const looked = await only(milepost);
      assert.deepEqual([brief(looked), looked.passed.length], ["reached, none, done", 1]);
    },
  },
  {
    about,
    name: "a counter whose evaluation fails is parked: what for, since when, and when it is tried again",
    async run({ store }) {
      const clock = new StillClock();
      let broken = true;
      const policy = {
        key: "breaks",
        contextual: true,
        levels: () => {
          if (broken) throw new Error("no such table");
          return [{ threshold: "10", at: 10, direction: "rising" }] as const;
        },
      };
      const { milepost, spend } = engine(store, clock, { policy });
      assert.equal((await refusal(() => milepost.state({ subject }))).code, "policy_failed");
      await spend("a", 50);
      const since = clock.now();
      const { parked, passed, projected, value, ...rest } = await only(milepost);
      const [row] = await milepost.parked.list();
      assert.deepEqual(parked, { reason: "policy_failed", detail: row?.detail, since, retryAt: row?.retryAt });
      assert.match(parked!.detail, /no such table/);
      assert.deepEqual(
        [value, passed, brief({ ...rest, parked, passed, projected, value })],
        [50, [], "ok, none, parked"],
      );
      assert.equal((await only(milepost, { subject: "another", at: since }).catch(() => null)) === null, true);
      broken = false;
      assert.equal(brief(await only(milepost)), "reached, none, parked", "as it would be, and still parked");
      clock.advance(minute);
      await milepost.runOnce();
      const evaluated = await only(milepost);
      assert.deepEqual([brief(evaluated), evaluated.parked, evaluated.passed.length], ["reached, none, done", null, 1]);
    },
  },
  {
    about,
    name: "people are reminded next when the counter says, and not while nothing holds that they were told",
    async run({ store }) {
      const clock = new StillClock();
      const reminding: Parameters<typeof engine>[2] = {
        ...{ policy: thresholds({ at: 100, rearmAt: 80 }), remindEvery: hour, period: "day:UTC" },
        ...{ recipients: owner, notifier: memoryNotifier(), message: { text: "{{threshold}}" } },
      };
      const { milepost, spend } = engine(store, clock, reminding);
      const next = async () => (await only(milepost)).nextReminder?.toISOString().slice(11, 16) ?? null;
      assert.equal(await next(), null);
      await spend("a", 100);
      assert.equal(await next(), "13:00");
      await milepost.runOnce();
      clock.advance(hour);
      await milepost.runOnce();
      assert.equal(await next(), "14:00");
      await spend("b", -1);
      assert.equal(await next(), null, "the value is back below the level");
      await spend("c", 1);
      assert.equal(await next(), "14:00");
      await spend("d", -30);
      assert.equal(await next(), null, "armed again");
      await spend("e", 30);
      assert.equal(await next(), "14:00", "an hour after it was passed anew");
      clock.advance(10 * hour + minute);
      await milepost.runOnce();
      assert.equal(await next(), null, "the day has ended before");
    },
  },
];
