import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import type { Crossing } from "../milestone/crossing.js";
import type { MetricOptions } from "../milestone/definition.js";
import { type Milestone, type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { fallingBelow } from "../milestone/policies/falling-below.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { Observation } from "../recording/event.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { owner, refusal, StillClock } from "./engine-setup.js";
import { hour, max, twoStores } from "./samples.js";
import { checkSequentialObservations, randomObservations } from "./sequential-observations.js";

const about = "engine: gauges";
const metric = "queue.depth";
const subject = "mail";
const day = 24 * hour;

interface Watching {
  readonly clock?: StillClock;
  readonly options?: MetricOptions;
  readonly more?: readonly Milestone[];
}

const watch = (policy: MilestoneOptions["policy"], options: Partial<MilestoneOptions> = {}): Milestone =>
  milestone({ name: "watched", metric, policy, ...options });

function gauges(store: Store, milestones: readonly Milestone[], watching: Watching = {}): Milepost {
  const { clock = new StillClock(), options = {} } = watching;
  return createMilepost({
    store,
    milestones,
    metrics: { [metric]: { gauge: true, ...options }, "email.delivered": {} },
    runtime: { now: clock.now },
  });
}

const observation = (id: string, value: number, more: Partial<Observation> = {}): Observation => {
  return { id, metric, subject, value, ...more };
};

const facts = ({ threshold, arming, eventId, previous, value }: Crossing) =>
  `${threshold}${arming > 1 ? ` (${arming})` : ""} by ${eventId}: ${previous} -> ${value}`;

/** Observes one value after the other, with the ids e1, e2 …, and answers what each of them crossed. */
async function crossed(milepost: Milepost, values: readonly number[], more: Partial<Observation> = {}) {
  const told: string[] = [];
  for (const [i, value] of values.entries()) {
    const { crossings } = await milepost.observe(observation(`e${i + 1}`, value, more));
    told.push(...crossings.map(facts));
  }
  return told;
}

const swinging: readonly ConformanceCase[] = [
  {
    about,
    name: "a queue that swings around a level is told once, and again only after it has gone back far enough",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds({ at: 1_000, rearmAt: 800 }))]);
      const depths = [950, 1_010, 990, 1_020, 801, 1_500, 800, 999, 1_000, 0, 5_000];
      assert.deepEqual(await crossed(milepost, depths), [
        "1000 by e2: 950 -> 1010",
        "1000 (2) by e9: 999 -> 1000",
        "1000 (3) by e11: 0 -> 5000",
      ]);
      assert.equal((await milepost.counters.get({ metric, subject }))?.value, 5_000);
    },
  },
  {
    about,
    name: "a swing within one call is seen: each observation of it counts, in its order",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds({ at: 100, rearmAt: 10 }))]);
      const values = [50, 120, 5, 130, 60];
      const batch = values.map((value, i) => observation(`e${i + 1}`, value));
      const { counted, crossings } = await milepost.observeMany([...batch, batch[1]!]);
      assert.deepEqual([counted, crossings.map(facts)], [5, ["100 by e2: 50 -> 120", "100 (2) by e4: 5 -> 130"]]);
      assert.equal((await milepost.counters.get({ metric, subject }))?.value, 60);
    },
  },
  {
    about,
    name: "a level that falls is passed where the gauge comes from above it; one that begins below it has passed nothing",
    async run({ store }) {
      const milepost = gauges(store, [watch(fallingBelow({ at: 10, rearmAt: 15 }))]);
      assert.deepEqual(await crossed(milepost, [5, 9, 3, 10, 9, 14, 2, 15, 0]), [
        "10 by e5: 10 -> 9",
        "10 (2) by e9: 15 -> 0",
      ]);
      const elsewhere = await crossed(milepost, [20, 9], { subject: "other", metric, tenant: "t" });
      assert.deepEqual(elsewhere, ["10 by e2: 20 -> 9"]);
    },
  },
  {
    about,
    name: "the first observation is a step from 0: it passes what lies between, above and below",
    async run({ store }) {
      const both = [watch(thresholds(3, 500)), watch(fallingBelow(0, -15), { name: "cold" })];
      const milepost = gauges(store, both);
      assert.deepEqual(await crossed(milepost, [40], { subject: "queue" }), ["3 by e1: 0 -> 40"]);
      assert.deepEqual(await crossed(milepost, [-20], { subject: "freezer", tenant: "t" }), [
        "0 by e1: 0 -> -20",
        "-15 by e1: 0 -> -20",
      ]);
    },
  },
  {
    about,
    name: "a rising level below 0 lies behind every gauge until it has gone down to where it arms again",
    async run({ store }) {
      const levels = thresholds(-5, { at: -4, rearmAt: -10 });
      const milepost = gauges(store, [watch(levels)]);
      assert.deepEqual(await crossed(milepost, [-9, -3, -20, -3]), ["-4 (2) by e4: -20 -> -3"]);
    },
  },
  {
    about,
    name: "a percentage of a limit is measured against the value as it is, and another limit at once",
    async run({ store }) {
      const milepost = gauges(store, [watch(percentOfLimit({ percent: 80, rearmAt: 70 }))]);
      await milepost.limits.set({ metric, subject, amount: 1_000 });
      assert.deepEqual(await crossed(milepost, [800, 750, 900, 700, 801]), [
        "80% by e1: 0 -> 800",
        "80% (2) by e5: 700 -> 801",
      ]);
      const { crossings } = await milepost.limits.set({ metric, subject, amount: 900 });
      assert.deepEqual(crossings.map(facts), ["80% by : 801 -> 801"]);
    },
  },
  {
    about,
    name: "each span has a gauge of its own, set by what occurred in it, from 0",
    async run({ store }) {
      const clock = new StillClock();
      const levels = [thresholds(100), fallingBelow(10)];
      const daily = levels.map((policy, i) => watch(policy, { name: `daily ${i}`, period: "day:UTC", grace: 3 * day }));
      const milepost = gauges(store, [watch(thresholds(100), { name: "ever" }), ...daily], { clock });
      const noon = clock.now();
      const tomorrow = new Date(noon.getTime() + day);
      const told = async (id: string, value: number, occurredAt: Date) => {
        const { crossings } = await milepost.observe(observation(id, value, { occurredAt }));
        return crossings.map((each) => `${each.milestone} ${facts(each)}`).sort();
      };
      assert.deepEqual(await told("a", 120, noon), ["daily 0 100 by a: 0 -> 120", "ever 100 by a: 0 -> 120"]);
      assert.deepEqual(await told("b", 5, tomorrow), [], "the day begins below 10, and has not fallen there");
      assert.deepEqual(await told("c", 130, tomorrow), ["daily 0 100 by c: 5 -> 130"]);
      assert.deepEqual(await told("late", 3, noon), ["daily 1 10 by late: 120 -> 3"]);
      assert.deepEqual(
        (await milepost.counters.list()).map(({ period, value }) => `${period} ${value}`),
        ["day:UTC:2026-11-01 3", "day:UTC:2026-11-02 130", "lifetime 3"],
        "what commits last wins, however old it is",
      );
    },
  },
  {
    about,
    name: "people are told of a gauge's crossings as of any other",
    async run({ store }) {
      const notifier = memoryNotifier();
      const told = { recipients: owner, message: { text: "{{previous}} -> {{value}}" }, notifier };
      const milepost = gauges(store, [watch(thresholds({ at: 10, rearmAt: 5 }), told)]);
      await crossed(milepost, [12, 3, 11]);
      await milepost.runOnce();
      assert.deepEqual(notifier.sent.map(({ text }) => text).sort(), ["0 -> 12", "3 -> 11"]);
    },
  },
  {
    about,
    name: "a milestone that is added to a gauge adopts what the value has behind it",
    async run({ store }) {
      const before = gauges(store, []);
      await crossed(before, [50, 70]);
      const after = gauges(store, [watch(thresholds(60, 80))]);
      await after.runOnce();
      assert.deepEqual((await after.observe(observation("more", 90))).crossings.map(facts), ["80 by more: 70 -> 90"]);
      const adopted = await after.crossings.list({ states: ["adopted"] });
      assert.deepEqual(
        adopted.map(({ threshold }) => threshold),
        ["60"],
      );
    },
  },
];

