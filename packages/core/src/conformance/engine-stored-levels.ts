import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import type { LevelSpec } from "../milestone/policies/level-spec.js";
import { thresholdsOf } from "../milestone/policies/thresholds-of.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { refusal, StillClock } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: stored levels";
const metric = "ad.spend";
const subject = "shop-3";

interface Configured {
  readonly milepost: Milepost;
  readonly clock: StillClock;
  /** Sets levels of the sample subject, unless said. */
  set(levels: readonly LevelSpec[] | null, of?: { subject?: string; tenant?: string } | "tenant"): Promise<void>;
  /** Counts an amount; answers the thresholds and states of what it crossed. */
  count(
    amount: number,
    of?: { readonly subject?: string; readonly tenant?: string; readonly at?: Date },
  ): Promise<string>;
  /** Every crossing of the sample subject, as `count` has them, with the arming. */
  all(): Promise<string>;
}

let events = 0;

/** An engine whose subjects may have levels of their own; the others have 100. */
function configured(store: Store, options: Partial<MilestoneOptions> = {}, clock = new StillClock()): Configured {
  const policy = thresholdsOf({ default: [100] });
  const milepost = createMilepost({
    store,
    milestones: [milestone({ name: "alerts", metric, policy, onJump: "each", ...options })],
    metrics: { [metric]: { decrements: true } },
    runtime: { now: clock.now },
  });
  return {
    ...{ milepost, clock },
    async set(levels, of = {}) {
      const whose = of === "tenant" ? {} : { subject, ...of };
      await milepost.levels.set({ milestone: "alerts", levels, ...whose });
    },
    async count(amount, { at = clock.now(), ...whose } = {}) {
      const id = `e${++events}`;
      const { crossings } = await milepost.record({ id, metric, subject, amount, occurredAt: at, ...whose });
      return crossings.map(({ threshold }) => threshold).join(" ");
    },
    async all() {
      const crossings = await milepost.crossings.list({ subject });
      return crossings
        .map(({ threshold, state, arming }) => `${threshold}${state === "adopted" ? " adopted" : ""} (${arming})`)
        .join(", ");
    },
  };
}

