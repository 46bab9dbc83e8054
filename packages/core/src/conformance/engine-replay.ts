import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createMilepost, type Milepost, type MilepostOptions } from "../engine.js";
import type { Crossing } from "../milestone/crossing.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { metric, refusal, StillClock } from "./engine-setup.js";
import { checkReplay } from "./replay-check.js";
import { hour } from "./samples.js";
import { contentsOf } from "./store-contents.js";

const about = "engine: replay";
const subject = "acme";
const acme = { metric, subject };
const day = 24 * hour;

interface Keeping {
  readonly clock?: StillClock;
  readonly milestones?: readonly Partial<MilestoneOptions>[];
  readonly options?: Partial<MilepostOptions>;
}

/** An engine whose metric retains events; its milestones are `m0` and up. */
function keeping(store: Store, { clock = new StillClock(), milestones = [{}], options = {} }: Keeping = {}): Milepost {
  return createMilepost({
    store,
    milestones: milestones.map((each, i) => milestone({ name: `m${i}`, metric, policy: thresholds(2, 4, 6), ...each })),
    metrics: { [metric]: { decrements: true, retain: "events" } },
    runtime: { now: clock.now },
    ...options,
  });
}

const spend = (milepost: Milepost, id: string, amount: number, occurredAt?: Date) =>
  milepost.record({ id, ...acme, amount, ...(occurredAt && { occurredAt }) });

const names = (crossings: readonly Crossing[]) =>
  crossings.map(({ milestone, threshold, period }) => [milestone, threshold, period].join(" "));

async function summary(milepost: Milepost): Promise<unknown> {
  const { events, complete, same, missing, unexpected, leftOut } = await milepost.replay(acme);
  return { events, complete, same, missing: names(missing), unexpected: names(unexpected), leftOut };
}

const nothing = { events: 0, complete: true, same: 0, missing: [], unexpected: [], leftOut: 0 };

/** Commits an evaluation by hand of what waits on the lifetime counter, as a broken evaluator would. */
async function commitByHand(store: Store, crossings: readonly Crossing[]): Promise<void> {
  const key = { tenant: "default", ...acme, period: "lifetime" };
  const [counter] = await store.counters.read({ keys: [key], trailLimit: 100 });
  const { rev, folded, generation, state, below, above } = counter!;
  const evaluation = {
    ...{ ...key, generation, reached: generation, from: folded, upTo: rev, state, band: { below, above } },
    crossings: crossings.map((crossing) => ({ ...crossing, state: "silent" as const })),
  };
  assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: [evaluation] }), ["committed"]);
}

const randomPasts = [1, 2, 3, 5].map(
  (seed): ConformanceCase => ({
    about,
    name: `over a random past (${seed}) exactly what is recorded comes out of the events`,
    run: ({ store }) => checkReplay(store, seed),
  }),
);

