import assert from "node:assert/strict";
import type { CounterKey, CounterState, RecordedEvent } from "../store/counter-repository.js";
import type { CounterBirth } from "../store/definition-repository.js";
import { compareCounterKeys } from "../store/tally.js";
import type { ConformanceCase } from "./case.js";
import {
  assertRefused,
  at,
  awkwardKeys,
  birth,
  bytewise,
  counter,
  counterKey,
  definition,
  dueCounter,
  evaluation,
  event,
  quiet,
  record,
  restless,
  start,
  twoStores,
} from "./samples.js";

const about = "counters";
const max = Number.MAX_SAFE_INTEGER;

/** One event per amount, with the ids `prefix-0`, `prefix-1` … */
function events(prefix: string, amounts: readonly number[], fields: Partial<RecordedEvent> = {}): RecordedEvent[] {
  return amounts.map((amount, i) => event({ id: `${prefix}-${i}`, amount, occurredAt: at(i), ...fields }));
}

function sorted<T extends CounterKey>(counters: readonly T[]): T[] {
  return [...counters].sort(compareCounterKeys);
}

/** Born with these bounds, moved by these amounts in one batch: due or not. */
const journeys: readonly {
  readonly name: string;
  readonly born: Partial<CounterBirth>;
  readonly amounts: readonly number[];
  readonly due: boolean;
}[] = [
  {
    name: "a counter that stays below its upper bound is not due",
    born: { above: 10 },
    amounts: [9],
    due: false,
  },
  { name: "a counter that reaches its upper bound is due", born: { above: 10 }, amounts: [9, 1], due: true },
  { name: "a counter that passes its upper bound is due", born: { above: 10 }, amounts: [11], due: true },
  {
    name: "a counter that stays above its lower bound is not due",
    born: { below: -3 },
    amounts: [-2],
    due: false,
  },
  {
    name: "a counter that reaches its lower bound is due",
    born: { below: -3 },
    amounts: [-2, -1],
    due: true,
  },
  { name: "a counter that passes its lower bound is due", born: { below: -3 }, amounts: [-9], due: true },
  {
    name: "a counter that reached its upper bound on the way and returned is due",
    born: { below: -5, above: 10 },
    amounts: [4, 6, -6],
    due: true,
  },
  {
    name: "a counter that reached its lower bound on the way and returned is due",
    born: { below: -5, above: 10 },
    amounts: [4, -9, 5],
    due: true,
  },
  {
    name: "a counter that never leaves its band on the way is not due, though the amounts alone would",
    born: { below: -5, above: 10 },
    amounts: [9, -13, 13, -9],
    due: false,
  },
  { name: "without a lower bound no value is too low", born: { above: 1 }, amounts: [-max], due: false },
  { name: "without an upper bound no value is too high", born: { below: -1 }, amounts: [max], due: false },
  { name: "without bounds a counter is never due", born: {}, amounts: [max, -max, -max, max], due: false },
  { name: "a bound of zero is a bound: above", born: { above: 0 }, amounts: [-1, 1], due: true },
  { name: "a bound of zero is a bound: below", born: { below: 0 }, amounts: [1, -1], due: true },
  {
    name: "the value before the first event is not on the way",
    born: { below: 0 },
    amounts: [1],
    due: false,
  },
  { name: "an event of amount zero is a value on the way", born: { above: 0 }, amounts: [0], due: true },
  {
    name: "a counter that is born due is due inside its band",
    born: { above: 10, due: true },
    amounts: [1],
    due: true,
  },
  { name: "a counter that is born due is due without bounds", born: { due: true }, amounts: [0], due: true },
];

const journeyCases: readonly ConformanceCase[] = journeys.map(({ name, born, amounts, due }) => ({
  about,
  name,
  async run({ store }) {
    const batch = events("e", amounts, { feeds: [birth(born)] });
    const value = amounts.reduce((sum, amount) => sum + amount, 0);
    const state: CounterState = { ...counterKey(), value, rev: 1, due };
    assert.deepEqual((await record(store, batch)).counters, [state]);
    assert.deepEqual(await store.counters.get({ keys: [counterKey()] }), [state]);
    const trail = [
      { rev: 1, from: 0, ids: batch.map((e) => e.id), amounts, occurredAts: batch.map((e) => e.occurredAt) },
    ];
    assert.deepEqual(await dueCounter(store), due ? { ...counterKey(), folded: 0, state: {}, trail } : undefined);
  },
}));

