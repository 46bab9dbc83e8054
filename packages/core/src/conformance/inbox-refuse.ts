import assert from "node:assert/strict";
import type { InboxRepository } from "../store/inbox-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { counter } from "./counter-samples.js";
import { about, drain, ids, inboxEvent, inboxEvents, inboxed, refusedRows, waiting } from "./inbox-samples.js";
import { assertOwnClock, at, max, twoStores } from "./samples.js";

const requires = "hostTransactions";

const because = { code: "counter_overflow", message: 'it\'s "too" much: é\u{1f389}\n{counters} $1 ?' };

type Retry = Parameters<InboxRepository["retry"]>[0];
const again = (fields: Partial<Retry> = {}): Retry => ({
  tenant: "default",
  by: "ada",
  why: 'fixed: it\'s "é\u{1f389}"',
  now: at(7),
  ...fields,
});

const actsOn = async (store: Store, entityId: string, tenant = "default") =>
  store.lanes.acts({ tenant, entity: "inbox", entityId });

/** Rows that cannot be counted are set aside, and wait again when a person says so. */
export const inboxRefuseCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a refused row waits no longer and says why, and the others wait on",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, inboxEvents("e", [1, 2, 3]));
      await store.inbox.refuse({ number: rows[1]!.number, ...because });
      const [, other] = await twoStores(opened);
      assert.deepEqual(await waiting(other), [rows[0], rows[2]]);
      assert.deepEqual(await refusedRows(other), [{ ...rows[1], refusal: because }]);
      await store.inbox.refuse({ number: rows[0]!.number, code: "x", message: "" });
      assert.deepEqual(await refusedRows(other), [
        { ...rows[0], refusal: { code: "x", message: "" } },
        { ...rows[1], refusal: because },
      ]);
    },
  },
  {
    about,
    name: "a row that is refused or gone is left as it is",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, inboxEvents("e", [1, 2, 3]));
      await drain(store, rows.slice(0, 1));
      await store.inbox.refuse({ number: rows[1]!.number, ...because });
      for (const number of [rows[0]!.number, rows[1]!.number, 0, max]) {
        await store.inbox.refuse({ number, code: "later", message: "later" });
      }
      assert.deepEqual(await refusedRows(store), [{ ...rows[1], refusal: because }]);
      assert.deepEqual(await waiting(store), rows.slice(2));
    },
  },
  {
    about,
    name: "refused rows are listed page by page, and by metric",
    requires,
    async run(opened) {
      const { store } = opened;
      const given = Array.from({ length: 6 }, (_, i) => inboxEvent({ id: `e${i}`, metric: i % 2 ? "odd" : "even" }));
      const rows = await inboxed(opened, given);
      for (const row of rows.slice(1)) await store.inbox.refuse({ number: row.number, ...because });
      assert.deepEqual(ids(await refusedRows(store, { metrics: ["even"] })), ["e2", "e4"]);
      assert.deepEqual(ids(await refusedRows(store, { limit: 2 })), ["e1", "e2"]);
      assert.deepEqual(ids(await refusedRows(store, { limit: 2, after: rows[2]!.number })), ["e3", "e4"]);
      assert.deepEqual(ids(await refusedRows(store, { metrics: ["odd"], after: rows[1]!.number })), ["e3", "e5"]);
      assert.deepEqual(await refusedRows(store, { metrics: [] }), []);
      assert.deepEqual(ids(await waiting(store, { metrics: ["even"] })), ["e0"]);
    },
  },
  {
    about,
    name: "all refused rows of a tenant wait again in their old places, and one act tells who let them",
    requires,
    async run(opened) {
      const { store } = opened;
      const given = ["a", "b", "a", "a"].map((tenant, i) => inboxEvent({ id: `e${i}`, tenant }));
      const rows = await inboxed(opened, given);
      for (const row of rows.slice(0, 3)) await store.inbox.refuse({ number: row.number, ...because });
      const retry = again({ tenant: "a" });
      assert.equal(await store.inbox.retry(retry), 2);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await waiting(other), [rows[0], rows[2], rows[3]]);
      assert.deepEqual(ids(await refusedRows(other)), ["e1"]);
      const { by, why, now: when } = retry;
      const act = { tenant: "a", entity: "inbox", entityId: "*", act: "retry", by, why, at: when };
      assert.deepEqual(await actsOn(other, "*", "a"), [act]);
      assert.deepEqual(await actsOn(other, "*", "b"), []);
      for (const row of rows) assert.deepEqual(await actsOn(other, String(row.number), "a"), []);
      assert.equal(await store.inbox.retry({ ...retry, now: at(8) }), 0, "a repeat finds none, and is an act too");
      assert.deepEqual(await actsOn(other, "*", "a"), [act, { ...act, at: at(8) }]);
    },
  },
  {
    about,
    name: "rows named by their numbers wait again, each with an act of its own, and the others stay refused",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, inboxEvents("e", [1, 2, 3, 4]));
      for (const row of rows.slice(0, 3)) await store.inbox.refuse({ number: row.number, ...because });
      const [first, second, third, unrefused] = rows.map((row) => row.number) as [number, number, number, number];
      const numbers = [third, max, first, unrefused, 0];
      assert.equal(await store.inbox.retry(again({ numbers })), 2);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await waiting(other), [rows[0], rows[2], rows[3]]);
      assert.deepEqual(await refusedRows(other), [{ ...rows[1], refusal: because }]);
      const { by, why, now: when } = again();
      for (const number of [first, third]) {
        const entityId = String(number);
        const act = { tenant: "default", entity: "inbox", entityId, act: "retry", by, why, at: when };
        assert.deepEqual(await actsOn(other, entityId), [act]);
      }
      for (const none of ["*", String(second), String(unrefused), String(max), "0"]) {
        assert.deepEqual(await actsOn(other, none), []);
      }
      assert.equal(await store.inbox.retry(again({ numbers: [first, third] })), 0);
      assert.deepEqual(await waiting(other), [rows[0], rows[2], rows[3]]);
      assert.equal((await actsOn(other, "*")).length, 1, "that somebody tried is recorded all the same");
    },
  },
  {
    about,
    name: "a retry that names rows of another tenant, unknown ones or none leaves every row as it is",
    requires,
    async run(opened) {
      const { store } = opened;
      const [row] = await inboxed(opened, [inboxEvent()]);
      await store.inbox.refuse({ number: row!.number, ...because });
      for (const fields of [{ tenant: "other", numbers: [row!.number] }, { numbers: [max] }, { numbers: [] }]) {
        assert.equal(await store.inbox.retry(again(fields)), 0);
      }
      assert.equal(await store.inbox.retry(again({ tenant: "other" })), 0);
      assert.deepEqual(await refusedRows(store), [{ ...row, refusal: because }]);
      assert.deepEqual(await actsOn(store, String(row!.number), "other"), []);
    },
  },
  {
    about,
    name: "a row that waits again can be counted, or refused anew for another reason",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, inboxEvents("e", [4, 5]));
      for (const row of rows) await store.inbox.refuse({ number: row.number, ...because });
      assert.equal(await store.inbox.retry(again()), 2);
      await drain(store, (await waiting(store)).slice(0, 1));
      assert.deepEqual(await counter(store), { value: 4, rev: 1, due: false });
      const other = { code: "unknown_metric", message: "another" };
      await store.inbox.refuse({ number: rows[1]!.number, ...other });
      assert.deepEqual(await refusedRows(store), [{ ...rows[1], refusal: other }]);
      assert.deepEqual(await waiting(store), []);
    },
  },
  {
    about,
    name: "of refusals at once the first is kept, and of retries at once each row is answered to one",
    requires,
    async run(opened) {
      const stores = await twoStores(opened);
      const rows = await inboxed(opened, inboxEvents("e", Array(20).fill(1)));
      for (const row of rows) {
        const codes = ["one", "two", "three", "four"];
        await Promise.all(
          codes.map((code, i) => stores[i % 2]!.inbox.refuse({ number: row.number, code, message: code })),
        );
      }
      const refused = await refusedRows(stores[0]);
      assert.equal(refused.length, 20);
      for (const { refusal } of refused) assert.equal(refusal?.code, refusal?.message);
      const numbers = rows.map((row) => row.number);
      const answers = await Promise.all([
        stores[0].inbox.retry(again()),
        stores[1].inbox.retry(again({ numbers })),
        stores[0].inbox.retry(again({ numbers: [...numbers].reverse() })),
        stores[1].inbox.retry(again()),
      ]);
      assert.equal(
        answers.reduce((sum, each) => sum + each, 0),
        20,
      );
      assert.deepEqual(await waiting(stores[1]), rows);
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides when a person let rows wait again",
    requires,
    async run({ store }) {
      await assertOwnClock(async () => {
        const { now: _, ...byOwnClock } = again();
        await store.inbox.retry(byOwnClock);
        return (await actsOn(store, "*"))[0]?.at ?? null;
      });
    },
  },
  {
    about,
    name: "refusals and retries are there when the database is opened again",
    requires,
    async run(opened) {
      const rows = await inboxed(opened, inboxEvents("e", [1, 2]));
      for (const row of rows) await opened.store.inbox.refuse({ number: row.number, ...because });
      await opened.store.inbox.retry(again({ numbers: [rows[0]!.number] }));
      const reopened = await opened.reopen!();
      assert.deepEqual(await waiting(reopened), rows.slice(0, 1));
      assert.deepEqual(await refusedRows(reopened), [{ ...rows[1], refusal: because }]);
    },
  },
];