export const engineReplayCases: readonly ConformanceCase[] = [
  {
    about,
    name: "what is recorded comes out of the retained events, and replaying them writes nothing",
    async run({ store }) {
      const milepost = keeping(store, { milestones: [{}, { period: "month:UTC" }] });
      assert.deepEqual(await summary(milepost), nothing);
      for (const [i, amount] of [3, -2, 4, 2].entries()) await spend(milepost, `e${i}`, amount);
      const whole = { metrics: [metric], subjects: [subject], eventIds: ["e0", "e1"] };
      const before = await contentsOf(store, whole);
      assert.deepEqual(await summary(milepost), { ...nothing, events: 4, same: 6 });
      assert.deepEqual(await contentsOf(store, whole), before);
      assert.deepEqual(await milepost.replay({ ...acme, tenant: "other" }), nothing);
    },
  },
  {
    about,
    name: "a crossing that was never recorded is missing, one that no event caused is unexpected",
    async run({ store }) {
      const milepost = keeping(store);
      await spend(milepost, "a", 3);
      const [two] = await milepost.crossings.list();
      const blind = createMilepost({ store, onUnknownMetric: "count" });
      await blind.record({ id: "b", ...acme, amount: 2 });
      await commitByHand(store, [{ ...two!, id: "by hand", threshold: "3", at: 3 }]);
      const { same, missing, unexpected } = await milepost.replay(acme);
      assert.equal(same, 1);
      assert.deepEqual(
        missing.map(({ threshold, eventId, previous, value }) => [threshold, eventId, previous, value]),
        [["4", "b", 3, 5]],
      );
      assert.deepEqual(
        unexpected.map(({ threshold, id }) => [threshold, id]),
        [["3", "by hand"]],
      );
    },
  },
  {
    about,
    name: "what a due counter is still to cross is not missing",
    async run({ store }) {
      const milepost = keeping(store);
      await milepost.ready();
      const blind = createMilepost({ store, onUnknownMetric: "count" });
      await blind.record({ id: "a", ...acme, amount: 5 });
      assert.deepEqual(await summary(milepost), { ...nothing, events: 1, leftOut: 2 });
      await milepost.runOnce();
      assert.deepEqual(await summary(milepost), { ...nothing, events: 1, same: 2 });
    },
  },
  {
    about,
    name: "what a milestone found behind it when it came is left out, adopted or about to be",
    async run({ store }) {
      const clock = new StillClock();
      await spend(keeping(store, { clock }), "a", 3);
      const milepost = keeping(store, { clock, milestones: [{}, {}, { onAdopt: "notify" }] });
      await milepost.ready();
      assert.deepEqual(await summary(milepost), { ...nothing, events: 1, same: 1, leftOut: 2 });
      await milepost.runOnce();
      assert.deepEqual(await summary(milepost), { ...nothing, events: 1, same: 1, leftOut: 2 });
      await spend(milepost, "b", 1);
      assert.deepEqual(await summary(milepost), { ...nothing, events: 2, same: 4, leftOut: 2 });
    },
  },
  {
    about,
    name: "crossings of a removed milestone are left out, of an edited one those of before are unexpected",
    async run({ store }) {
      const clock = new StillClock();
      await spend(keeping(store, { clock, milestones: [{}, {}] }), "a", 3);
      const edited = { policy: thresholds(1, 4) };
      const milepost = keeping(store, { clock, milestones: [edited], options: { removed: ["m1"] } });
      await spend(milepost, "b", 1);
      const expected = { events: 2, complete: true, same: 1, missing: [], unexpected: ["m0 2 lifetime"], leftOut: 2 };
      assert.deepEqual(await summary(milepost), expected);
    },
  },
  {
    about,
    name: "a calendar period that came later has no whole first span; the spans after it are compared",
    async run({ store }) {
      const clock = new StillClock();
      await spend(keeping(store, { clock }), "a", 3);
      clock.advance(hour);
      const milepost = keeping(store, { clock, milestones: [{}, { period: "day:UTC" }] });
      await spend(milepost, "b", 3);
      assert.deepEqual(await summary(milepost), { ...nothing, events: 2, same: 3, leftOut: 3 });
      clock.advance(day);
      await spend(milepost, "c", 2);
      assert.deepEqual(await summary(milepost), { ...nothing, events: 3, same: 4, leftOut: 3 });
    },
  },
  {
    about,
    name: "each limit measures the events that came after it, also where they occurred before it",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = keeping(store, { clock, milestones: [{ policy: percentOfLimit(50, 100) }] });
      const early = new Date(clock.now().getTime() - day);
      await milepost.limits.set({ ...acme, amount: 10 });
      await spend(milepost, "a", 6, early);
      await milepost.limits.set({ ...acme, amount: 100, effectiveFrom: new Date(clock.now().getTime() + day) });
      await spend(milepost, "b", 4, early);
      clock.advance(2 * day);
      await milepost.runOnce();
      await milepost.limits.set({ ...acme, amount: 20 });
      await spend(milepost, "c", 9, early);
      await milepost.limits.set({ ...acme, amount: 1, effectiveFrom: new Date(clock.now().getTime() + day) });
      const crossings = await milepost.crossings.list();
      assert.deepEqual(
        crossings.map(
          ({ threshold, limitVersion, eventId }) => `${threshold} of ${limitVersion} by ${eventId || "it"}`,
        ),
        ["50% of 1 by a", "100% of 1 by b", "50% of 3 by it"],
      );
      assert.deepEqual(await summary(milepost), { ...nothing, events: 3, same: 3 });
    },
  },
  {
    about,
    name: "after a purge it begins where the first event that is left found the counter, and is not complete",
    async run({ store }) {
      const clock = new StillClock();
      const metrics = { [metric]: { retain: "events", eventRetention: 2 * day } } as const;
      const milestones = [{}, { period: "day:UTC" }] as const;
      const milepost = keeping(store, { clock, milestones, options: { metrics } });
      const now = () => clock.now();
      await spend(milepost, "a", 3, now());
      clock.advance(day);
      await spend(milepost, "b", 2, now());
      clock.advance(day);
      await spend(milepost, "c", 2, now());
      assert.deepEqual(await summary(milepost), { ...nothing, events: 3, same: 6 });
      clock.advance(hour);
      await milepost.runOnce();
      // of the first two days nothing is known for sure, of the lifetime what the events that are left caused
      const left = { events: 2, complete: false, same: 3, missing: [], unexpected: [], leftOut: 3 };
      assert.deepEqual(await summary(milepost), left);
    },
  },
  {
    about,
    name: "events from a time in which they were not retained make it incomplete, before, between or after",
    async run({ store }) {
      const clock = new StillClock();
      const forgetting = { metrics: { [metric]: { retain: "ids" } } } as const;
      await spend(keeping(store, { clock, options: forgetting }), "a", 3);
      const milepost = keeping(store, { clock });
      await spend(milepost, "b", 2);
      const found = { events: 1, complete: false, same: 1, missing: [], unexpected: [], leftOut: 1 };
      assert.deepEqual(await summary(milepost), found);
    },
  },
  {
    about,
    name: "while others record and set limits nothing is missing and nothing unexpected",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = keeping(store, { clock, milestones: [{}, { policy: percentOfLimit(20, 50) }] });
      const recording = Array.from({ length: 40 }, (_, i) => () => spend(milepost, `e${i}`, (i % 7) - 2));
      const limits = [30, 10, 20].map((amount) => () => milepost.limits.set({ ...acme, amount }));
      const work = [...recording.slice(0, 10), limits[0]!, ...recording.slice(10, 20), limits[1]!];
      work.push(...recording.slice(20), limits[2]!);
      const replays: (typeof nothing)[] = [];
      const worker = async () => {
        for (let next = work.shift(); next !== undefined; next = work.shift()) await next();
      };
      const watcher = async () => {
        while (work.length > 0) {
          replays.push((await summary(milepost)) as typeof nothing);
          // a synchronous store answers without a turn of the event loop
          await nextTurn();
        }
      };
      await Promise.all([worker(), worker(), worker(), watcher()]);
      replays.push((await summary(milepost)) as typeof nothing);
      for (const { complete, missing, unexpected } of replays) {
        assert.deepEqual([complete, missing, unexpected], [true, [], []]);
      }
      assert.equal(replays.at(-1)?.same, (await milepost.crossings.list()).length);
    },
  },
  {
    about,
    name: "is refused for a metric that retains nothing or is unknown, without the code of a milestone, and without a subject",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = keeping(store, { clock, options: { metrics: {} } });
      const refused = async (engine: Milepost, input: object) => {
        const { code, path } = await refusal(() => engine.replay(input as never));
        return [code, path];
      };
      assert.deepEqual(await refused(milepost, acme), ["events_not_retained", "metric"]);
      assert.deepEqual(await refused(milepost, { ...acme, metric: "other" }), ["unknown_metric", "metric"]);
      assert.deepEqual(await refused(milepost, { metric }), ["invalid_options", "subject"]);
      assert.deepEqual(await store.definitions.list(), []);
      await keeping(store, { clock }).ready();
      const behind = keeping(store, { clock, milestones: [] });
      assert.deepEqual(await refused(behind, acme), ["behind", "metric"]);
      const mistaken = { key: "mistaken", contextual: true, levels: () => assert.fail("a mistake of the host's") };
      const failing = keeping(store, { clock, milestones: [{ policy: mistaken }] });
      failing.on("error", () => {});
      await spend(failing, "a", 1);
      assert.deepEqual(await refused(failing, acme), ["policy_failed", "policy"]);
    },
  },
  ...randomPasts,
];