/** The same, but for a counter that has a value and a band from an evaluation. */
const laterCases: readonly ConformanceCase[] = journeys
  .filter(({ born }) => !born.due)
  .map(({ name, born, amounts, due }) => ({
    about,
    name: `on a counter that already has a value: ${name}`,
    async run({ store }) {
      const base = amounts.some((amount) => Math.abs(amount) === max) ? 0 : 1000;
      const band = {
        below: born.below == null ? null : born.below + base,
        above: born.above == null ? null : born.above + base,
      };
      await record(store, [event({ id: "base", amount: base, feeds: [birth({ due: true })] })]);
      await store.crossings.commitEvaluation({ evaluations: [evaluation({ band })] });
      const batch = events("e", amounts, { feeds: [birth({ due: true, above: 1 })] });
      const { counters } = await record(store, batch);
      const value = amounts.reduce((sum, amount) => sum + amount, base);
      assert.deepEqual(counters, [{ ...counterKey(), value, rev: 2, due }]);
      const waiting = await dueCounter(store);
      assert.deepEqual(
        waiting?.trail.map((trail) => [trail.rev, trail.from, ...trail.amounts]),
        due ? [[2, base, ...amounts]] : undefined,
      );
      assert.equal(waiting?.folded, due ? 1 : undefined);
    },
  }));

