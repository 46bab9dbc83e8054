import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { type MemoryNotifier, memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { owner, refusal, StillClock } from "./engine-setup.js";
import { hour, minute, twoStores } from "./samples.js";

const about = "engine: notices";
const subject = "mail-1";

/** At 50 for good, at 100 until it is back at 80. */
const levels = thresholds(50, { at: 100, rearmAt: 80 });

interface Talk {
  readonly milepost: Milepost;
  readonly notifier: MemoryNotifier;
  readonly clock: StillClock;
  readonly metric: string;
  /** Counts an amount now. */
  count(amount: number): Promise<void>;
  /** What is said from the last call until now, sorted. */
  said(): Promise<readonly string[]>;
}

let events = 0;

/** An engine that says what it says of `levels`, and counts for one subject; each milestone has its own metric. */
function talking(
  store: Store,
  {
    clock = new StillClock(),
    name = "load",
    ...options
  }: Partial<MilestoneOptions> & { readonly clock?: StillClock } = {},
): Talk {
  const notifier = memoryNotifier();
  const metric = `of ${name}`;
  const milepost = createMilepost({
    store,
    milestones: [
      milestone({
        ...{ name, metric, policy: levels, recipients: owner, notifier },
        message: { text: "{{threshold}} reached" },
        ...(options.remindEvery && { reminder: { text: "{{threshold}} for the {{reminder}}. time, {{value}}" } }),
        ...options,
      }),
    ],
    metrics: { [metric]: { decrements: true } },
    runtime: { now: clock.now },
  });
  let told = 0;
  return {
    ...{ milepost, notifier, clock, metric },
    async count(amount) {
      await milepost.record({ id: `e${++events}`, metric, subject, amount, occurredAt: clock.now() });
    },
    async said() {
      await milepost.runOnce();
      const texts = notifier.sent.slice(told).map(({ text }) => text ?? "");
      told += texts.length;
      return texts.sort();
    },
  };
}

/** Three that are armed again together. */
const policy = thresholds(...[10, 20, 30].map((at) => ({ at, rearmAt: 5 })));
const resolved = { text: "{{threshold}} is over, {{value}}" };

/** As it was, but this process dies before each of these steps. */
function dying(store: Store, step: "claim" | "announce"): Store {
  const die = async () => {
    throw new Error("the process died");
  };
  return { ...store, notices: { ...store.notices, [step]: die } };
}

/** The sample engine on the store, after it was told of 100 and an hour has passed. */
async function anHourAfter(store: Store, clock: StillClock): Promise<void> {
  const { count, said } = talking(store, { clock, remindEvery: hour });
  await count(100);
  assert.deepEqual(await said(), ["100 reached"]);
  clock.advance(hour);
}

export const engineNoticeCases: readonly ConformanceCase[] = [
  {
    about,
    name: "people are reminded every so often, with the number and the value of the moment, while the value is there",
    async run({ store }) {
      const { clock, count, said } = talking(store, { remindEvery: hour });
      await count(100);
      assert.deepEqual(await said(), ["100 reached"]);
      clock.advance(hour - 1);
      assert.deepEqual(await said(), []);
      clock.advance(1);
      assert.deepEqual(await said(), ["100 for the 1. time, 100"]);
      assert.deepEqual(await said(), []);
      await count(7);
      clock.advance(hour);
      assert.deepEqual(await said(), ["100 for the 2. time, 107"]);
      clock.advance(5 * hour);
      assert.deepEqual(await said(), ["100 for the 3. time, 107"], "what was missed is not made up for");
      clock.advance(hour);
      assert.deepEqual(await said(), ["100 for the 4. time, 107"]);
    },
  },
  {
    about,
    name: "nobody is reminded while the value is back below the level; once the level is armed again, not any more",
    async run({ store }) {
      const { milepost, metric, clock, count, said } = talking(store, { remindEvery: hour });
      await count(100);
      await count(-1);
      assert.deepEqual(await said(), ["100 reached"]);
      clock.advance(hour);
      assert.deepEqual(await said(), []);
      await count(1);
      clock.advance(hour);
      assert.deepEqual(await said(), ["100 for the 1. time, 100"]);
      await count(-20);
      // 50 is passed still, and was superseded: the last that was said is over
      for (let i = 0; i < 3; i++) {
        clock.advance(hour);
        assert.deepEqual(await said(), []);
      }
      const { rev } = (await milepost.counters.get({ metric, subject }))!;
      clock.advance(hour);
      await milepost.runOnce();
      assert.equal((await milepost.counters.get({ metric, subject }))!.rev, rev, "and it sleeps");
      await count(20);
      assert.deepEqual(await said(), ["100 reached"]);
      clock.advance(hour);
      assert.deepEqual(await said(), ["100 for the 1. time, 100"], "of its new arming");
    },
  },
  {
    about,
    name: "people are reminded of the last crossing they were told of, and of no other",
    async run({ store }) {
      for (const more of [{}, { resolved }]) {
        const { clock, count, said } = talking(store, {
          remindEvery: hour,
          name: `load ${Object.keys(more)}`,
          ...more,
        });
        await count(50);
        clock.advance(30 * minute);
        await count(50);
        assert.deepEqual(await said(), ["100 reached", "50 reached"]);
        clock.advance(30 * minute);
        assert.deepEqual(await said(), [], "an hour after the last one, not after the first");
        clock.advance(30 * minute);
        assert.deepEqual(await said(), ["100 for the 1. time, 100"]);
        await count(-15);
        clock.advance(hour);
        assert.deepEqual(await said(), []);
        await count(-85);
      }
    },
  },
  {
    about,
    name: "reminders end with the period, also where nobody looked until it was over",
    async run({ store }) {
      for (const name of ["watched", "not watched"]) {
        const talk = talking(store, { name, remindEvery: hour, period: "day:UTC", reminder: { text: "still" } });
        const { clock, count, said } = talk;
        // from noon on
        clock.advance(9 * hour);
        await count(100);
        assert.deepEqual(await said(), ["100 reached"]);
        if (name === "watched") {
          for (let i = 0; i < 2; i++) {
            clock.advance(hour);
            assert.deepEqual(await said(), ["still"]);
          }
        }
        for (let i = 0; i < 3; i++) {
          clock.advance(3 * hour);
          assert.deepEqual(await said(), []);
        }
      }
    },
  },
  {
    about,
    name: "several workers at once remind once, and number on",
    async run(opened) {
      const clock = new StillClock();
      await anHourAfter(opened.store, clock);
      const stores = await twoStores(opened);
      const talks = [0, 1, 2, 3].map((i) => talking(stores[i % 2]!, { clock, remindEvery: hour }));
      for (let round = 1; round <= 5; round++) {
        const texts = (await Promise.all(talks.map(({ said }) => said()))).flat();
        assert.deepEqual(texts, [`100 for the ${round}. time, 100`]);
        clock.advance(hour);
      }
    },
  },
  {
    about,
    name: "a reminder outlives a process that dies between waking, evaluating, claiming and announcing",
    async run({ store }) {
      const clock = new StillClock();
      await anHourAfter(store, clock);
      assert.equal((await store.counters.wake({ metrics: ["of load"], limit: 10, now: clock.now() })).length, 1);
      const beforeClaim = talking(dying(store, "claim"), { clock, remindEvery: hour });
      await assert.rejects(beforeClaim.milepost.runOnce());
      const [waiting] = await beforeClaim.milepost.notices.list();
      assert.deepEqual([waiting?.state, waiting?.number], ["pending", 1]);
      const beforeAnnounce = talking(dying(store, "announce"), { clock, remindEvery: hour });
      beforeAnnounce.milepost.on("announce_failed", () => {});
      await beforeAnnounce.milepost.runOnce();
      const after = talking(store, { clock, remindEvery: hour });
      clock.advance(30 * minute);
      assert.deepEqual(await after.said(), ["100 for the 1. time, 100"]);
      assert.deepEqual(
        (await after.milepost.notices.list()).map(({ state, kind, number }) => [state, kind, number]),
        [["announced", "reminder", 1]],
      );
    },
  },
  {
    about,
    name: "a notice waits for the announcement of its crossing, and is nothing once that has failed",
    async run({ store }) {
      let fails = true;
      const recipients = {
        async resolve() {
          if (fails) throw new Error("the directory is away");
          return [{ address: "olga@acme.example" }];
        },
      };
      const first = talking(store, { remindEvery: minute, recipients, resolved });
      first.milepost.on("announce_failed", () => {});
      await first.count(100);
      assert.deepEqual(await first.said(), []);
      first.clock.advance(minute);
      await first.count(-100);
      assert.deepEqual(await first.said(), []);
      const states = async () => (await first.milepost.notices.list()).map(({ kind, state }) => `${kind} ${state}`);
      assert.deepEqual(await states(), ["resolved pending"]);
      fails = false;
      first.clock.advance(hour);
      await first.milepost.runOnce();
      first.clock.advance(minute);
      assert.deepEqual(await first.said(), ["100 is over, 0", "100 reached"]);
      assert.deepEqual(await states(), ["resolved announced"]);

      fails = true;
      await first.count(100);
      for (let tries = 0; tries < 15; tries++) {
        assert.deepEqual(await first.said(), []);
        first.clock.advance(10 * hour);
      }
      await first.count(-100);
      fails = false;
      assert.deepEqual(await first.said(), []);
      const [, ...later] = await first.milepost.notices.list();
      assert.ok(later.some(({ kind }) => kind === "reminder") && later.some(({ kind }) => kind === "resolved"));
      for (const { state, reason, notifications } of later) {
        assert.deepEqual([state, reason, notifications], ["failed", "silent", 0]);
      }
    },
  },
  {
    about,
    name: "lago-6131, grafana-30119: a value that swings around a level says nothing; its end is said at its clear level",
    async run({ store }) {
      const { count, said } = talking(store, { resolved });
      await count(99);
      assert.deepEqual(await said(), ["50 reached"]);
      for (let i = 0; i < 4; i++) {
        await count(1);
        assert.deepEqual(await said(), i === 0 ? ["100 reached"] : []);
        await count(-1);
        assert.deepEqual(await said(), []);
      }
      await count(-18);
      assert.deepEqual(await said(), [], "81");
      await count(-1);
      assert.deepEqual(await said(), ["100 is over, 80"]);
      await count(-80);
      assert.deepEqual(await said(), [], "once, and 50 does not arm again");
      await count(100);
      assert.deepEqual(await said(), ["100 reached"]);
      await count(-100);
      assert.deepEqual(await said(), ["100 is over, 0"], "once for each arming");
    },
  },
  {
    about,
    name: "the end is said of what was said only: not of superseded crossings, and not of those that came too soon",
    async run({ store }) {
      const superseded = talking(store, { name: "superseded", policy, resolved });
      await superseded.count(30);
      assert.deepEqual(await superseded.said(), ["30 reached"]);
      await superseded.count(-30);
      assert.deepEqual(await superseded.said(), ["30 is over, 0"]);

      const soon = talking(store, { name: "soon", policy, resolved, minInterval: hour });
      await soon.count(10);
      await soon.count(10);
      assert.deepEqual(await soon.said(), ["10 reached"]);
      await soon.count(-20);
      assert.deepEqual(await soon.said(), ["10 is over, 0"]);

      const each = talking(store, { name: "each", policy, resolved, onJump: "each" });
      await each.count(20);
      assert.deepEqual(await each.said(), ["10 reached", "20 reached"]);
      await each.count(-20);
      assert.deepEqual(await each.said(), ["10 is over, 0", "20 is over, 0"]);
    },
  },
  {
    about,
    name: "the end is not said of adopted and expired crossings",
    async run({ store }) {
      const before = createMilepost({ store, onUnknownMetric: "count" });
      await before.record({ id: "before", metric: "of adopted", subject, amount: 10 });
      const adopted = talking(store, { name: "adopted", policy, resolved });
      await adopted.milepost.runOnce();
      await adopted.count(-10);
      assert.deepEqual(await adopted.said(), []);
      assert.equal((await adopted.milepost.crossings.list({ states: ["adopted"] })).length, 1);

      const over = talking(store, { name: "expired", policy, resolved, period: "day:UTC" });
      await over.milepost.ready();
      const yesterday = new Date(over.clock.now().getTime() - 24 * hour);
      for (const amount of [10, -10]) {
        const late = { id: `late ${amount}`, metric: over.metric, subject, amount, occurredAt: yesterday };
        await over.milepost.record(late);
      }
      assert.deepEqual(await over.said(), []);
      assert.deepEqual(await over.milepost.notices.list({ milestone: "expired" }), []);
    },
  },
  {
    about,
    name: "a notice of a crossing that nobody was there to be told of says nothing",
    async run({ store }) {
      let here = false;
      const recipients = { resolve: async () => (here ? [{ address: "olga@acme.example" }] : []) };
      const { milepost, count, said } = talking(store, { recipients, resolved });
      await count(100);
      assert.deepEqual(await said(), []);
      here = true;
      await count(-100);
      assert.deepEqual(await said(), []);
      const [notice] = await milepost.notices.list();
      assert.deepEqual([notice?.kind, notice?.state, notice?.reason], ["resolved", "failed", "silent"]);
    },
  },
  {
    about,
    name: "a limit that is raised beyond the value ends what was said under the one before, once",
    async run({ store }) {
      const { milepost, metric, clock, count, said } = talking(store, {
        ...{ policy: percentOfLimit({ percent: 50, rearmAt: 40 }, 100), resolved, remindEvery: hour, onJump: "each" },
        message: { text: "{{threshold}} of {{limit}}" },
      });
      const limit = async (amount: number) => {
        clock.advance(1);
        await milepost.limits.set({ metric, subject, amount });
      };
      await limit(100);
      await count(100);
      assert.deepEqual(await said(), ["100% of 100", "50% of 100"]);
      await limit(150);
      assert.deepEqual(await said(), ["100% is over, 100", "50% of 150"]);
      clock.advance(hour);
      assert.deepEqual(await said(), ["50% for the 1. time, 100"]);
      await limit(1_000);
      assert.deepEqual(await said(), ["50% is over, 100"]);
      clock.advance(hour);
      assert.deepEqual(await said(), []);
      await limit(10_000);
      await count(-100);
      assert.deepEqual(await said(), []);
    },
  },
  {
    about,
    name: "recipients are resolved anew for each notice, and its notifications are found by it",
    async run({ store }) {
      let address = "first@acme.example";
      const recipients = { resolve: async () => [{ address }, { address: "always@acme.example" }] };
      const { milepost, clock, notifier, count, said } = talking(store, { recipients, remindEvery: hour });
      await count(100);
      await said();
      clock.advance(hour);
      address = "second@acme.example";
      assert.equal((await said()).length, 2);
      assert.deepEqual(notifier.sent.map(({ to }) => to.address).sort(), [
        "always@acme.example",
        "always@acme.example",
        "first@acme.example",
        "second@acme.example",
      ]);
      const [notice, ...others] = await milepost.notices.list();
      assert.deepEqual(others, []);
      const [crossing] = await milepost.crossings.list({ states: ["announced"] });
      assert.deepEqual([notice?.crossing, notice?.notifications, notice?.value], [crossing?.id, 2, 100]);
      const found = await milepost.notifications.list({ source: { kind: "notice", id: notice!.id } });
      assert.deepEqual(found.map(({ recipient }) => recipient.address).sort(), [
        "always@acme.example",
        "second@acme.example",
      ]);
      const ofCrossing = await milepost.notifications.list({ source: { kind: "crossing", id: crossing!.id } });
      assert.equal(ofCrossing.length, 2);
      assert.deepEqual(await milepost.notices.list({ crossings: [crossing!.id] }), [notice]);
      assert.deepEqual(await milepost.notices.list({ crossings: [notice!.id] }), []);
      assert.deepEqual(await milepost.notices.list({ milestone: "load", after: notice!.id }), []);
    },
  },
  {
    about,
    name: "an edit goes on with the level that is left, and says no more of one that is gone",
    async run({ store }) {
      const clock = new StillClock();
      const before = talking(store, { clock, remindEvery: hour, resolved });
      await before.count(120);
      assert.deepEqual(await before.said(), ["100 reached"]);
      await before.count(-30);
      const edited = thresholds({ at: 100, rearmAt: 80 }, { at: 110, rearmAt: 95 });
      const after = talking(store, { clock, remindEvery: hour, resolved, policy: edited });
      await after.count(20);
      assert.deepEqual(await after.said(), ["110 reached"]);
      clock.advance(hour);
      assert.deepEqual(await after.said(), ["110 for the 1. time, 110"]);
      await after.count(-30);
      assert.deepEqual(await after.said(), ["100 is over, 80", "110 is over, 80"]);
      await after.count(20);
      assert.deepEqual(await after.said(), ["100 reached"], "it was armed again");
      const without = talking(store, { clock, remindEvery: hour, resolved, policy: thresholds(1_000) });
      for (let i = 0; i < 3; i++) {
        clock.advance(hour);
        assert.deepEqual(await without.said(), []);
      }
      await without.count(-100);
      assert.deepEqual(await without.said(), []);
    },
  },
  {
    about,
    name: "a milestone that reminds no longer lets its counters sleep",
    async run({ store }) {
      const clock = new StillClock();
      await anHourAfter(store, clock);
      const { milepost, metric, notifier } = talking(store, { clock });
      for (let i = 0; i < 3; i++) {
        await milepost.runOnce();
        clock.advance(hour);
      }
      const { rev } = (await milepost.counters.get({ metric, subject }))!;
      assert.ok(rev <= 2, `${rev}`);
      assert.deepEqual(notifier.sent, []);
    },
  },
  {
    about,
    name: "refuses what is no reminder and no end, by the path of the field",
    async run({ store }) {
      const message = { text: "{{threshold}}" };
      const silent = { name: "silent", metric: "m", policy: levels };
      const told = { ...silent, recipients: owner, notifier: memoryNotifier(), message };
      const wrong: readonly [object, string, string][] = [
        ...[-1, 999, 1_500.5, 366 * 24 * hour + 1, Number.NaN, "1h", null].map(
          (remindEvery): [object, string, string] => [{ ...told, remindEvery }, "invalid_milestone", "remindEvery"],
        ),
        [{ ...silent, remindEvery: hour }, "invalid_milestone", "remindEvery"],
        [{ ...silent, reminder: message }, "invalid_milestone", "reminder"],
        [{ ...silent, resolved: message }, "invalid_milestone", "resolved"],
        [{ ...told, reminder: message }, "invalid_milestone", "reminder"],
        [{ ...told, reminder: message, remindEvery: 0 }, "invalid_milestone", "reminder"],
        [{ ...told, resolved: "over" }, "invalid_milestone", "resolved"],
        [{ ...told, remindEvery: hour, reminder: { text: "{{#a}}" } }, "invalid_template", "reminder.text"],
        [{ ...told, resolved: { html: "{{{a}}}" } }, "invalid_template", "resolved.html"],
      ];
      for (const [options, code, path] of wrong) {
        const error = await refusal(() => milestone(options as MilestoneOptions));
        assert.deepEqual([error.code, error.path], [code, path], JSON.stringify(options));
      }
      const { milepost } = talking(store);
      for (const [query, path] of [
        [{ crossing: "c" }, "crossing"],
        [{ crossings: "c" }, "crossings"],
        [{ limit: 0 }, "limit"],
      ] as const) {
        const error = await refusal(() => milepost.notices.list(query as never));
        assert.deepEqual([error.code, error.path], ["invalid_options", path]);
      }
    },
  },
];
