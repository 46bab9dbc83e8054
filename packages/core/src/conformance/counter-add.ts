import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import {
  about,
  birth,
  counter,
  counterKey,
  definition,
  dueCounter,
  event,
  events,
  quiet,
  record,
  rules,
  sorted,
} from "./counter-samples.js";
import { at, awkwardKeys, twoStores } from "./samples.js";

export const counterAddCases: readonly ConformanceCase[] = [
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
      const trail = [
        {
          rev: 1,
          generation: 1,
          from: 0,
          ids: ["a-0", "a-1"],
          limitVersion: null,
          amounts: [2, 3],
          occurredAts: [at(0), at(1)],
        },
      ];
      const due = await store.counters.due({ metrics: ["email.delivered"], limit: 10, trailLimit: 10 });
      assert.deepEqual(
        sorted(due),
        ["day:UTC:2026-11-05", "month:Europe/Berlin:2026-11"].map((period) => ({
          ...counterKey({ period }),
          folded: 0,
          generation: 1,
          state: {},
          trail,
        })),
      );
    },
  },
  {
    about,
    name: "an empty batch changes nothing",
    async run({ store }) {
      const nothing = { stale: [], duplicates: [], counters: [] };
      assert.deepEqual(await store.counters.add({ events: [], rules: {} }), nothing);
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
      await store.definitions.install({ definitions: [definition({ metric: "changed", generation: 2 })] });
      const metrics = ["email.delivered", "changed", "ahead", "unknown"];
      const batch = metrics.map((metric) => event({ metric, feeds: [birth({ due: true })] }));
      const known = { ...rules(metrics), ...rules("ahead", { generation: 2 }) };
      const result = await store.counters.add({ events: batch, rules: known });
      assert.deepEqual([...result.stale].sort(), ["ahead", "changed", "unknown"]);
      assert.deepEqual([result.duplicates, result.counters], [[], []]);
      assert.deepEqual(await store.counters.get({ keys: metrics.map((metric) => counterKey({ metric })) }), []);
      assert.deepEqual(await store.counters.due({ metrics, limit: 10, trailLimit: 10 }), []);
      const again = await store.counters.add({
        events: batch.slice(0, 2),
        rules: { ...rules(), ...rules("changed", { generation: 2 }) },
      });
      assert.deepEqual([again.stale, again.duplicates, again.counters.length], [[], [], 2]);
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
    name: "counting needs no time of the caller's",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition()] });
      const input = {
        events: [event({ feeds: [birth({ ...quiet, due: true })] })],
        rules: rules(),
      };
      assert.deepEqual((await store.counters.add(input)).counters, [{ ...counterKey(), value: 1, rev: 1, due: true }]);
      assert.deepEqual((await store.counters.add(input)).duplicates, [0]);
    },
  },
];
