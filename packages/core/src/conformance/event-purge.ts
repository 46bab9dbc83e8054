import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { birth, counter, definition, dueCounter, event, events, record, rules } from "./counter-samples.js";
import { about, keep, kept, purgeAll, remembered, retained } from "./event-samples.js";
import { at, awkwardKeys, hour, max, minute, start, twoStores } from "./samples.js";

const metric = "email.delivered";
const purged = { purged: true } as const;
const year = 365 * 24 * hour;
const hundredThousandYears = 100_000 * year;

/** `count` events that occurred at the start. */
const old = (count: number, prefix = "old") => events(prefix, Array(count).fill(1), { occurredAt: start });

export const eventPurgeCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a purge under another generation than the stored one forgets nothing: the retention may be longer by now",
    async run(opened) {
      const { store } = opened;
      await keep(store, old(2), purged);
      await store.definitions.install({ definitions: [definition({ generation: 2 })] });
      const [, other] = await twoStores(opened);
      const input = { metric, age: minute, limit: 10, now: at(hour) };
      for (const generation of [0, 1, 3]) assert.equal(await other.events.purge({ ...input, generation }), 0);
      assert.equal(await other.events.purge({ ...input, metric: "unknown", generation: 1 }), 0);
      assert.equal((await kept(store)).length, 2);
      const known = rules(metric, { generation: 2 });
      assert.deepEqual((await store.counters.add({ events: old(2), rules: known })).duplicates, [0, 1]);
      assert.equal(await other.events.purge({ ...input, generation: 2 }), 2);
      assert.deepEqual(await kept(store), []);
      assert.deepEqual((await store.counters.add({ events: old(2), rules: known })).duplicates, []);
    },
  },
  {
    about,
    name: "ids older than the age are forgotten, to the millisecond, and count again; the others are remembered",
    async run(opened) {
      const { store } = opened;
      const batch = [-1, 0, 1, hour].map((time) => event({ id: `at ${time}`, occurredAt: at(time) }));
      await record(store, batch, start, purged);
      assert.equal(await store.events.purge({ metric, generation: 1, age: hour, limit: 10, now: at(hour - 1) }), 0);
      const [, other] = await twoStores(opened);
      assert.equal(await other.events.purge({ metric, generation: 1, age: hour, limit: 10, now: at(hour) }), 1);
      assert.deepEqual(await counter(store), { value: 4, rev: 1, due: false }, "counters are never touched");
      assert.deepEqual(await remembered(store, batch), ["at 0", "at 1", `at ${hour}`]);
      assert.deepEqual(await counter(store), { value: 5, rev: 2, due: false });
    },
  },
  {
    about,
    name: "an age of nothing forgets all that has occurred before now",
    async run({ store }) {
      const batch = [-1, 0, 1].map((time) => event({ id: `at ${time}`, occurredAt: at(time) }));
      await record(store, batch, start, purged);
      assert.deepEqual(await purgeAll(store, { metric, generation: 1, age: 0, limit: 10, now: start }), [1]);
      assert.deepEqual(await remembered(store, batch), ["at 0", "at 1"]);
    },
  },
  {
    about,
    name: "times before 1970 and far ahead are purged like any other",
    async run({ store }) {
      const times = ["1900-01-01T00:00:00.001Z", "1969-12-31T23:59:59.999Z", "9998-12-31T23:59:59.998Z"];
      const batch = times.map((time) => event({ id: time, occurredAt: new Date(time) }));
      await keep(store, batch, purged);
      const now = new Date("1970-01-01T00:00:00.000Z");
      assert.equal(await store.events.purge({ metric, generation: 1, age: 1, limit: 10, now }), 1);
      assert.deepEqual(
        (await kept(store)).map((each) => each.id),
        times.slice(1),
      );
      const late = new Date("9999-01-01T00:00:00.000Z");
      assert.equal(await store.events.purge({ metric, generation: 1, age: 2, limit: 10, now: late }), 1);
      assert.deepEqual(
        (await kept(store)).map((each) => each.id),
        times.slice(2),
      );
      assert.deepEqual(await remembered(store, batch), times.slice(2));
    },
  },
  {
    about,
    name: "an age beyond all time forgets nothing",
    async run({ store }) {
      await keep(store, [event({ occurredAt: new Date("0001-01-01T00:00:00.000Z") })], purged);
      for (const age of [max, hundredThousandYears, 9_000 * year]) {
        assert.equal(await store.events.purge({ metric, generation: 1, age, limit: 10, now: start }), 0);
        assert.equal(await store.events.purge({ metric, generation: 1, age, limit: 10 }), 0);
      }
      assert.equal((await kept(store)).length, 1);
      assert.equal(await store.events.purge({ metric, generation: 1, age: 2_000 * year, limit: 10, now: start }), 1);
    },
  },
  {
    about,
    name: "a call forgets at most limit, and a repeat goes on until there is nothing left",
    async run({ store }) {
      await record(store, old(7), start, purged);
      const input = { metric, generation: 1, age: minute, limit: 3, now: at(hour) };
      assert.equal(await store.events.purge(input), 3);
      assert.equal((await remembered(store, old(7))).length, 4, "what was forgotten is remembered anew, without time");
      assert.deepEqual(await purgeAll(store, input), [3, 1]);
      assert.equal(await store.events.purge(input), 0);
      assert.deepEqual(await purgeAll(store, { ...input, metric: "unknown" }), []);
    },
  },
  {
    about,
    name: "a purge keeps to its metric, in every tenant of it",
    async run({ store }) {
      const batch = [
        event({ id: "a" }),
        event({ id: "a", tenant: "other" }),
        event({ id: "a", metric: "ad.spend" }),
        event({ id: "a", metric: "ad.spend", tenant: "other" }),
      ];
      await keep(store, batch, purged);
      assert.deepEqual(await purgeAll(store, { metric, generation: 1, age: minute, limit: 10, now: at(hour) }), [2]);
      for (const tenant of ["default", "other"]) {
        assert.deepEqual(await kept(store, { tenant }), []);
        assert.equal((await kept(store, { tenant, metric: "ad.spend" })).length, 1);
      }
      assert.deepEqual((await record(store, batch)).duplicates, [2, 3]);
    },
  },
  {
    about,
    name: "ids that were remembered without a time stay, whatever the metric's later rules",
    async run({ store }) {
      await record(store, old(2, "timeless"));
      await record(store, old(2, "timed"), start, purged);
      await record(store, [...old(2, "timeless"), ...old(2, "timed")], start, purged);
      assert.deepEqual(await purgeAll(store, { metric, generation: 1, age: minute, limit: 10, now: at(hour) }), [2]);
      assert.deepEqual(await remembered(store, [...old(2, "timeless"), ...old(2, "timed")]), [
        "timeless-0",
        "timeless-1",
      ]);
    },
  },
  {
    about,
    name: "retained events older than the age are forgotten too, and the others stay as they are",
    async run(opened) {
      const batch = [0, 1, hour].map((time) => event({ id: `at ${time}`, amount: 5, occurredAt: at(time) }));
      await keep(opened.store, batch, purged);
      assert.equal(
        await opened.store.events.purge({ metric, generation: 1, age: hour, limit: 10, now: at(hour + 1) }),
        1,
      );
      const [, other] = await twoStores(opened);
      assert.deepEqual(await kept(other), [
        retained(batch[1]!, { value: 10, rev: 1, place: 1 }),
        retained(batch[2]!, { value: 15, rev: 1, place: 2 }),
      ]);
    },
  },
  {
    about,
    name: "a call answers the larger number of ids and of retained events, and limits each",
    async run({ store }) {
      await keep(store, old(5, "retained"));
      await record(store, old(3, "timed"), start, purged);
      const input = { metric, generation: 1, age: minute, limit: 2, now: at(hour) };
      assert.equal(await store.events.purge(input), 2);
      assert.equal((await kept(store)).length, 3);
      assert.deepEqual(await purgeAll(store, input), [2, 1]);
      assert.deepEqual(await kept(store), []);
      assert.equal((await remembered(store, old(5, "retained"))).length, 5, "their ids had no time");
      await keep(store, old(1, "more"), purged);
      await record(store, old(4, "ids"), start, purged);
      assert.deepEqual(await purgeAll(store, { ...input, limit: 10 }), [5]);
    },
  },
  {
    about,
    name: "an id that counts again after its purge is retained anew, with the value after it",
    async run({ store }) {
      await keep(store, events("a", [4, 2], { occurredAt: start }), purged);
      await purgeAll(store, { metric, generation: 1, age: minute, limit: 10, now: at(hour) });
      const again = events("a", [4], { occurredAt: at(hour) });
      await keep(store, again, purged);
      assert.deepEqual(await kept(store), [retained(again[0]!, { value: 10, rev: 2, place: 0 })]);
    },
  },
  {
    about,
    name: "a purge leaves counters, their trails and what they have met as they are",
    async run({ store }) {
      await record(
        store,
        old(3).map((each) => ({ ...each, feeds: [birth({ due: true })] })),
        start,
        purged,
      );
      await record(store, [event({ id: "quiet", subject: "quiet" })], start, purged);
      const due = await dueCounter(store);
      const idle = await store.counters.idle({ metric, generation: 9, limit: 10 });
      assert.deepEqual(await purgeAll(store, { metric, generation: 1, age: minute, limit: 10, now: at(hour) }), [4]);
      assert.deepEqual(await dueCounter(store), due);
      assert.deepEqual(await store.counters.idle({ metric, generation: 9, limit: 10 }), idle);
      assert.deepEqual(await store.counters.add({ events: [], rules: rules() }), {
        stale: [],
        duplicates: [],
        counters: [],
      });
    },
  },
  {
    about,
    name: "any metric and id can be purged",
    async run({ store }) {
      const batch = awkwardKeys.map((key) => event({ tenant: key, metric: key, subject: key, id: key }));
      await keep(store, batch, purged);
      for (const key of awkwardKeys) {
        assert.deepEqual(
          await purgeAll(store, { metric: key, generation: 1, age: minute, limit: 10, now: at(hour) }),
          [1],
        );
      }
      assert.deepEqual((await record(store, batch)).duplicates, []);
    },
  },
  {
    about,
    name: "of callers at once none forgets what another did, and together they forget all",
    async run(opened) {
      const stores = await twoStores(opened);
      await keep(opened.store, old(100), purged);
      const input = { metric, generation: 1, age: minute, limit: 7, now: at(hour) };
      const answers = await Promise.all([0, 1, 2, 3].map((n) => purgeAll(stores[n % 2]!, input)));
      const rest = await purgeAll(opened.store, input);
      assert.ok(
        [...answers.flat(), ...rest].every((each) => each <= 7),
        "more than the limit",
      );
      assert.deepEqual(await kept(opened.store), []);
      assert.deepEqual(await remembered(opened.store, old(100)), []);
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides what is too old",
    async run({ store }) {
      const now = Date.now();
      const batch = [-2 * hour, -hour / 2, hour].map((time) =>
        event({ id: `at ${time}`, occurredAt: new Date(now + time) }),
      );
      await record(store, batch, start, purged);
      assert.deepEqual(await purgeAll(store, { metric, generation: 1, age: hour, limit: 10 }), [1]);
      assert.deepEqual(await remembered(store, batch), [`at ${-hour / 2}`, `at ${hour}`]);
    },
  },
  {
    about,
    name: "what was forgotten stays so when the database is opened again, and times are kept",
    requires: "persistence",
    async run(opened) {
      const batch = [event({ id: "old" }), event({ id: "young", occurredAt: at(1) })];
      await record(opened.store, batch, start, purged);
      assert.equal(
        await opened.store.events.purge({ metric, generation: 1, age: hour, limit: 10, now: at(hour + 1) }),
        1,
      );
      const again = await opened.reopen!();
      assert.equal(await again.events.purge({ metric, generation: 1, age: hour, limit: 10, now: at(hour + 1) }), 0);
      assert.equal(await again.events.purge({ metric, generation: 1, age: hour, limit: 10, now: at(hour + 2) }), 1);
      assert.deepEqual(await remembered(again, batch), []);
    },
  },
];
