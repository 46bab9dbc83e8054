import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { about, because, drain, ids, inboxEvent, inboxEvents, inboxed, refusedRows, waiting } from "./inbox-samples.js";
import { max, twoStores } from "./samples.js";

const requires = "hostTransactions";

/** Rows that cannot be counted are set aside, with the reason. */
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
    name: "refused rows are listed page by page, by tenant and by metric",
    requires,
    async run(opened) {
      const { store } = opened;
      const given = Array.from({ length: 6 }, (_, i) =>
        inboxEvent({ id: `e${i}`, metric: i % 2 ? "odd" : "even", tenant: `t${i % 3}` }),
      );
      const rows = await inboxed(opened, given);
      for (const row of rows.slice(1)) await store.inbox.refuse({ number: row.number, ...because });
      assert.deepEqual(ids(await refusedRows(store, { metrics: ["even"] })), ["e2", "e4"]);
      assert.deepEqual(ids(await refusedRows(store, { limit: 2 })), ["e1", "e2"]);
      assert.deepEqual(ids(await refusedRows(store, { limit: 2, after: rows[2]!.number })), ["e3", "e4"]);
      assert.deepEqual(ids(await refusedRows(store, { metrics: ["odd"], after: rows[1]!.number })), ["e3", "e5"]);
      assert.deepEqual(ids(await refusedRows(store, { tenant: "t1" })), ["e1", "e4"]);
      assert.deepEqual(ids(await refusedRows(store, { tenant: "t1", metrics: ["odd"] })), ["e1"]);
      assert.deepEqual(await refusedRows(store, { metrics: [] }), []);
      assert.deepEqual(ids(await waiting(store, { metrics: ["even"] })), ["e0"]);
    },
  },
  {
    about,
    name: "of refusals at once the first is kept, code and message together",
    requires,
    async run(opened) {
      const stores = await twoStores(opened);
      const rows = await inboxed(opened, inboxEvents("e", Array(20).fill(1)));
      for (const { number } of rows) {
        const codes = ["one", "two", "three", "four"];
        await Promise.all(codes.map((code, i) => stores[i % 2]!.inbox.refuse({ number, code, message: code })));
      }
      const refused = await refusedRows(stores[0]);
      assert.equal(refused.length, 20);
      for (const { refusal } of refused) assert.equal(refusal?.code, refusal?.message);
    },
  },
  {
    about,
    name: "refusals are there when the database is opened again",
    requires,
    async run(opened) {
      const [row] = await inboxed(opened, [inboxEvent()]);
      await opened.store.inbox.refuse({ number: row!.number, ...because });
      const reopened = await opened.reopen!();
      assert.deepEqual(await waiting(reopened), []);
      assert.deepEqual(await refusedRows(reopened), [{ ...row, refusal: because }]);
    },
  },
];
