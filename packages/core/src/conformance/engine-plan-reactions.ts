import assert from "node:assert/strict";
import { createMilepost, type MilepostOptions } from "../engine.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { thresholdsOf } from "../milestone/policies/thresholds-of.js";
import { sql } from "../milestone/sql.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { owner, StillClock } from "./engine-setup.js";
import { contentsOf } from "./store-contents.js";

const about = "engine: plan";
const metric = "queue.depth";
const mail = { metric, subject: "mail" };
const whole = { metrics: [metric], subjects: ["mail"], eventIds: ["a", "b", "c"] };

function engine(store: Store, options: Partial<MilestoneOptions>, more: Partial<MilepostOptions> = {}) {
  const { now } = new StillClock();
  const made = milestone({ name: "backlog", metric, policy: thresholds({ at: 100, rearmAt: 50 }), ...options });
  return createMilepost({ store, milestones: [made], runtime: { now }, ...more });
}

export const enginePlanReactionCases: readonly ConformanceCase[] = [
  {
    about,
    name: "observations are planned as they would be observed, beside events of other metrics; replayed they come out again",
    async run({ store }) {
      const metrics = { [metric]: { gauge: true, retain: "events" }, "mail.sent": {} } as const;
      const milepost = engine(store, {}, { metrics });
      await milepost.observe({ ...mail, id: "a", value: 70 });
      const before = await contentsOf(store, whole);
      const { events, crossings } = await milepost.plan([
        { ...mail, id: "b", value: 120 },
        { id: "m", metric: "mail.sent", subject: "mail", amount: 3 },
        { ...mail, id: "a", value: 5 },
        { ...mail, id: "c", value: 40 },
        { ...mail, id: "d", value: 100 },
      ]);
      assert.deepEqual(
        events.map(({ id, counted, value }) => [id, counted, value]),
        [
          ["b", true, 120],
          ["m", true, 3],
          ["a", false, 120],
          ["c", true, 40],
          ["d", true, 100],
        ],
      );
      assert.deepEqual(
        crossings.map(({ eventId, arming, previous }) => [eventId, arming, previous]),
        [
          ["b", 1, 70],
          ["d", 2, 40],
        ],
      );
      assert.deepEqual(await contentsOf(store, whole), before);
      for (const [i, value] of [120, 40, 100].entries()) await milepost.observe({ ...mail, id: `o${i}`, value });
      const { same, missing, unexpected, complete } = await milepost.replay(mail);
      assert.deepEqual([same, missing, unexpected, complete], [2, [], [], true]);
    },
  },
  {
    about,
    name: "levels that are stored for a subject, or else its tenant, are planned by",
    async run({ store }) {
      const milepost = engine(store, { policy: thresholdsOf({ default: [1] }) });
      const crossed = async () =>
        (await milepost.plan([{ ...mail, id: "a", amount: 9 }])).crossings.map((c) => c.threshold);
      assert.deepEqual(await crossed(), ["1"]);
      await milepost.levels.set({ milestone: "backlog", levels: [2, 20] });
      assert.deepEqual(await crossed(), ["2"]);
      await milepost.levels.set({ milestone: "backlog", subject: "mail", levels: [3] });
      assert.deepEqual(await crossed(), ["3"]);
    },
  },
  {
    about,
    name: "what would be said of a crossing that is over again is planned too",
    async run({ store }) {
      const notifier = memoryNotifier();
      const said = {
        recipients: owner,
        notifier,
        message: { text: "{{value}}" },
        resolved: { text: "over at {{value}}" },
      };
      const milepost = engine(store, said, { metrics: { [metric]: { decrements: true } } });
      await milepost.record({ ...mail, id: "a", amount: 120 });
      await milepost.runOnce();
      const before = await contentsOf(store, whole);
      const [told] = await milepost.crossings.list();
      const { crossings, notices } = await milepost.plan([{ ...mail, id: "b", amount: -80 }]);
      assert.deepEqual(
        [crossings.length, notices.map(({ kind, value, crossing, reason }) => [kind, value, crossing, reason])],
        [0, [["resolved", 40, told?.id, null]]],
      );
      assert.deepEqual(
        notices[0]?.notifications.map(({ recipient, text, when }) => [recipient.address, text, when]),
        [["olga@acme.example", "over at 40", "now"]],
      );
      assert.deepEqual(await contentsOf(store, whole), before);
    },
  },
  {
    about,
    name: "an effect is planned as its statements, and none of them runs",
    requires: "effect",
    async run({ store }) {
      const effect: MilestoneOptions["effect"] = ({ subject }) => sql`INSERT INTO nowhere VALUES (${subject}, ${true})`;
      const milepost = engine(store, { effect });
      const { crossings, effects } = await milepost.plan([{ ...mail, id: "a", amount: 100 }]);
      assert.deepEqual(
        crossings.map(({ threshold, effects }) => [
          threshold,
          effects.map(({ texts, values }) => [texts.join("?"), values]),
        ]),
        [["100", [["INSERT INTO nowhere VALUES (?, ?)", ["mail", true]]]]],
      );
      assert.deepEqual(effects, []);
      assert.equal(await milepost.counters.get(mail), null);
    },
  },
];
