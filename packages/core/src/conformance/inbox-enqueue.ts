import assert from "node:assert/strict";
import type { InboxRow } from "../store/inbox-repository.js";
import type { ConformanceCase } from "./case.js";
import { counter, definition, event, record } from "./counter-samples.js";
import { about, enqueue, hosted, ids, inboxEvent, inboxEvents, waiting } from "./inbox-samples.js";
import { assertRefused, awkwardKeys, everyPage, max, start, twoStores } from "./samples.js";

const requires = "hostTransactions";

export const inboxEnqueueCases: readonly ConformanceCase[] = [
  {
    about,
    name: "what a host recorded and committed waits in its order, with every field, its time to the millisecond",
    requires,
    async run(opened) {
      const times = [
        start,
        new Date("1969-12-31T23:59:59.999Z"),
        new Date("1900-01-01T00:00:00.001Z"),
        new Date("9999-12-31T23:59:59.999Z"),
      ];
      const amounts = [max, -max, 0, 7];
      const given = times.map((occurredAt, i) =>
        inboxEvent({ id: `z${9 - i}`, tenant: `t${i}`, subject: `s${i}`, amount: amounts[i]!, occurredAt }),
      );
      await hosted(opened, given);
      const [, other] = await twoStores(opened);
      const rows = await waiting(other);
      assert.deepEqual(
        rows.map(({ number: _, ...row }) => row),
        given.map((each) => ({ ...each, refusal: null })),
      );
      for (const [i, row] of rows.entries()) {
        assert.ok(Number.isSafeInteger(row.number) && row.number > (rows[i - 1]?.number ?? 0), `number ${row.number}`);
      }
      assert.deepEqual(await waiting(other), rows, "a repeat answers the same");
    },
  },
  {
    about,
    name: "what a host rolled back was never recorded",
    requires,
    async run(opened) {
      await hosted(opened, inboxEvents("gone", [1, 2]), "rollback");
      assert.deepEqual(await waiting(opened.store), []);
      await hosted(opened, inboxEvents("a", [1]));
      await hosted(opened, inboxEvents("gone", [3]), "rollback");
      await hosted(opened, inboxEvents("b", [1]));
      const [, other] = await twoStores(opened);
      assert.deepEqual(ids(await waiting(other)), ["a-0", "b-0"]);
      assert.deepEqual(await waiting(other, { refused: true }), []);
    },
  },
  {
    about,
    name: "until the host commits nobody else sees what it recorded",
    requires,
    async run(opened) {
      await hosted(opened, inboxEvents("before", [1]));
      const other = await opened.reopen!();
      const host = await opened.hostTransaction!();
      try {
        await enqueue(opened.store, host, inboxEvents("open", [1, 2]));
        assert.deepEqual(ids(await waiting(other)), ["before-0"]);
        await enqueue(opened.store, host, inboxEvents("more", [3]));
        assert.deepEqual(ids(await waiting(other)), ["before-0"]);
      } finally {
        await host.commit();
      }
      assert.deepEqual(ids(await waiting(other)), ["before-0", "open-0", "open-1", "more-0"]);
    },
  },
  {
    about,
    name: "recording needs no definition and counts nothing",
    requires,
    async run(opened) {
      const { store } = opened;
      await hosted(opened, [inboxEvent({ metric: "unknown" }), inboxEvent()]);
      assert.deepEqual(await store.definitions.list(), []);
      assert.deepEqual(await store.counters.list({ tenant: "default", limit: 10 }), []);
      assert.deepEqual((await record(store, [event()])).duplicates, [], "nor does it remember ids");
      assert.equal((await waiting(store)).length, 2);
    },
  },
  {
    about,
    name: "recording without an open transaction is refused and stores nothing",
    requires,
    async run(opened) {
      const { store } = opened;
      const committed = await opened.hostTransaction!();
      await enqueue(store, committed, inboxEvents("in", [1]));
      await committed.commit();
      await assertRefused(enqueue(store, committed, inboxEvents("late", [1, 2])), "no_transaction");
      assert.deepEqual(ids(await waiting(store)), ["in-0"]);
      const rolledBack = await opened.hostTransaction!();
      await rolledBack.rollback();
      await assertRefused(enqueue(store, rolledBack, inboxEvents("late", [1, 2])), "no_transaction");
      const [, other] = await twoStores(opened);
      assert.deepEqual(ids(await waiting(other)), ["in-0"]);
      await hosted(opened, inboxEvents("next", [1]));
      assert.deepEqual(ids(await waiting(other)), ["in-0", "next-0"]);
    },
  },
  {
    about,
    name: "recording nothing stores nothing and leaves the transaction open",
    requires,
    async run(opened) {
      const host = await opened.hostTransaction!();
      try {
        await enqueue(opened.store, host, []);
        await enqueue(opened.store, host, [inboxEvent()]);
        await enqueue(opened.store, host, []);
      } finally {
        await host.commit();
      }
      assert.deepEqual(ids(await waiting(opened.store)), ["evt-1"]);
    },
  },
  {
    about,
    name: "the same id twice is two rows, in one call, one transaction and two, also when it was counted before",
    requires,
    async run(opened) {
      await record(opened.store, [event()]);
      const host = await opened.hostTransaction!();
      try {
        await enqueue(opened.store, host, [inboxEvent({ amount: 1 }), inboxEvent({ amount: 2 })]);
        await enqueue(opened.store, host, [inboxEvent({ amount: 3 })]);
      } finally {
        await host.commit();
      }
      await hosted(opened, [inboxEvent({ amount: 4 })]);
      assert.deepEqual(
        (await waiting(opened.store)).map((row) => [row.id, row.amount]),
        [1, 2, 3, 4].map((amount) => ["evt-1", amount]),
      );
    },
  },
  {
    about,
    name: "any valid text can be recorded",
    requires,
    async run(opened) {
      const given = awkwardKeys.map((key) => inboxEvent({ tenant: key, metric: key, id: key, subject: key }));
      await hosted(opened, given);
      const [, other] = await twoStores(opened);
      const rows = await waiting(other);
      assert.deepEqual(
        rows.map(({ number: _, refusal: __, ...row }) => row),
        given,
      );
      for (const key of awkwardKeys) assert.deepEqual(ids(await waiting(other, { metrics: [key] })), [key]);
    },
  },
  {
    about,
    name: "2,000 events are recorded by one call",
    requires,
    async run(opened) {
      const given = Array.from({ length: 2000 }, (_, i) => inboxEvent({ id: `e-${i}`, amount: i }));
      await hosted(opened, given);
      assert.deepEqual(
        ids(await waiting(opened.store)),
        given.map((each) => each.id),
      );
    },
  },
  {
    about,
    name: "what waits is listed page by page, by tenant and by metric",
    requires,
    async run(opened) {
      const metrics = ["a", "b", "c"];
      await hosted(
        opened,
        Array.from({ length: 9 }, (_, i) => inboxEvent({ id: `e${i}`, metric: metrics[i % 3]!, tenant: `t${i % 2}` })),
      );
      const { store } = opened;
      const all = await waiting(store);
      for (const limit of [1, 2, 4, 9]) {
        const paged = await everyPage(limit, (last: InboxRow | undefined) =>
          waiting(store, { limit, ...(last && { after: last.number }) }),
        );
        assert.deepEqual(paged, all);
      }
      assert.deepEqual(ids(await waiting(store, { metrics: ["b"] })), ["e1", "e4", "e7"]);
      assert.deepEqual(ids(await waiting(store, { metrics: ["c", "nothing", "a"], limit: 4 })), [
        "e0",
        "e2",
        "e3",
        "e5",
      ]);
      assert.deepEqual(ids(await waiting(store, { metrics: ["b"], after: all[1]!.number, limit: 1 })), ["e4"]);
      assert.deepEqual(ids(await waiting(store, { tenant: "t1" })), ["e1", "e3", "e5", "e7"]);
      assert.deepEqual(ids(await waiting(store, { tenant: "t1", metrics: ["b"] })), ["e1", "e7"]);
      assert.deepEqual(ids(await waiting(store, { tenant: "t0", after: all[2]!.number, limit: 2 })), ["e4", "e6"]);
      assert.deepEqual(await waiting(store, { tenant: "nobody" }), []);
      assert.deepEqual(await waiting(store, { metrics: ["nothing"] }), []);
      assert.deepEqual(await waiting(store, { metrics: [] }), []);
      assert.deepEqual(await waiting(store, { after: all.at(-1)!.number }), []);
      assert.deepEqual(await waiting(store, { after: 0 }), all);
    },
  },
  {
    about,
    name: "an open transaction of a host holds up nobody who reads",
    requires,
    async run(opened) {
      const other = await opened.reopen!();
      await other.definitions.install({ definitions: [definition()] });
      const host = await opened.hostTransaction!();
      try {
        await enqueue(opened.store, host, [inboxEvent({ id: "open" })]);
        assert.deepEqual(await other.definitions.list(), [definition()]);
        assert.deepEqual(await other.inbox.list({ refused: false, limit: 10 }), []);
        assert.equal(await counter(other), undefined);
      } finally {
        await host.commit();
      }
      assert.deepEqual((await record(other, [event({ id: "open" })])).duplicates, []);
    },
  },
  {
    about,
    name: "what waits is there when the database is opened again",
    requires,
    async run(opened) {
      await hosted(opened, inboxEvents("a", [1, 2]));
      const before = await waiting(opened.store);
      const again = await opened.reopen!();
      assert.deepEqual(await waiting(again), before);
    },
  },
];