const answering: readonly ConformanceCase[] = [
  {
    about,
    name: "an observation answers its value; a repeat is a duplicate, answers the value of now and what was crossed then",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds(5))]);
      const first = await milepost.observe(observation("a", 7));
      assert.deepEqual([first.counted, first.duplicate, first.value], [true, false, 7]);
      assert.deepEqual(first.crossings.map(facts), ["5 by a: 0 -> 7"]);
      await milepost.observe(observation("b", -3));
      const again = await milepost.observe(observation("a", 99));
      assert.deepEqual([again.counted, again.duplicate, again.value], [false, true, -3]);
      assert.deepEqual(again.crossings, first.crossings);
      assert.deepEqual(await milepost.observeMany([observation("a", 1), observation("c", -0)]), {
        ...{ counted: 1, duplicates: 1, crossings: [] },
      });
      assert.equal((await milepost.counters.get({ metric, subject }))?.value, 0);
    },
  },
  {
    about,
    name: "calls side by side share transactions, and each answers its own value",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds(1_000))]);
      const values = Array.from({ length: 100 }, (_, i) => (i * 37) % 101);
      const answers = await Promise.all(
        values.map((value, i) =>
          i % 5 === 0
            ? milepost.record({ id: `r${i}`, metric: "email.delivered", subject })
            : milepost.observe(observation(`o${i}`, value)),
        ),
      );
      const expected = values.map((value, i) => (i % 5 === 0 ? i / 5 + 1 : value));
      assert.deepEqual(
        answers.map(({ value }) => value),
        expected,
      );
    },
  },
  {
    about,
    name: "one call that overflows its gauge is refused alone, and observes nothing",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds(1))]);
      await milepost.observe(observation("top", max));
      const [far, beside] = await Promise.allSettled([
        milepost.observe(observation("far", -1)),
        milepost.observe(observation("beside", 5, { subject: "other" })),
      ]);
      const refused = await refusal(() => Promise.reject((far as PromiseRejectedResult).reason));
      assert.equal(refused.code, "counter_overflow");
      assert.equal((beside as PromiseFulfilledResult<{ value: number }>).value.value, 5);
      assert.equal((await milepost.observe(observation("far", 0))).duplicate, false);
    },
  },
  {
    about,
    name: "consume() takes observations and events from one source: what has a value is observed",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds(5))]);
      const refusals: string[] = [];
      const source = [
        observation("a", 7),
        { id: "b", metric: "email.delivered", subject, amount: 2 },
        { id: "c", metric, subject, amount: 2 },
        { id: "d", metric: "email.delivered", subject, value: 2 },
        { id: "e", metric, subject, value: 4, amount: 2 },
        observation("f", 3),
      ];
      const result = await milepost.consume(source, {
        onRefused: (item, { code, path }) => void refusals.push(`${item.id} ${code} ${path}`),
      });
      assert.deepEqual([result.counted, result.refused], [3, 3]);
      assert.deepEqual(refusals, [
        "c invalid_event event.metric",
        "d invalid_event event.metric",
        "e invalid_event event.amount",
      ]);
      const made = { toEvent: (value: number) => observation(`made-${value}`, value) };
      assert.equal((await milepost.consume([1, 8, 2], made)).counted, 3);
      const counters = await milepost.counters.list();
      assert.deepEqual(
        counters.map(({ value }) => value),
        [2, 2],
      );
    },
  },
  {
    about,
    name: "what is retained of observations is the step and the value, and the steps add up",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds(5))], { options: { retain: "events" } });
      await crossed(milepost, [7, 7, -4, 20]);
      const kept = await milepost.events.list({ metric, subject });
      assert.deepEqual(
        kept.map(({ amount, value }) => [amount, value]),
        [
          [7, 7],
          [0, 7],
          [-11, -4],
          [24, 20],
        ],
      );
    },
  },
  {
    about,
    name: "a gauge that forgets its observations wants to know when they occurred",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = gauges(store, [], { clock, options: { eventRetention: day } });
      const undated = await refusal(() => milepost.observe(observation("a", 1)));
      assert.deepEqual([undated.code, undated.path], ["invalid_event", "occurredAt"]);
      const old = new Date(clock.now().getTime() - day - 1);
      const late = await refusal(() => milepost.observeMany([observation("a", 1, { occurredAt: old })]));
      assert.deepEqual([late.code, late.path], ["event_too_late", "observations[0].occurredAt"]);
      assert.equal((await milepost.observe(observation("a", 1, { occurredAt: clock.now() }))).counted, true);
    },
  },
];

