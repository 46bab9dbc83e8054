import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { Plan, PlannedNotification } from "../planning/plan.js";
import type { RecipientResolver } from "../recipient/resolver.js";
import type { ConformanceCase } from "./case.js";
import { count, metric, putAcme, refusal, StillClock, setUp } from "./engine-setup.js";
import { checkPlan } from "./plan-check.js";
import { hour } from "./samples.js";
import { contentsOf } from "./store-contents.js";

const about = "engine: plan";
const event = (id: string, amount = 1) => ({ id, metric, subject: "acme", amount });
const whole = { metrics: [metric], subjects: ["acme"], eventIds: ["a", "b", "c", "e1"] };

const told = ({ recipientKey, notifier, channel, locale, subject, text, when }: PlannedNotification) =>
  [recipientKey, notifier, channel, locale, subject, text, when].join(" | ");
const reasons = ({ crossings }: Plan) => crossings.map(({ state, reason, detail }) => [state, reason, detail]);

/** Whoever resolves to this. */
const resolving = (resolve: RecipientResolver["resolve"]) => ({ milestone: { recipients: { resolve } } });

const randomPasts = [1, 2, 3, 5, 8, 13].map(
  (seed): ConformanceCase => ({
    about,
    name: `over a random past (${seed}) a plan writes nothing, and says what recording and announcing then do`,
    run: ({ store }) => checkPlan(store, seed),
  }),
);