export const counterCases: readonly ConformanceCase[] = [
  ...journeyCases,
  ...laterCases,
  {
    about,
    name: "one batch raises the rev of each counter by one, however many events feed it",
    async run(opened) {
      const { store } = opened;
      const batch = [...events("a", [1, 2, 3]), ...events("b", [10], { subject: "globex" }), ...events("c", [4])];
      const result = await record(store, batch);
      assert.deepEqual(result.duplicates, []);
      const expected = [
        { ...counterKey(), value: 10, rev: 1, due: false },
        { ...counterKey({ subject: "globex" }), value: 10, rev: 1, due: false },
      ];
      assert.deepEqual(sorted(result.counters), expected);
      await record(store, events("d", [1, 1]));
      const [, other] = await twoStores(opened);
      assert.deepEqual(await counter(other), { value: 12, rev: 2, due: false });
      assert.deepEqual(await counter(other, { subject: "globex" }), { value: 10, rev: 1, due: false });
    },
  },
  {
    about,
    name: "one event may feed several counters, each with its own band and birth",
    async run({ store }) {
      const feeds = [
        birth({ above: 100 }),
        birth({ period: "month:Europe/Berlin:2026-11", above: 5 }),
        birth({ period: "day:UTC:2026-11-05", due: true }),
      ];
      const { counters } = await record(store, events("a", [2, 3], { feeds }));
      const state = { ...counterKey(), value: 5, rev: 1 };
      assert.deepEqual(sorted(counters), [
        { ...state, period: "day:UTC:2026-11-05", due: true },
        { ...state, period: "lifetime", due: false },
        { ...state, period: "month:Europe/Berlin:2026-11", due: true },
      ]);
      const trail = [{ rev: 1, from: 0, ids: ["a-0", "a-1"], amounts: [2, 3], occurredAts: [at(0), at(1)] }];
      const due = await store.counters.due({ metrics: ["email.delivered"], limit: 10, trailLimit: 10 });
      assert.deepEqual(
        sorted(due),
        ["day:UTC:2026-11-05", "month:Europe/Berlin:2026-11"].map((period) => ({
          ...{ ...counterKey({ period }), folded: 0, state: {}, trail },
        })),
      );
    },
  },
  {
    about,
    name: "a trail row holds only the events of its own counter, in the batch's order",
    async run({ store }) {
      const month = birth({ period: "month:UTC:2026-11", due: true });
      const lifetime = birth({ due: true });
      const batch = [
        event({ id: "z", amount: 5, occurredAt: at(3), feeds: [lifetime, month] }),
        event({ id: "other", amount: 7, subject: "globex", feeds: [lifetime] }),
        event({ id: "a", amount: -2, occurredAt: at(1), feeds: [lifetime] }),
        event({ id: "m", amount: 9, occurredAt: at(2), feeds: [month, lifetime] }),
      ];
      await record(store, batch);
      assert.deepEqual((await dueCounter(store))?.trail, [
        { rev: 1, from: 0, ids: ["z", "a", "m"], amounts: [5, -2, 9], occurredAts: [at(3), at(1), at(2)] },
      ]);
      assert.deepEqual((await dueCounter(store, { period: "month:UTC:2026-11" }))?.trail, [
        { rev: 1, from: 0, ids: ["z", "m"], amounts: [5, 9], occurredAts: [at(3), at(2)] },
      ]);
      assert.deepEqual((await dueCounter(store, { subject: "globex" }))?.trail, [
        { rev: 1, from: 0, ids: ["other"], amounts: [7], occurredAts: [start] },
      ]);
    },
  },
  {
    about,
    name: "while a counter is due every batch appends to its trail, also one that moves nothing out of the band",
    async run({ store }) {
      const feeds = [birth({ above: 5 })];
      await record(store, events("a", [1], { feeds }));
      await record(store, events("b", [4], { feeds }));
      await record(store, events("c", [-4], { feeds }));
      await record(store, events("d", [0], { feeds }));
      assert.deepEqual(await dueCounter(store), {
        ...counterKey(),
        folded: 0,
        state: {},
        trail: [
          { rev: 2, from: 1, ids: ["b-0"], amounts: [4], occurredAts: [at(0)] },
          { rev: 3, from: 5, ids: ["c-0"], amounts: [-4], occurredAts: [at(0)] },
          { rev: 4, from: 1, ids: ["d-0"], amounts: [0], occurredAts: [at(0)] },
        ],
      });
    },
  },
  {
    about,
    name: "in the band no trail is written: the first row is the batch that left it",
    async run({ store }) {
      const feeds = [birth({ above: 100 })];
      for (let i = 0; i < 5; i++) await record(store, events(`q${i}`, [10], { feeds }));
      assert.equal(await dueCounter(store), undefined);
      await record(store, events("r", [49, 1, -90], { feeds }));
      const due = await dueCounter(store);
      assert.deepEqual(
        due?.trail.map((trail) => [trail.rev, trail.from, trail.amounts]),
        [[6, 50, [49, 1, -90]]],
      );
    },
  },
  {
    about,
    name: "a counter keeps the band it was born with, whatever later events say of its birth",
    async run({ store }) {
      await record(store, events("a", [1], { feeds: [birth({ above: 10 })] }));
      await record(store, events("b", [1], { feeds: [birth({ above: 2, due: true })] }));
      assert.deepEqual(await counter(store), { value: 2, rev: 2, due: false });
      await record(store, events("c", [8], { feeds: [birth()] }));
      assert.deepEqual(await counter(store), { value: 10, rev: 3, due: true });
    },
  },
  {
    about,
    name: "a repeated id counts once, whatever its payload",
    async run(opened) {
      const { store } = opened;
      await record(store, [event({ id: "one", amount: 5 })]);
      const repeats = [
        event({ id: "one", amount: 5 }),
        event({ id: "one", amount: 7, subject: "globex", occurredAt: at(99), feeds: [birth({ due: true })] }),
      ];
      const [, other] = await twoStores(opened);
      for (const repeat of repeats) {
        assert.deepEqual(await record(other, [repeat]), { stale: [], duplicates: [0], counters: [] });
      }
      assert.deepEqual(await counter(store), { value: 5, rev: 1, due: false });
      assert.equal(await counter(store, { subject: "globex" }), undefined);
    },
  },
  {
    about,
    name: "duplicates are named by their ascending indexes, and the others of the batch count in order",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, events("old", [1, 1, 1], { feeds }));
      const batch = [
        event({ id: "old-2", amount: 100, feeds }),
        event({ id: "z", amount: 2, feeds }),
        event({ id: "old-0", amount: 100, feeds }),
        event({ id: "a", amount: 3, feeds }),
        event({ id: "old-1", amount: 100, subject: "globex", feeds }),
      ];
      const result = await record(store, batch);
      assert.deepEqual(result.duplicates, [0, 2, 4]);
      assert.deepEqual(result.counters, [{ ...counterKey(), value: 8, rev: 2, due: true }]);
      assert.deepEqual(
        (await dueCounter(store))?.trail.map((trail) => [trail.from, trail.ids, trail.amounts]),
        [
          [0, ["old-0", "old-1", "old-2"], [1, 1, 1]],
          [3, ["z", "a"], [2, 3]],
        ],
      );
    },
  },
  {
    about,
    name: "a batch of duplicates only leaves a due counter's trail as it is",
    async run({ store }) {
      const batch = events("a", [1, 2], { feeds: [birth({ due: true })] });
      await record(store, batch);
      const before = await dueCounter(store);
      assert.deepEqual(await record(store, [...batch].reverse()), {
        stale: [],
        duplicates: [0, 1],
        counters: [],
      });
      assert.deepEqual(await dueCounter(store), before);
    },
  },
  {
    about,
    name: "ids are unique per tenant and metric: the same id elsewhere is another event",
    async run({ store }) {
      const batch = [
        event({ amount: 1 }),
        event({ amount: 2, tenant: "other" }),
        event({ amount: 4, metric: "ad.spend" }),
      ];
      const { duplicates } = await record(store, batch);
      assert.deepEqual(duplicates, []);
      await record(store, [event({ amount: 8, tenant: "other", id: "evt-2", feeds: [birth({ due: true })] })]);
      assert.deepEqual(await counter(store), { value: 1, rev: 1, due: false });
      assert.deepEqual(await counter(store, { tenant: "other" }), { value: 10, rev: 2, due: false });
      assert.deepEqual(await counter(store, { metric: "ad.spend" }), { value: 4, rev: 1, due: false });
    },
  },
  {
    about,
    name: "the trails of equal counters in two tenants do not touch each other",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, [event({ feeds, amount: 1 }), event({ feeds, amount: 2, tenant: "other" })]);
      await store.crossings.commitEvaluation({ evaluations: [evaluation()] });
      assert.equal(await dueCounter(store), undefined);
      assert.deepEqual((await dueCounter(store, { tenant: "other" }))?.trail, [
        { rev: 1, from: 0, ids: ["evt-1"], amounts: [2], occurredAts: [start] },
      ]);
    },
  },
  {
    about,
    name: "an empty batch changes nothing",
    async run({ store }) {
      const nothing = { stale: [], duplicates: [], counters: [] };
      assert.deepEqual(await store.counters.add({ events: [], generations: {} }), nothing);
      assert.deepEqual(await store.counters.get({ keys: [] }), []);
    },
  },
  {
    about,
    name: "a metric that is not installed, or of another generation, is stale and nothing of the batch is stored",
    async run({ store }) {
      await store.definitions.install({
        definitions: [definition(), definition({ metric: "changed" }), definition({ metric: "ahead" })],
      });
      await store.definitions.install({ definitions: [definition({ metric: "changed", fingerprint: "2" })] });
      const metrics = ["email.delivered", "changed", "ahead", "unknown"];
      const batch = metrics.map((metric) => event({ metric, feeds: [birth({ due: true })] }));
      const generations = { "email.delivered": 1, changed: 1, ahead: 2, unknown: 1 };
      const result = await store.counters.add({ events: batch, generations });
      assert.deepEqual([...result.stale].sort(), ["ahead", "changed", "unknown"]);
      assert.deepEqual([result.duplicates, result.counters], [[], []]);
      assert.deepEqual(await store.counters.get({ keys: metrics.map((metric) => counterKey({ metric })) }), []);
      assert.deepEqual(await store.counters.due({ metrics, limit: 10, trailLimit: 10 }), []);
      const again = await store.counters.add({
        events: batch.slice(0, 2),
        generations: { "email.delivered": 1, changed: 2 },
      });
      assert.deepEqual([again.stale, again.duplicates, again.counters.length], [[], [], 2]);
    },
  },
  {
    about,
    name: "an overflow refuses the whole batch and leaves no id, no counter and no trail",
    async run(opened) {
      const { store } = opened;
      await record(store, [event({ id: "full", amount: max, feeds: [birth()] })]);
      const batch = [
        event({ id: "fresh", subject: "fresh", feeds: [birth({ due: true })] }),
        event({ id: "over", amount: 1 }),
        event({ id: "zeta", subject: "zeta" }),
      ];
      await assertRefused(record(store, batch), "counter_overflow");
      await assertRefused(record(store, [...batch].reverse()), "counter_overflow");
      const [, other] = await twoStores(opened);
      assert.deepEqual(await counter(other), { value: max, rev: 1, due: false });
      assert.equal(await counter(other, { subject: "fresh" }), undefined);
      assert.equal(await counter(other, { subject: "zeta" }), undefined);
      const again = await record(other, [batch[0]!, batch[2]!, event({ id: "over", amount: -1 })]);
      assert.deepEqual(again.duplicates, []);
      assert.deepEqual(await counter(other), { value: max - 1, rev: 2, due: false });
    },
  },
  {
    about,
    name: "a value that leaves the safe integers on the way overflows, also when it would return",
    async run({ store }) {
      await record(store, events("top", [max]));
      await assertRefused(record(store, events("up", [1, -1])), "counter_overflow");
      await record(store, events("bottom", [-max], { subject: "low" }));
      await assertRefused(record(store, events("down", [-1, 1], { subject: "low" })), "counter_overflow");
      await assertRefused(record(store, events("born", [max, 1], { subject: "new" })), "counter_overflow");
      assert.equal(await counter(store, { subject: "new" }), undefined);
      assert.deepEqual(await counter(store, { subject: "low" }), { value: -max, rev: 1, due: false });
    },
  },
  {
    about,
    name: "values and amounts at both ends of the safe integers stay exact",
    async run(opened) {
      const feeds = [birth({ below: -max, above: max })];
      await record(opened.store, events("up", [max - 1], { feeds }));
      assert.deepEqual(await counter(opened.store), { value: max - 1, rev: 1, due: false });
      await record(opened.store, events("one", [1], { feeds }));
      await record(opened.store, events("down", [-max, -max], { feeds }));
      const [, other] = await twoStores(opened);
      assert.deepEqual(await counter(other), { value: -max, rev: 3, due: true });
      assert.deepEqual(
        (await dueCounter(other))?.trail.map((trail) => [trail.from, ...trail.amounts]),
        [
          [max - 1, 1],
          [max, -max, -max],
        ],
      );
    },
  },
  {
    about,
    name: "a batch whose amounts add up beyond the safe integers counts exactly, if no value on the way does",
    async run({ store }) {
      await record(store, events("low", [-max]));
      await record(store, events("far", [max, max, -1]));
      assert.deepEqual(await counter(store), { value: max - 1, rev: 2, due: false });
      await record(store, events("back", [-max, 1 - max, 3, -1]));
      assert.deepEqual(await counter(store), { value: 2 - max, rev: 3, due: false });
      await assertRefused(record(store, events("over", [max, max, -max, -max, -2])), "counter_overflow");
    },
  },
  {
    about,
    name: "milliseconds of occurredAt survive, before 1970 and far ahead too",
    async run(opened) {
      const times = [
        new Date(0),
        new Date("1969-12-31T23:59:59.999Z"),
        new Date("1900-01-01T00:00:00.001Z"),
        new Date("2026-10-25T00:30:00.123Z"),
        new Date("9999-12-31T23:59:59.999Z"),
      ];
      const feeds = [birth({ due: true })];
      await record(
        opened.store,
        times.map((occurredAt, i) => event({ id: `e${i}`, occurredAt, feeds })),
      );
      const [, other] = await twoStores(opened);
      assert.deepEqual((await dueCounter(other))?.trail[0]?.occurredAts, times);
    },
  },
  {
    about,
    name: "any valid text is a key: tenants, metrics, subjects, periods and event ids",
    async run(opened) {
      const { store } = opened;
      const batch = awkwardKeys.map((key) => {
        const feeds = [birth({ period: key, due: true })];
        return event({ tenant: key, metric: key, subject: key, id: key, feeds });
      });
      const keys = awkwardKeys.map((key) => ({ tenant: key, metric: key, subject: key, period: key }));
      const { counters } = await record(store, batch);
      const expected = keys.map((key) => ({ ...key, value: 1, rev: 1, due: true }));
      assert.deepEqual(sorted(counters), sorted(expected));
      const [, other] = await twoStores(opened);
      assert.deepEqual(sorted(await other.counters.get({ keys })), sorted(expected));
      const due = await other.counters.due({ metrics: awkwardKeys, keys, limit: 1000, trailLimit: 10 });
      assert.equal(due.length, keys.length);
      for (const each of due) assert.deepEqual(each.trail[0]?.ids, [each.metric]);
      const { duplicates } = await record(other, batch);
      assert.equal(duplicates.length, batch.length);
    },
  },
  {
    about,
    name: "keys that differ in one byte only are different counters",
    async run({ store }) {
      const subjects = ["a", "A", "a ", " a", "ä", "a\u0308", "\u00e4 ", "a%", "a_"];
      await record(
        store,
        subjects.map((subject, i) => event({ subject, id: `e${i}`, amount: 2 ** i })),
      );
      for (const [i, subject] of subjects.entries()) {
        assert.equal((await counter(store, { subject }))?.value, 2 ** i, JSON.stringify(subject));
      }
    },
  },
  {
    about,
    name: "a batch of 2,000 events is one step, on one counter and on as many",
    async run({ store }) {
      const feeds = [birth({ above: 2000 })];
      const one = Array.from({ length: 2000 }, (_, i) => event({ id: `one-${i}`, feeds, occurredAt: at(i) }));
      const { counters } = await record(store, one);
      assert.deepEqual(counters, [{ ...counterKey(), value: 2000, rev: 1, due: true }]);
      const [trail] = (await dueCounter(store))!.trail;
      assert.deepEqual(
        trail!.ids,
        one.map((e) => e.id),
      );
      assert.deepEqual(
        trail!.occurredAts,
        one.map((e) => e.occurredAt),
      );
      const many = Array.from({ length: 2000 }, (_, i) => event({ id: `many-${i}`, subject: `s-${i}`, amount: i }));
      assert.equal((await record(store, many)).counters.length, 2000);
      const keys = many.map((e) => counterKey({ subject: e.subject }));
      const states = await store.counters.get({ keys });
      assert.equal(states.length, 2000);
      for (const state of states) assert.equal(state.subject, `s-${state.value}`);
      const repeat = await record(store, [...many, event({ id: "new" })]);
      assert.deepEqual([repeat.duplicates.length, repeat.counters.length], [2000, 1]);
    },
  },
  {
    about,
    name: "two callers at once count each id once, in whatever order their batches are",
    async run(opened) {
      const stores = await twoStores(opened);
      await opened.store.definitions.install({ definitions: [definition()] });
      const batch = Array.from({ length: 200 }, (_, i) =>
        event({ id: `e-${i}`, subject: `s-${i % 7}`, amount: i, feeds: [birth(), birth({ period: "day" })] }),
      );
      const shuffles = [batch, [...batch].reverse(), [...batch.slice(100), ...batch.slice(0, 100)]];
      const results = await Promise.all([...shuffles, ...shuffles].map((each, i) => record(stores[i % 2]!, each)));
      assert.equal(
        results.reduce((sum, result) => sum + result.duplicates.length, 0),
        5 * batch.length,
      );
      for (let s = 0; s < 7; s++) {
        const value = batch.filter((_, i) => i % 7 === s).reduce((sum, e) => sum + e.amount, 0);
        for (const period of ["lifetime", "day"]) {
          const state = await counter(opened.store, { subject: `s-${s}`, period });
          assert.equal(state?.value, value);
        }
      }
    },
  },
  {
    about,
    name: "many callers at once on one due counter leave the exact total and an unbroken trail",
    async run(opened) {
      const stores = await twoStores(opened);
      await record(opened.store, [event({ id: "first", amount: 0, feeds: [birth(restless)] })]);
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => record(stores[i % 2]!, events(`b${i}`, [1, 2, i]))),
      );
      const total = 40 * 3 + (39 * 40) / 2;
      assert.deepEqual(await counter(opened.store), { value: total, rev: 41, due: true });
      const trail = (await dueCounter(opened.store))!.trail;
      assert.deepEqual(
        trail.map((each) => each.rev),
        Array.from({ length: 41 }, (_, i) => i + 1),
      );
      let value = 0;
      for (const each of trail) {
        assert.equal(each.from, value);
        value = each.amounts.reduce((sum, amount) => sum + amount, value);
      }
      assert.equal(value, total);
      const revs = answers.map((answer) => answer.counters[0]!.rev).sort((a, b) => a - b);
      assert.deepEqual(
        revs,
        Array.from({ length: 40 }, (_, i) => i + 2),
      );
    },
  },
  {
    about,
    name: "get answers the counters that exist, for keys in any order",
    async run({ store }) {
      await record(store, [event(), event({ id: "evt-2", subject: "globex" }), event({ tenant: "other" })]);
      const keys = [
        counterKey({ subject: "nobody" }),
        counterKey({ subject: "globex" }),
        counterKey({ period: "day:UTC:2026-11-05" }),
        counterKey(),
        counterKey({ metric: "nothing" }),
      ];
      const found = await store.counters.get({ keys });
      assert.deepEqual(
        sorted(found),
        [counterKey(), counterKey({ subject: "globex" })].map((key) => ({
          ...key,
          value: 1,
          rev: 1,
          due: false,
        })),
      );
      assert.deepEqual(sorted(await store.counters.get({ keys: [...keys].reverse() })), sorted(found));
    },
  },
  {
    about,
    name: "due answers counters of the given metrics only, and only those that are due",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, [
        event({ feeds }),
        event({ id: "evt-2", subject: "quiet" }),
        event({ metric: "ad.spend", feeds }),
        event({ tenant: "other", feeds }),
      ]);
      const all = { limit: 10, trailLimit: 10 };
      const subjects = async (input: { metrics: string[]; keys?: CounterKey[] }) =>
        (await store.counters.due({ ...input, ...all })).map((each) => `${each.tenant}/${each.metric}`).sort();
      assert.deepEqual(await subjects({ metrics: ["email.delivered"] }), [
        "default/email.delivered",
        "other/email.delivered",
      ]);
      assert.deepEqual(await subjects({ metrics: ["ad.spend", "nothing"] }), ["default/ad.spend"]);
      assert.deepEqual(await subjects({ metrics: [] }), []);
      assert.deepEqual(await subjects({ metrics: ["email.delivered"], keys: [] }), []);
      const keys = [counterKey(), counterKey({ metric: "ad.spend" }), counterKey({ subject: "quiet" })];
      assert.deepEqual(await subjects({ metrics: ["email.delivered"], keys }), ["default/email.delivered"]);
    },
  },
  {
    about,
    name: "without keys due answers those that have waited longest, at most limit of them",
    async run({ store }) {
      const feeds = [birth(restless)];
      for (const [i, subject] of ["c", "a", "d", "b"].entries()) {
        await record(store, [event({ subject, id: subject, feeds })], at(i * 1000));
      }
      await record(store, [event({ subject: "c", id: "c2", feeds })], at(9000));
      const waiting = async (limit: number) =>
        (await store.counters.due({ metrics: ["email.delivered"], limit, trailLimit: 10 })).map((each) => each.subject);
      assert.deepEqual((await waiting(2)).sort(), ["a", "c"]);
      assert.deepEqual((await waiting(3)).sort(), ["a", "c", "d"]);
      const evaluations = [evaluation({ subject: "a", band: restless })];
      await store.crossings.commitEvaluation({ evaluations, now: at(10_000) });
      await record(store, [event({ subject: "a", id: "a2", feeds })], at(11_000));
      assert.deepEqual((await waiting(3)).sort(), ["b", "c", "d"], "one that was evaluated waits anew");
    },
  },
  {
    about,
    name: "due answers at most trailLimit rows of each counter, the first ones",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      for (let i = 0; i < 4; i++) {
        await record(store, [event({ id: `a${i}`, feeds }), event({ id: `b${i}`, subject: "b", feeds })]);
      }
      const due = await store.counters.due({ metrics: ["email.delivered"], limit: 10, trailLimit: 3 });
      assert.deepEqual(
        due.map((each) => each.trail.map((trail) => trail.rev)),
        [
          [1, 2, 3],
          [1, 2, 3],
        ],
      );
      const evaluations = [evaluation({ upTo: 3, band: restless })];
      await store.crossings.commitEvaluation({ evaluations });
      assert.deepEqual(
        (await dueCounter(store))?.trail.map((trail) => trail.rev),
        [4],
      );
    },
  },
  {
    about,
    name: "due locks nothing and a repeat answers the same",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await record(one, [event({ feeds: [birth({ due: true })] })]);
      const [first, second] = await Promise.all([dueCounter(one), dueCounter(two)]);
      assert.deepEqual(first, second);
      assert.deepEqual(await dueCounter(one), first);
    },
  },
  {
    about,
    name: "list answers a tenant's counters bytewise by metric, subject and period, page by page",
    async run({ store }) {
      const keys = ["a", "Z", "ä", "\uff5e", "\uffff", "\u{1f389}", "a b", "a%"];
      const batch = keys.flatMap((metric) =>
        keys.slice(0, 6).map((subject) =>
          event({
            metric,
            subject,
            id: subject,
            feeds: keys.slice(3, 6).map((period) => birth({ period })),
          }),
        ),
      );
      await record(store, batch);
      await record(store, [event({ tenant: "other" })]);
      const expected = bytewise(keys).flatMap((metric) =>
        bytewise(keys.slice(0, 6)).flatMap((subject) =>
          bytewise(keys.slice(3, 6)).map((period) => ({
            ...{ ...counterKey({ metric, subject, period }), value: 1, rev: 1, due: false },
          })),
        ),
      );
      assert.deepEqual(await store.counters.list({ tenant: "default", limit: 1000 }), expected);
      const paged: CounterState[] = [];
      for (;;) {
        const last = paged.at(-1);
        const after = last && { metric: last.metric, subject: last.subject, period: last.period };
        const page = await store.counters.list({ tenant: "default", limit: 7, ...(after && { after }) });
        assert.ok(page.length <= 7);
        paged.push(...page);
        if (page.length === 0) break;
      }
      assert.deepEqual(paged, expected);
    },
  },
  {
    about,
    name: "list keeps to the metric and subject it is asked for",
    async run({ store }) {
      await record(store, [
        event({ feeds: [birth(), birth({ period: "day" })] }),
        event({ id: "evt-2", subject: "globex" }),
        event({ metric: "ad.spend" }),
        event({ tenant: "other" }),
      ]);
      const tenant = "default";
      const listed = async (filter: { metric?: string; subject?: string }) =>
        (await store.counters.list({ tenant, ...filter, limit: 10 })).map((c) => [c.metric, c.subject, c.period]);
      assert.deepEqual(await listed({ metric: "ad.spend" }), [["ad.spend", "acme", "lifetime"]]);
      assert.deepEqual(await listed({ subject: "globex" }), [["email.delivered", "globex", "lifetime"]]);
      assert.deepEqual(await listed({ metric: "email.delivered", subject: "acme" }), [
        ["email.delivered", "acme", "day"],
        ["email.delivered", "acme", "lifetime"],
      ]);
      assert.deepEqual(await listed({ metric: "ad.spend", subject: "globex" }), []);
      assert.deepEqual(await store.counters.list({ tenant: "nobody", limit: 10 }), []);
    },
  },
  {
    about,
    name: "counting needs no time of the caller's",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition()] });
      const input = {
        events: [event({ feeds: [birth({ ...quiet, due: true })] })],
        generations: { "email.delivered": 1 },
      };
      assert.deepEqual((await store.counters.add(input)).counters, [{ ...counterKey(), value: 1, rev: 1, due: true }]);
      assert.deepEqual((await store.counters.add(input)).duplicates, [0]);
    },
  },
  {
    about,
    name: "events, counters and trails are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      const feeds = [birth({ above: 3 })];
      await record(opened.store, events("a", [1, 2], { feeds }));
      const before = await dueCounter(opened.store);
      const again = await opened.reopen!();
      assert.deepEqual(await dueCounter(again), before);
      assert.deepEqual((await record(again, events("a", [1, 2, 3], { feeds }))).duplicates, [0, 1]);
      assert.deepEqual(await counter(again), { value: 6, rev: 2, due: true });
    },
  },
];
