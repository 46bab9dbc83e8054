import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { birth, counter, definition, dueCounter, event, record, rules } from "./counter-samples.js";
import { kept, retained } from "./event-samples.js";
import { about, counted, drain, hosted, ids, inboxEvent, inboxEvents, inboxed, waiting } from "./inbox-samples.js";
import { assertRefused, at, awkwardKeys, max, start, twoStores } from "./samples.js";

const requires = "hostTransactions";

/** Rows leave the inbox in the very step that counts their events, and only then. */
export const inboxDrainCases: readonly ConformanceCase[] = [
  {
    about,
    name: "rows that are counted are gone with the same step, and the others wait on",
    requires,
    async run(opened) {
      const rows = await inboxed(opened, inboxEvents("e", [1, 2, 4, 8]));
      const [one, two] = await twoStores(opened);
      const result = await drain(two, [rows[1]!, rows[3]!]);
      assert.deepEqual([result.stale, result.duplicates], [[], []]);
      assert.deepEqual(await waiting(one), [rows[0], rows[2]]);
      assert.deepEqual(await counter(one), { value: 10, rev: 1, due: false });
      await drain(one, [rows[0]!, rows[2]!]);
      assert.deepEqual(await waiting(two), []);
      assert.deepEqual(await counter(two), { value: 15, rev: 2, due: false });
    },
  },
  {
    about,
    name: "a drained event has its effect as if it had been recorded directly: trail, times and what is retained",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, inboxEvents("e", [5, -3]));
      await drain(store, rows, { retain: "events" }, [birth({ due: true })]);
      assert.deepEqual((await dueCounter(store))?.trail, [
        {
          rev: 1,
          generation: 1,
          from: 0,
          ids: ["e-0", "e-1"],
          limitVersion: null,
          amounts: [5, -3],
          occurredAts: [at(0), at(1)],
        },
      ]);
      assert.deepEqual(await kept(store), [
        retained(counted(rows[0]!), { value: 5, rev: 1, place: 0 }),
        retained(counted(rows[1]!), { value: 2, rev: 1, place: 1 }),
      ]);
    },
  },
  {
    about,
    name: "a batch that drains nothing leaves what waits, whatever ids it counts",
    requires,
    async run(opened) {
      const rows = await inboxed(opened, [inboxEvent(), inboxEvent({ id: "evt-2" })]);
      await record(opened.store, [event()]);
      await opened.store.counters.add({ events: [event({ id: "evt-2" })], rules: rules(), drained: [] });
      assert.deepEqual(await waiting(opened.store), rows);
    },
  },
  {
    about,
    name: "rows whose events were all counted before are gone too, and count nothing",
    requires,
    async run(opened) {
      const { store } = opened;
      await record(store, [event({ id: "e-0" }), event({ id: "e-1" })]);
      const rows = await inboxed(opened, inboxEvents("e", [5, 7]));
      const result = await drain(store, rows);
      assert.deepEqual(result, { stale: [], duplicates: [0, 1], counters: [] });
      assert.deepEqual(await waiting(store), []);
      assert.deepEqual(await counter(store), { value: 2, rev: 1, due: false });
    },
  },
  {
    about,
    name: "a batch without events lets rows go too",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, inboxEvents("e", [1, 2]));
      const nothing = { stale: [], duplicates: [], counters: [] };
      assert.deepEqual(await store.counters.add({ events: [], rules: {}, drained: [rows[0]!.number] }), nothing);
      assert.deepEqual(await waiting(store), rows.slice(1));
    },
  },
  {
    about,
    name: "rows of one event are gone together when it is counted once",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, [inboxEvent(), inboxEvent(), inboxEvent({ id: "other" })]);
      await store.definitions.install({ definitions: [definition()] });
      const drained = rows.slice(0, 2).map((row) => row.number);
      await store.counters.add({ events: [counted(rows[0]!)], rules: rules(), drained });
      assert.deepEqual(await waiting(store), rows.slice(2));
      assert.deepEqual(await counter(store), { value: 1, rev: 1, due: false });
    },
  },
  {
    about,
    name: "a stale batch counts nothing and its rows stay",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, [...inboxEvents("e", [1, 2]), inboxEvent({ metric: "changed" })]);
      await store.definitions.install({ definitions: [definition(), definition({ metric: "changed" })] });
      await store.definitions.install({ definitions: [definition({ metric: "changed", generation: 2 })] });
      assert.deepEqual(await drain(store, rows), { stale: ["changed"], duplicates: [], counters: [] });
      const [, other] = await twoStores(opened);
      assert.deepEqual(await waiting(other), rows);
      assert.equal(await counter(other), undefined);
      assert.deepEqual((await drain(other, rows.slice(0, 2))).duplicates, []);
      assert.deepEqual(await waiting(other), rows.slice(2));
    },
  },
  {
    about,
    name: "a batch that overflows counts nothing and its rows stay",
    requires,
    async run(opened) {
      const { store } = opened;
      await record(store, [event({ id: "full", subject: "full", amount: max })]);
      const rows = await inboxed(opened, [inboxEvent(), inboxEvent({ id: "over", subject: "full" })]);
      await assertRefused(drain(store, rows), "counter_overflow");
      const [, other] = await twoStores(opened);
      assert.deepEqual(await waiting(other), rows);
      assert.equal(await counter(other), undefined);
      await drain(other, rows.slice(0, 1));
      assert.deepEqual(await waiting(other), rows.slice(1));
    },
  },
  {
    about,
    name: "numbers of rows that are gone already change nothing, and the batch counts",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, inboxEvents("e", [1, 2]));
      await drain(store, rows);
      assert.deepEqual((await drain(store, rows)).duplicates, [0, 1], "a repeat counts nothing");
      const [more] = await inboxed(opened, inboxEvents("f", [4]));
      const drained = [0, max, rows[0]!.number, more!.number, more!.number, more!.number + 1000];
      await store.counters.add({ events: [counted(more!)], rules: rules(), drained });
      assert.deepEqual(await waiting(store), []);
      assert.deepEqual(await counter(store), { value: 7, rev: 2, due: false });
    },
  },
  {
    about,
    name: "rows of any tenant, metric and subject drain in one batch",
    requires,
    async run(opened) {
      const given = awkwardKeys.map((key) => inboxEvent({ tenant: key, metric: key, id: key, subject: key }));
      const rows = await inboxed(opened, given);
      assert.equal((await drain(opened.store, rows)).counters.length, given.length);
      assert.deepEqual(await waiting(opened.store), []);
    },
  },
  {
    about,
    name: "2,000 rows drain in one step",
    requires,
    async run(opened) {
      const given = Array.from({ length: 2000 }, (_, i) => inboxEvent({ id: `e-${i}`, subject: `s-${i % 50}` }));
      const rows = await inboxed(opened, given);
      assert.equal((await drain(opened.store, rows)).counters.length, 50);
      assert.deepEqual(await waiting(opened.store), []);
      assert.deepEqual(await counter(opened.store, { subject: "s-49" }), { value: 40, rev: 1, due: false });
    },
  },
  {
    about,
    name: "drainers at once over the same rows count each event once, in whatever order they took them",
    requires,
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 8; round++) {
        const given = Array.from({ length: 30 }, (_, i) =>
          inboxEvent({ id: `${round}-${i}`, subject: `s-${i % 3}`, amount: 1 }),
        );
        const rows = await inboxed(opened, given);
        const orders = [rows, [...rows].reverse(), rows.slice(10), rows.slice(0, 20)];
        const results = await Promise.all(orders.map((each, i) => drain(stores[i % 2]!, each)));
        const fresh = results.map((result, i) => orders[i]!.length - result.duplicates.length);
        assert.equal(
          fresh.reduce((sum, each) => sum + each, 0),
          30,
        );
        assert.deepEqual(await waiting(stores[1]), []);
        for (const n of [0, 1, 2]) {
          assert.equal((await counter(stores[0], { subject: `s-${n}` }))?.value, 10 * (round + 1));
        }
      }
    },
  },
  {
    about,
    name: "beside a change of the definition rows are counted and gone, or wait: never one without the other",
    requires,
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let round = 0; round < 10; round++) {
        const metric = `metric-${round}`;
        const rows = await inboxed(opened, inboxEvents("e", [1, 2], { metric }));
        await one.definitions.install({ definitions: [definition({ metric })] });
        const [installed, result] = await Promise.all([
          one.definitions.install({ definitions: [definition({ metric, generation: 2 })] }),
          two.counters.add({
            events: rows.map((row) => counted(row)),
            rules: rules(metric),
            drained: rows.map((row) => row.number),
          }),
        ]);
        assert.equal(installed, true);
        const stale = result.stale.length > 0;
        assert.equal((await waiting(one, { metrics: [metric] })).length, stale ? 2 : 0);
        assert.equal((await counter(one, { metric }))?.value, stale ? undefined : 3);
      }
    },
  },
  {
    about,
    name: "a number is not given twice, also when every row was drained in between",
    requires,
    async run(opened) {
      const seen: number[] = [];
      for (let round = 0; round < 3; round++) {
        const rows = await inboxed(opened, inboxEvents(`r${round}`, [1, 1]));
        seen.push(...rows.map((row) => row.number));
        await drain(opened.store, rows);
      }
      assert.deepEqual(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
      );
      await hosted(opened, inboxEvents("last", [1]));
      const [, other] = await twoStores(opened);
      assert.deepEqual(ids(await waiting(other, { after: seen.at(-1)! })), ["last-0"]);
    },
  },
  {
    about,
    name: "what was drained is gone and counted when the database is opened again",
    requires,
    async run(opened) {
      const rows = await inboxed(opened, inboxEvents("e", [1, 2, 3]));
      await drain(opened.store, rows.slice(0, 2));
      const again = await opened.reopen!();
      assert.deepEqual(await waiting(again), rows.slice(2));
      assert.deepEqual(await counter(again), { value: 3, rev: 1, due: false });
      const repeat = await record(again, [event({ id: "e-0", occurredAt: start })]);
      assert.deepEqual(repeat.duplicates, [0]);
    },
  },
];