const refusing: readonly ConformanceCase[] = [
  {
    about,
    name: "a gauge takes no amounts and what counts no values: the refusal says what to call, and nothing is stored",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds(5))]);
      const event = { id: "a", metric, subject };
      const counted = { ...event, metric: "email.delivered" };
      const wrong: readonly [work: () => unknown, path: string, says: RegExp][] = [
        [() => milepost.record(event), "metric", /observe\(\)/],
        [() => milepost.record({ ...event, value: 5 } as never), "value", /observe\(\)/],
        [() => milepost.recordMany([counted, event]), "events[1].metric", /observe\(\)/],
        [() => milepost.observe({ ...counted, value: 5 }), "metric", /gauge: true.*record\(\)/],
        [() => milepost.observe({ ...event, value: 5, amount: 5 } as never), "amount", /record\(\)/],
        [() => milepost.observe(event as never), "value", /safe integer/],
        [
          () => milepost.observeMany([observation("a", 5), { ...counted, value: 5 }]),
          "observations[1].metric",
          /record/,
        ],
        [() => milepost.observeMany(null as never), "observations", /array/],
        [() => milepost.consume([event]), "event.metric", /observe\(\)/],
      ];
      for (const [work, path, says] of wrong) {
        const { code, path: at, message } = await refusal(work);
        assert.deepEqual([code, at], ["invalid_event", path]);
        assert.match(message, says);
      }
      assert.deepEqual(await milepost.counters.list(), []);
      assert.equal((await milepost.observe(observation("a", 5))).counted, true);
      const unknown = await refusal(() => milepost.observe(observation("a", 5, { metric: "queue.width" })));
      assert.deepEqual([unknown.code, unknown.path], ["unknown_metric", "metric"]);
    },
  },
  {
    about,
    name: "values that are not what they seem are refused, at once and by the path of the field",
    async run({ store }) {
      const milepost = gauges(store, [watch(thresholds(5))]);
      const values = [
        Number.NaN,
        Number.POSITIVE_INFINITY,
        2 ** 53,
        -(2 ** 53),
        0.5,
        "5",
        "",
        null,
        undefined,
        true,
        1n,
      ];
      for (const value of [...values, [5], {}, { valueOf: () => 5 }, new Number(5), Symbol("5"), () => 5]) {
        const { code, path } = await refusal(() => milepost.observe(observation("a", value as never)));
        assert.deepEqual([code, path], ["invalid_event", "value"], typeof value);
        const source = [observation("a", value as never)];
        assert.equal((await refusal(() => milepost.consume(source))).path, "event.value");
      }
      const trap = () => {
        throw new Error("a trap of the host's");
      };
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      const trapped = new Proxy(observation("a", 1), { get: trap });
      for (const input of [trapped, proxy, null, undefined, 5, "value", [], () => observation("a", 1)]) {
        const { code, path } = await refusal(() => milepost.observe(input as never));
        assert.deepEqual([code, path], ["invalid_event", ""]);
      }
      for (const input of [new Proxy(observation("a", 1), { has: trap }), 5, "value", [], () => 5]) {
        const { code, path } = await refusal(() => milepost.consume([input as never]));
        assert.deepEqual([code, path], ["invalid_event", "event"]);
      }
      assert.deepEqual(await milepost.counters.list(), []);
      assert.equal((await milepost.observe(observation("a", -max))).value, -max);
    },
  },
  {
    about,
    name: "a metric becomes a gauge while it has no counters, and what has some stays what it is",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const engine = (store: Store, options: MetricOptions) =>
        createMilepost({ store, metrics: { [metric]: options }, milestones: [watch(thresholds(5))] });
      const undeclared = engine(one, {});
      assert.equal((await refusal(() => undeclared.observe(observation("a", 5)))).path, "metric");
      const declared = engine(two, { gauge: true });
      assert.equal((await declared.observe(observation("a", 3))).counted, true);
      const [report] = await declared.definitions.list();
      assert.deepEqual([report?.gauge, report?.generation], [true, 2]);

      // the old process learns of it, whatever its code says
      const late = await refusal(() => undeclared.record({ id: "b", metric, subject }));
      assert.deepEqual([late.code, late.path], ["invalid_event", "metric"]);
      assert.equal((await undeclared.observe(observation("b", 4))).value, 4);

      const ignored: unknown[] = [];
      const former = engine(one, { gauge: false });
      former.on("behind", (event) => ignored.push(...event.ignored));
      assert.equal((await former.observe(observation("c", 3))).value, 3);
      assert.deepEqual(ignored, ["gauge"], "a former setting comes back by a person's word only");
      const back = await refusal(() => former.definitions.reinstall({ by: "ann", why: "a mistake" }));
      assert.deepEqual([back.code, back.path], ["invalid_options", "metrics.queue.depth.gauge"]);
    },
  },
  {
    about,
    name: "what has counters cannot become a gauge, nor a gauge anything else, be its counters due or in their band",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const engine = (store: Store, options: Record<string, MetricOptions>) =>
        createMilepost({ store, metrics: options, onUnknownMetric: "count" });
      const first = engine(one, { level: { gauge: true }, behind: {}, count: {} });
      await first.observe(observation("a", 5, { metric: "level" }));
      await first.record({ id: "a", metric: "count", subject, tenant: "z" });
      await first.ready();
      for (const metrics of [{ level: { gauge: false } }, { count: { gauge: true } }]) {
        const { code, path, message } = await refusal(() => engine(two, metrics).ready());
        assert.deepEqual([code, path], ["invalid_options", `metrics.${Object.keys(metrics)[0]}.gauge`]);
        assert.match(message, /Take another metric/);
      }
      await engine(two, { behind: { gauge: true } }).ready();
      const definitions = await first.definitions.list();
      assert.deepEqual(
        definitions.map(({ metric: name, gauge, generation }) => [name, gauge, generation]),
        [
          ["behind", true, 2],
          ["count", false, 1],
          ["level", true, 1],
        ],
      );
      // due for ever: nobody here has the milestone's code
      await createMilepost({
        store: one,
        milestones: [milestone({ name: "m", metric: "due", policy: thresholds(1) })],
      }).ready();
      await engine(one, {}).record({ id: "a", metric: "due", subject });
      assert.equal((await refusal(() => engine(two, { due: { gauge: true } }).ready())).code, "invalid_options");
    },
  },
  {
    about,
    name: "a gauge needs no decrements, and the two together are refused",
    async run({ store }) {
      const { code, path } = await refusal(() => gauges(store, [], { options: { decrements: true } }));
      assert.deepEqual([code, path], ["invalid_options", `metrics.${metric}.decrements`]);
      await gauges(store, [], { options: { decrements: false } }).ready();
    },
  },
];