export const engineStoredLevelCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a subject has its own levels, or else its tenant's, or else the policy's; null goes back, [] is none",
    async run({ store }) {
      const { set, count, milepost, clock } = configured(store);
      const reset = async () => void (await count(-(await milepost.counters.get({ metric, subject }))!.value));
      const passed = async (amount: number) => {
        // each of them on a subject that counted nothing before
        const crossed = await count(amount, { subject: `fresh-${clock.now().getTime()}` });
        return crossed;
      };
      assert.equal(await count(100), "100");
      await reset();
      await set([10, 20], "tenant");
      assert.equal(await passed(100), "10 20");
      assert.equal(await count(15), "10");
      await set([30]);
      assert.equal(await count(20), "30");
      await set([40], "tenant");
      assert.equal(await count(10), "", "its own go before its tenant's");
      await set([]);
      assert.equal(await count(1_000), "");
      await reset();
      await set(null);
      assert.equal(await count(45), "40");
      await set(null, "tenant");
      await reset();
      assert.equal(await count(99), "");
      assert.equal(await count(1, { subject: "another" }), "");
      assert.equal(await count(99, { subject: "another" }), "100");
    },
  },
  {
    about,
    name: "levels of one subject or tenant are nobody else's",
    async run({ store }) {
      const { set, count } = configured(store);
      await set([5], { subject: "a" });
      await set([7], { subject: "b" });
      await set([9], { subject: "a", tenant: "other" });
      assert.equal(await count(20, { subject: "a" }), "5");
      assert.equal(await count(20, { subject: "b" }), "7");
      assert.equal(await count(20, { subject: "a", tenant: "other" }), "9");
      assert.equal(await count(100, { subject: "b", tenant: "other" }), "100");
    },
  },
  {
    about,
    name: "an edit adopts what lies behind, keeps what was crossed, and the event after it counts",
    async run({ store }) {
      const { set, count, all, milepost } = configured(store);
      assert.equal(await count(100), "100");
      await set([50, 90, 100, 101]);
      assert.equal(await all(), "100 (1), 50 adopted (1), 90 adopted (1)");
      assert.equal(await count(1), "101");
      await set([100, 101, 150]);
      assert.equal(await count(49), "150");
      assert.equal(await all(), "100 (1), 50 adopted (1), 90 adopted (1), 101 (1), 150 (1)");
      assert.deepEqual(
        (await milepost.levels.list({ milestone: "alerts", subject })).map(({ version, levels, applied }) => {
          return [version, levels, applied];
        }),
        [
          [1, [50, 90, 100, 101], true],
          [2, [100, 101, 150], true],
        ],
      );
    },
  },
  {
    about,
    name: "an edit beside a level that was crossed does not keep it from arming again",
    async run({ store }) {
      const { set, count, all } = configured(store);
      const alert = { at: 100, rearmAt: 80 };
      await set([alert]);
      assert.equal(await count(110), "100");
      assert.equal(await count(-20), "");
      await set([alert, 500]);
      assert.equal(await count(15), "", "it was not armed again yet");
      assert.equal(await count(-30), "");
      await set([alert, 500, 600]);
      assert.equal(await count(60), "100");
      assert.equal(await all(), "100 (1), 100 (2)");
      assert.equal(await count(465), "500 600");
    },
  },
  {
    about,
    name: "a version takes its place among events that are not evaluated yet",
    async run({ store }) {
      const { set, all, milepost } = configured(store);
      await milepost.ready();
      const recording = createMilepost({ store, metrics: { [metric]: {} } });
      const count = (id: string, amount: number) => recording.record({ id, metric, subject, amount });
      // sets levels and leaves the evaluation to others
      const blind: Store = { ...store, counters: { ...store.counters, due: async () => [] } };
      const setting = configured(blind);
      await count("a", 40);
      await setting.set([30, 50]);
      await count("b", 20);
      await setting.set([55, 65]);
      await count("c", 10);
      await setting.set(null);
      await count("d", 30);
      assert.equal(await all(), "");
      await milepost.runOnce();
      assert.equal(await all(), "30 adopted (1), 50 (1), 55 adopted (1), 65 (1), 100 (1)");
      await set([1]);
      assert.ok((await all()).endsWith("100 (1), 1 adopted (1)"));
    },
  },
  {
    about,
    name: "a counter that is born after a version was set is measured by it from its first event",
    async run({ store }) {
      const { set, count, clock } = configured(store, { period: "day:UTC" });
      await set([5, 6]);
      await set([7]);
      assert.equal(await count(10), "7");
      clock.advance(24 * hour);
      assert.equal(await count(6), "");
      assert.equal(await count(1), "7", "of the next day");
      assert.equal(await count(7, { at: new Date(clock.now().getTime() - 240 * hour) }), "7", "of a day long ago");
    },
  },
  {
    about,
    name: "a version holds for the counters of all spans of a calendar period",
    async run({ store }) {
      const { set, count, all, clock } = configured(store, { period: "month:UTC" });
      const october = { at: new Date("2026-10-15") };
      assert.equal(await count(100), "100");
      assert.equal(await count(30, october), "");
      await set([50]);
      assert.equal(await count(30, october), "50");
      assert.equal(await all(), "100 (1), 50 adopted (1), 50 (1)");
      clock.advance(30 * 24 * hour);
      assert.equal(await count(50), "50");
    },
  },
  {
    about,
    name: "a tenant's levels reach more counters than one call tells by a worker",
    async run({ store }) {
      const { set, count, milepost } = configured(store);
      const many = Array.from({ length: 510 }, (_, i) => ({ id: `m${i}`, metric, subject: `s${i}`, amount: 10 }));
      await milepost.recordMany(many);
      await set([20], "tenant");
      await milepost.runOnce();
      await milepost.recordMany(many.map((event) => ({ ...event, id: `again ${event.id}` })));
      const crossed = new Set<string>();
      for (let after = ""; ; ) {
        const page = await milepost.crossings.list({ limit: 500, ...(after && { after }) });
        for (const { threshold, subject: whose } of page) crossed.add(`${threshold} ${whose}`);
        if (page.length < 500) break;
        after = page.at(-1)!.id;
      }
      assert.equal(crossed.size, 510);
      assert.ok(crossed.has("20 s0") && crossed.has("20 s509"));
      assert.equal(await count(20), "20");
      assert.deepEqual(await store.levels.pending({ milestones: ["alerts"], limit: 10 }), []);
    },
  },
  {
    about,
    name: "what a process leaves that dies after it kept a version, a worker brings into force, in the order of the versions",
    async run({ store }) {
      const { set, count, all, milepost } = configured(store);
      await count(10);
      const die = async () => {
        throw new Error("the process died");
      };
      const dying = configured({ ...store, levels: { ...store.levels, apply: die } });
      await assert.rejects(dying.set([20]));
      assert.equal(await count(15), "", "25: it is not in force yet");
      const [kept] = await milepost.levels.list({ milestone: "alerts", subject });
      assert.deepEqual([kept?.version, kept?.applied], [1, false]);
      await milepost.runOnce();
      assert.equal(await all(), "20 adopted (1)");

      await assert.rejects(dying.set([30]));
      await set([40]);
      await milepost.runOnce();
      assert.equal(await count(10), "", "35: the second was overtaken by the third");
      assert.equal(await count(5), "40");
      const versions = await milepost.levels.list({ milestone: "alerts", subject });
      assert.deepEqual(
        versions.map(({ applied }) => applied),
        [true, true, true],
      );
    },
  },
  {
    about,
    name: "of a milestone that was removed and came back the levels hold that were set meanwhile",
    async run({ store }) {
      const { set, count, clock } = configured(store);
      await set([20]);
      assert.equal(await count(10), "");
      const without = createMilepost({ store, removed: ["alerts"], runtime: { now: clock.now } });
      await without.ready();
      // of another deployment, which does not know yet
      await set([30]);
      await without.record({ id: "meanwhile", metric, subject, amount: 1 });
      await without.runOnce();
      const back = configured(store, {}, clock);
      await back.milepost.definitions.reinstall({ by: "olga", why: "missed" });
      assert.equal(await back.count(14), "", "25");
      assert.equal(await back.count(5), "30");
    },
  },
  {
    about,
    name: "refuses levels that are none, by the path of the field, and keeps nothing",
    async run({ store }) {
      const { milepost } = configured(store);
      const wrong: readonly [object, string][] = [
        [{ levels: [1.5] }, "levels[0]"],
        [{ levels: [1, 1] }, "levels[1]"],
        [{ levels: [{ at: 10, rearmAt: 20 }] }, "levels[0].rearmAt"],
        [{ levels: [{ at: 10, color: "red" }] }, "levels[0].color"],
        [{ levels: "50" }, "levels"],
        [{}, "levels"],
        [{ levels: [1], milestone: "unknown" }, "milestone"],
        [{ levels: [1], subject: "" }, "subject"],
        [{ levels: [1], until: 5 }, "until"],
      ];
      for (const [input, path] of wrong) {
        const error = await refusal(() => milepost.levels.set({ milestone: "alerts", subject, ...input } as never));
        assert.deepEqual([error.code, error.path], ["invalid_options", path]);
      }
      assert.deepEqual(await milepost.levels.list({ milestone: "alerts", subject }), []);
    },
  },
];
