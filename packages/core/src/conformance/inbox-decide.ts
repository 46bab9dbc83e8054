import assert from "node:assert/strict";
import type { InboxRepository } from "../store/inbox-repository.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { counter, event, record } from "./counter-samples.js";
import { about, because, drain, ids, inboxEvent, inboxEvents, inboxed, refusedRows, waiting } from "./inbox-samples.js";
import { assertOwnClock, at, max, twoStores } from "./samples.js";

const requires = "hostTransactions";

type Decision = Parameters<InboxRepository["decide"]>[0];
const again = (fields: Partial<Decision> = {}): Decision => ({
  tenant: "default",
  act: "retry",
  by: "ada",
  why: 'fixed: it\'s "é\u{1f389}"',
  now: at(7),
  ...fields,
});
const discard = (fields: Partial<Decision> = {}): Decision => again({ act: "discard", ...fields });

const actsOn = async (store: Store, entityId: string, tenant = "default") =>
  actsOf(store, { tenant, entity: "inbox", entityId });

/** Refused rows wait again, or are deleted, when a person says so. */
export const inboxDecideCases: readonly ConformanceCase[] = [
  {
    about,
    name: "all refused rows of a tenant wait again in their old places, each with an act that tells who let it",
    requires,
    async run(opened) {
      const { store } = opened;
      const given = ["a", "b", "a", "a"].map((tenant, i) => inboxEvent({ id: `e${i}`, tenant }));
      const rows = await inboxed(opened, given);
      for (const row of rows.slice(0, 3)) await store.inbox.refuse({ number: row.number, ...because });
      const retry = again({ tenant: "a" });
      assert.equal(await store.inbox.decide(retry), 2);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await waiting(other), [rows[0], rows[2], rows[3]]);
      assert.deepEqual(ids(await refusedRows(other)), ["e1"]);
      const { by, why, now: when } = retry;
      const act = { tenant: "a", entity: "inbox", act: "retry", by, why, at: when };
      for (const { number } of [rows[0]!, rows[2]!]) {
        assert.deepEqual(await actsOn(other, String(number), "a"), [{ ...act, entityId: String(number) }]);
      }
      assert.equal(await store.inbox.decide({ ...retry, now: at(8) }), 0, "a repeat finds none, and decided nothing");
      const others = ["*", String(rows[1]!.number), String(rows[3]!.number)];
      for (const entityId of others) assert.deepEqual(await actsOn(other, entityId, "a"), []);
      assert.equal((await actsOn(other, String(rows[0]!.number), "a")).length, 1);
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
      assert.equal(await store.inbox.decide(again({ numbers })), 2);
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
      assert.equal(await store.inbox.decide(again({ numbers: [first, third] })), 0);
      assert.deepEqual(await waiting(other), [rows[0], rows[2], rows[3]]);
      for (const entityId of ["*", String(second), String(unrefused)])
        assert.deepEqual(await actsOn(other, entityId), []);
      assert.equal((await actsOn(other, String(first))).length, 1, "where nothing was decided nothing is recorded");
    },
  },
  {
    about,
    name: "refused rows that a person discards are gone for good and count nothing, and the others stay",
    requires,
    async run(opened) {
      const { store } = opened;
      const given = ["a", "b", "a", "a"].map((tenant, i) => inboxEvent({ id: `e${i}`, tenant }));
      const rows = await inboxed(opened, given);
      for (const row of rows.slice(0, 3)) await store.inbox.refuse({ number: row.number, ...because });
      const input = discard({ tenant: "a", now: at(8) });
      assert.equal(await store.inbox.decide(input), 2);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await refusedRows(other), [{ ...rows[1], refusal: because }]);
      assert.deepEqual(await waiting(other), rows.slice(3), "one that waits is nobody's to discard");
      const { by, why } = input;
      const act = { tenant: "a", entity: "inbox", act: "discard", by, why, at: at(8) };
      assert.equal(await store.inbox.decide(again({ tenant: "a" })), 0);
      assert.equal(await store.inbox.decide({ ...input, now: at(9) }), 0, "a repeat finds none, and decided nothing");
      for (const { number } of [rows[0]!, rows[2]!]) {
        assert.deepEqual(await actsOn(other, String(number), "a"), [{ ...act, entityId: String(number) }]);
      }
      assert.deepEqual(await actsOn(other, "*", "a"), []);
      assert.equal(await counter(other, { tenant: "a" }), undefined);
      const repeat = await record(other, [event({ tenant: "a", id: "e0" })]);
      assert.deepEqual(repeat.duplicates, [], "its id was never remembered");
    },
  },
  {
    about,
    name: "rows named by their numbers are discarded, each with an act of its own, and the others stay refused",
    requires,
    async run(opened) {
      const { store } = opened;
      const rows = await inboxed(opened, inboxEvents("e", [1, 2, 3, 4]));
      for (const row of rows.slice(0, 3)) await store.inbox.refuse({ number: row.number, ...because });
      const [first, second, third, unrefused] = rows.map((row) => row.number) as [number, number, number, number];
      assert.equal(await store.inbox.decide(discard({ numbers: [third, max, first, unrefused, 0] })), 2);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await waiting(other), rows.slice(3));
      assert.deepEqual(await refusedRows(other), [{ ...rows[1], refusal: because }]);
      const { by, why, now: when } = discard();
      for (const number of [first, third]) {
        const entityId = String(number);
        const act = { tenant: "default", entity: "inbox", entityId, act: "discard", by, why, at: when };
        assert.deepEqual(await actsOn(other, entityId), [act]);
      }
      for (const none of ["*", String(second), String(unrefused), String(max), "0"]) {
        assert.deepEqual(await actsOn(other, none), []);
      }
    },
  },
  {
    about,
    name: "a decision that names rows of another tenant, unknown ones or none leaves every row as it is",
    requires,
    async run(opened) {
      const { store } = opened;
      const [row] = await inboxed(opened, [inboxEvent()]);
      await store.inbox.refuse({ number: row!.number, ...because });
      for (const fields of [{ tenant: "other", numbers: [row!.number] }, { numbers: [max] }, { numbers: [] }]) {
        assert.equal(await store.inbox.decide(again(fields)), 0);
        assert.equal(await store.inbox.decide(discard(fields)), 0);
      }
      assert.equal(await store.inbox.decide(again({ tenant: "other" })), 0);
      assert.equal(await store.inbox.decide(discard({ tenant: "other" })), 0);
      assert.deepEqual(await refusedRows(store), [{ ...row, refusal: because }]);
      for (const tenant of ["default", "other"]) {
        for (const id of ["*", String(row!.number), String(max)]) assert.deepEqual(await actsOn(store, id, tenant), []);
      }
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
      assert.equal(await store.inbox.decide(again()), 2);
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
    name: "of decisions at once each row is answered to one",
    requires,
    async run(opened) {
      const stores = await twoStores(opened);
      const rows = await inboxed(opened, inboxEvents("e", Array(20).fill(1)));
      for (const row of rows) await opened.store.inbox.refuse({ number: row.number, ...because });
      const numbers = rows.map((row) => row.number);
      const [all, some, reversed, discarded] = await Promise.all([
        stores[0].inbox.decide(again()),
        stores[1].inbox.decide(again({ numbers })),
        stores[0].inbox.decide(again({ numbers: [...numbers].reverse() })),
        stores[1].inbox.decide(discard({ numbers })),
      ]);
      assert.equal(all + some + reversed + discarded, 20);
      assert.deepEqual(await refusedRows(stores[0]), []);
      assert.equal((await waiting(stores[1])).length, 20 - discarded);
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides when a person decided",
    requires,
    async run(opened) {
      const { store } = opened;
      const [row] = await inboxed(opened, [inboxEvent()]);
      await assertOwnClock(async () => {
        await store.inbox.refuse({ number: row!.number, ...because });
        const { now: _, ...byOwnClock } = again();
        await store.inbox.decide(byOwnClock);
        return (await actsOn(store, String(row!.number)))[0]?.at ?? null;
      });
    },
  },
  {
    about,
    name: "retried rows wait, and discarded ones are gone, when the database is opened again",
    requires,
    async run(opened) {
      const rows = await inboxed(opened, inboxEvents("e", [1, 2, 3]));
      for (const row of rows) await opened.store.inbox.refuse({ number: row.number, ...because });
      await opened.store.inbox.decide(again({ numbers: [rows[0]!.number] }));
      await opened.store.inbox.decide(discard({ numbers: [rows[2]!.number] }));
      const reopened = await opened.reopen!();
      assert.deepEqual(await waiting(reopened), rows.slice(0, 1));
      assert.deepEqual(await refusedRows(reopened), [{ ...rows[1], refusal: because }]);
    },
  },
];