const hosted: readonly ConformanceCase[] = [
  {
    about,
    requires: "hostTransactions",
    name: "what a host observes in its transaction is the value once it commits, and in its order",
    async run(opened) {
      const milepost = gauges(opened.store, [watch(thresholds({ at: 5, rearmAt: 1 }))]);
      for (const end of ["rollback", "commit"] as const) {
        const host = await opened.hostTransaction!();
        const recorder = milepost.in(host.tx);
        await recorder.observe(observation(`${end} 1`, 9));
        await recorder.observeMany([
          observation(`${end} 2`, -1),
          observation(`${end} 3`, 6),
          observation(`${end} 2`, 99),
        ]);
        await recorder.record({ id: end, metric: "email.delivered", subject, amount: 4 });
        await host[end]();
      }
      assert.deepEqual(
        (await milepost.inbox.list()).map(({ amount, observed }) => [amount, observed]),
        [
          [9, true],
          [-1, true],
          [6, true],
          [99, true],
          [4, false],
        ],
      );
      const { counted, duplicates, crossings } = await milepost.drain();
      assert.deepEqual([counted, duplicates], [4, 1]);
      assert.deepEqual(crossings.map(facts), ["5 by commit 1: 0 -> 9", "5 (2) by commit 3: -1 -> 6"]);
      assert.equal((await milepost.counters.get({ metric, subject }))?.value, 6);
      assert.equal((await milepost.counters.get({ metric: "email.delivered", subject }))?.value, 4);
    },
  },
  {
    about,
    requires: "hostTransactions",
    name: "in a host's transaction too a gauge takes no amounts; one that waits when its metric becomes a gauge is set aside",
    async run(opened) {
      const engine = (options: MetricOptions) =>
        createMilepost({ store: opened.store, metrics: { [metric]: options }, milestones: [] });
      const before = engine({});
      await before.ready();
      const host = await opened.hostTransaction!();
      const recorder = before.in(host.tx);
      const wrong = await refusal(async () => recorder.observeMany([observation("a", 5)]));
      assert.deepEqual([wrong.code, wrong.path], ["invalid_event", "observations[0].metric"]);
      await recorder.record({ id: "waits", metric, subject, amount: 5 });
      await host.commit();

      const after = engine({ gauge: true });
      await after.observe(observation("b", 3));
      const refused: unknown[] = [];
      after.on("refused", ({ code }) => refused.push(code));
      const drained = await after.drain();
      assert.deepEqual([drained.counted, drained.refused, refused], [0, 1, ["invalid_event"]]);
      assert.match((await after.inbox.list({ refused: true }))[0]!.refusal!.message, /observe\(\)/);
      assert.equal((await after.counters.get({ metric, subject }))?.value, 3);
      assert.equal(await after.inbox.discard({ by: "ann", why: "it counted what is no count" }), 1);
    },
  },
];

/** Any values, any batch split and any number of observers; each scenario on a store of its own. */
const sequential: readonly ConformanceCase[] = Array.from({ length: 20 }, (_, i) => ({
  about,
  name: `gives the crossings of a slow model in the order in which it was observed (seed ${i + 1})`,
  run: ({ store }) => checkSequentialObservations(store, randomObservations(i + 1)),
}));

export const engineGaugeCases: readonly ConformanceCase[] = [
  ...swinging,
  ...answering,
  ...refusing,
  ...hosted,
  ...sequential,
];