export const enginePlanCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a plan tells what would count, what would be crossed and who would be told what; nothing of it happens",
    async run({ store }) {
      const { milepost, notifier, clock } = setUp(store, { values: [1, 10, 20] });
      await putAcme(milepost);
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.clear();
      const heard: string[] = [];
      for (const name of ["crossing", "announced", "sent"] as const) milepost.on(name, () => heard.push(name));
      const before = await contentsOf(store, whole);

      const plan = await milepost.plan([event("a", 3), event("e1"), event("b", 19), event("a"), event("c")]);
      assert.deepEqual(
        plan.events.map(({ id, counted, duplicate, value }) => [id, counted, duplicate, value]),
        [
          ["a", true, false, 4],
          ["e1", false, true, 4],
          ["b", true, false, 23],
          ["a", false, true, 23],
          ["c", true, false, 24],
        ],
      );
      const jump = { tenant: "default", milestone: "emails-delivered", metric, subject: "acme", period: "lifetime" };
      const passed = { ...jump, direction: "rising", arming: 1, limitVersion: 0, limitAmount: null, skipped: 0 };
      const facts = { code: null, severity: null, previous: 4, value: 23, eventId: "b", reachedAt: clock.now() };
      const [ten, twenty] = plan.crossings;
      assert.deepEqual(ten, {
        ...{ ...passed, ...facts, threshold: "10", at: 10 },
        ...{ state: "superseded", reason: "superseded", detail: null, notifications: [], effects: [] },
      });
      assert.deepEqual(
        { ...twenty, notifications: [] },
        {
          ...{ ...passed, ...facts, threshold: "20", at: 20 },
          ...{ state: "pending", reason: null, detail: null, notifications: [], effects: [] },
        },
      );
      assert.deepEqual(twenty?.notifications.map(told).sort(), [
        "max@acme.example | memory | email |  | Acme reached 20 | Hello Max, 23. | now",
        "olga@acme.example | memory | email |  | Acme reached 20 | Hello Olga, 23. | now",
      ]);
      assert.deepEqual([plan.crossings.length, plan.due, plan.errors], [2, [], []]);

      assert.deepEqual(await contentsOf(store, whole), before);
      await milepost.runOnce();
      assert.deepEqual([heard, notifier.sent], [[], []]);
    },
  },
  {
    about,
    name: "milestones that were never installed are planned as if they were, and stay uninstalled",
    async run({ store }) {
      const { milepost } = setUp(store, { values: [2] });
      const { crossings } = await milepost.plan([event("a"), event("b")]);
      assert.deepEqual(
        crossings.map(({ threshold, eventId }) => [threshold, eventId]),
        [["2", "b"]],
      );
      assert.deepEqual(await store.definitions.list(), []);
      assert.deepEqual(await milepost.plan([]), {
        ...{ events: [], crossings: [], notices: [], effects: [], due: [], errors: [] },
      });
    },
  },
  {
    about,
    name: "a running counter meets a milestone of newer code in the plan only: what lies behind is adopted there",
    async run({ store }) {
      const { milepost: old } = setUp(store, { values: [10] });
      await count(old, 5);
      const { milepost } = setUp(store, { values: [3, 6, 10] });
      const before = await contentsOf(store, whole);
      const { crossings } = await milepost.plan([event("a")]);
      assert.deepEqual(
        crossings.map(({ threshold, state, eventId }) => [threshold, state, eventId]),
        [
          ["3", "adopted", ""],
          ["6", "pending", "a"],
        ],
      );
      assert.deepEqual(await contentsOf(store, whole), before);
      assert.deepEqual((await old.record(event("a"))).crossings, []);
    },
  },
  {
    about,
    name: "nobody to tell, a resolver that fails, a value that is missing: each crossing says why it would not be said",
    async run({ store }) {
      const plan = async (resolve: RecipientResolver["resolve"]) =>
        reasons(await setUp(store, { values: [1], ...resolving(resolve) }).milepost.plan([event("a")]));
      const fails = async () => {
        throw new Error("the directory is down");
      };
      assert.deepEqual(await plan(async () => []), [["pending", "unaddressed", null]]);
      assert.deepEqual(await plan(fails), [["pending", "resolver_failed", "the directory is down"]]);
      assert.deepEqual(await plan(async () => [{ address: "olga@acme.example" }]), [
        ["pending", "missing_tag", "recipients[0]: the message needs a value for {{recipient.name}}"],
      ]);
      assert.deepEqual(await store.definitions.list(), []);
    },
  },
  {
    about,
    name: "recipients with one normalised address are one, the first; each has the locale that the resolver gave",
    async run({ store }) {
      const resolve = async () => [
        { address: "Olga@Acme.example", name: "Olga", locale: "ru" },
        { address: " olga@acme.EXAMPLE", name: "Another" },
        { address: "max@acme.example", name: "Max", locale: null },
      ];
      const { milepost } = setUp(store, { values: [1], ...resolving(resolve) });
      const { crossings } = await milepost.plan([event("a")]);
      assert.deepEqual(
        crossings[0]?.notifications.map(({ recipient, locale }) => [recipient.address, locale]),
        [
          ["Olga@Acme.example", "ru"],
          ["max@acme.example", null],
        ],
      );
    },
  },
  {
    about,
    name: "behind a paused lane a notification would wait, and says so",
    async run({ store }) {
      const { milepost, notifier } = setUp(store, { values: [1, 2] });
      await putAcme(milepost);
      const when = async (id: string) =>
        (await milepost.plan([event(id)])).crossings.flatMap(({ notifications }) => notifications.map((n) => n.when));
      assert.deepEqual(await when("a"), ["now", "now"]);
      const act = { notifier: notifier.name, by: "olga", why: "a mistake in the text" };
      await milepost.lanes.pause(act);
      assert.deepEqual(await when("a"), ["lane_paused", "lane_paused"]);
      await milepost.lanes.pause({ ...act, tenant: "other" });
      await milepost.lanes.resume(act);
      assert.deepEqual(await when("a"), ["now", "now"]);
    },
  },
  {
    about,
    name: "a late event's crossing would expire, one too soon after another would not be said, one without message is silent",
    async run({ store }) {
      const clock = new StillClock();
      const late = new Date(clock.now().getTime() - 48 * hour);
      const policy = thresholds(1, 2);
      const { milepost } = setUp(store, {
        ...{ clock, values: [1, 2] },
        milestone: { period: "day:UTC", minInterval: hour, onJump: "each" },
        more: [milestone({ name: "nobody-told", metric, policy })],
      });
      const plan = await milepost.plan([{ ...event("late"), occurredAt: late }, event("a"), event("b")]);
      assert.deepEqual(
        plan.crossings
          .map(({ milestone, threshold, eventId, reason }) => [milestone, threshold, eventId, reason])
          .sort(),
        [
          ["emails-delivered", "1", "a", "unaddressed"],
          ["emails-delivered", "1", "late", "expired"],
          ["emails-delivered", "2", "b", "too_soon"],
          ["nobody-told", "1", "late", "silent"],
          ["nobody-told", "2", "a", "silent"],
        ],
      );
    },
  },
  {
    about,
    name: "a counter that would wait is named: for a limit, for a policy that fails, for code this process has not",
    async run({ store }) {
      const clock = new StillClock();
      const engine = (milestones: Parameters<typeof createMilepost>[0]["milestones"]) => {
        const made = createMilepost({
          store,
          milestones: milestones!,
          onUnknownMetric: "count",
          runtime: { now: clock.now },
        });
        made.on("error", () => {});
        return made;
      };
      const measured = milestone({ name: "budget", metric, policy: percentOfLimit(50) });
      const lifetime = { tenant: "default", metric, subject: "acme", period: "lifetime" };
      const milepost = engine([measured]);
      assert.deepEqual((await milepost.plan([event("a")])).due, [lifetime]);
      const fails = { key: "fails", contextual: true, levels: () => assert.fail("a mistake of the host's") };
      const failing = await engine([milestone({ name: "failing", metric, policy: fails })]).plan([event("a")]);
      assert.deepEqual(failing.due, [lifetime]);
      assert.deepEqual(failing.errors, ["Policy fails: levels() threw: a mistake of the host's"]);
      await milepost.ready();
      const behind = await engine([]).plan([event("a")]);
      assert.deepEqual([behind.due, behind.crossings, behind.errors], [[lifetime], [], []]);
      await milepost.limits.set({ metric, subject: "acme", amount: 2 });
      const { due, crossings } = await milepost.plan([event("a")]);
      assert.deepEqual(
        [due, crossings.map(({ threshold, limitVersion }) => [threshold, limitVersion])],
        [[], [["50%", 1]]],
      );
    },
  },
  {
    about,
    name: "a plan is refused as recordMany() would be, by the path of the field",
    async run({ store }) {
      const { milepost } = setUp(store);
      const refused = async (work: () => Promise<unknown>) => {
        const { code, path } = await refusal(work);
        return [code, path];
      };
      const refusals: readonly [Parameters<typeof milepost.plan>[0], string, string][] = [
        [[event("a"), event("")], "invalid_event", "events[1].id"],
        [[event("a", -1)], "invalid_event", "events[0].amount"],
        [[{ ...event("a"), metric: "other" }], "unknown_metric", "events[0].metric"],
        [[event("a"), event("b", Number.MAX_SAFE_INTEGER)], "counter_overflow", "amount"],
      ];
      for (const [events, code, path] of refusals) {
        assert.deepEqual(await refused(() => milepost.plan(events)), [code, path]);
      }
      assert.deepEqual(await store.definitions.list(), []);
      assert.deepEqual(await refused(() => milepost.plan({} as never)), ["invalid_event", "events"]);
      await milepost.close();
      assert.deepEqual(await refused(() => milepost.plan([])), ["closed", undefined]);
    },
  },
  {
    about,
    name: "more events than one step takes are planned in order",
    async run({ store }) {
      const notifier = memoryNotifier();
      const { milepost } = setUp(store, { values: [2_400], notifier });
      await count(milepost, 10);
      const events = Array.from({ length: 2_500 }, (_, i) => event(`e${i}`));
      const plan = await milepost.plan(events);
      // ten of them are repeats
      const values = [0, 1, 10, 11, 1_500, 2_499].map((i) => plan.events[i]!.value);
      assert.deepEqual(values, [11, 11, 11, 12, 1_501, 2_500]);
      assert.deepEqual(
        plan.crossings.map(({ eventId, value }) => [eventId, value]),
        [["e2399", 2_400]],
      );
    },
  },
  ...randomPasts,
];
