import assert from "node:assert/strict";
import type { Notification } from "../delivery/notification.js";
import type { NotificationRepository } from "../store/notification-repository.js";
import type { ConformanceCase } from "./case.js";
import {
  about,
  assertRow,
  attempt,
  attempts,
  claim,
  claimed,
  decision,
  mark,
  noAnswer,
  notification,
  queued,
  refused,
  repeating,
  row,
  sending,
  settled,
  settlement,
  transient,
} from "./notification-samples.js";
import { at, awkwardKeys, bytewise, everyPage, minute, start, twoStores } from "./samples.js";

export const notificationListCases: readonly ConformanceCase[] = [
  {
    about,
    name: "notifications are listed bytewise by id, page by page, under any key",
    async run(opened) {
      const all = awkwardKeys.map((key) =>
        notification({
          id: key,
          recipientKey: key,
          itemKey: key,
          channel: key,
          notifier: key,
          template: key,
          source: { kind: "crossing", id: key },
        }),
      );
      await queued(opened.store, all);
      const [, other] = await twoStores(opened);
      const paged = await everyPage(6, (last: Notification | undefined, limit) =>
        other.notifications.list({ tenant: "default", limit, ...(last && { after: last.id }) }),
      );
      assert.deepEqual(
        paged.map((each) => each.id),
        bytewise(awkwardKeys),
      );
      for (const key of awkwardKeys) {
        const source = { kind: "crossing", id: key } as const;
        const filter = { source, ids: [key], recipientKey: key };
        const found = await other.notifications.list({ tenant: "default", ...filter, limit: 10 });
        const { itemKey, channel, notifier, template: hash } = found[0]!;
        assert.deepEqual([found.length, itemKey, channel, notifier, hash], [1, key, key, key, key]);
      }
      const rows = await other.notifications.claim({
        notifiers: awkwardKeys,
        limit: 1000,
        served: [],
        lease: minute,
        now: start,
      });
      assert.deepEqual(new Set(rows.map((each) => each.id)), new Set(awkwardKeys));
    },
  },
  {
    about,
    name: "a list keeps to every filter it is given",
    async run({ store }) {
      const second = { kind: "crossing", id: "cro-2" } as const;
      await queued(store, [
        notification({ id: "1", recipientKey: "ada" }),
        notification({ id: "2", recipientKey: "bob" }),
        notification({ id: "3", recipientKey: "ada", source: second, notifier: "sms" }),
        notification({ id: "4", recipientKey: "ada", tenant: "other" }),
      ]);
      await claim(store, { limit: 1, notifiers: ["sms"] });
      type Filter = Omit<Parameters<NotificationRepository["list"]>[0], "tenant" | "limit">;
      const ids = async (filter: Filter) =>
        (await store.notifications.list({ tenant: "default", limit: 10, ...filter })).map((each) => each.id).join("");
      assert.equal(await ids({}), "123");
      assert.equal(await ids({ source: second }), "3");
      assert.equal(await ids({ source: { kind: "campaign", id: "cro-2" } }), "");
      assert.equal(await ids({ states: ["leased", "sent"] }), "3");
      assert.equal(await ids({ states: [] }), "");
      assert.equal(await ids({ recipientKey: "ada" }), "13");
      assert.equal(await ids({ ids: ["3", "1", "4", "nothing"] }), "13");
      assert.equal(await ids({ ids: [] }), "");
      assert.equal(await ids({ after: "1" }), "23");
      assert.equal(await ids({ after: "1", recipientKey: "ada", states: ["pending"] }), "");
      assert.equal(await ids({ ids: Array.from({ length: 2000 }, (_, i) => String(i)) }), "123");
      assert.deepEqual(await store.notifications.list({ tenant: "nobody", limit: 10 }), []);
    },
  },
  {
    about,
    name: "attempts are listed by number, and belong to one notification of one tenant",
    async run({ store }) {
      await queued(store, [notification(), notification({ tenant: "other" })]);
      for (let number = 1; number <= 11; number++) {
        const now = at(number * 1000);
        const rows = await claimed(store, now);
        assert.equal(rows.length, number === 1 ? 2 : 1);
        const first = rows.find((each) => each.tenant === "default")!;
        await store.notifications.mark({ marks: [mark(first)], lease: minute, now });
        const settlements = [settlement(first, { ...transient, attempt: number, retryIn: 0 })];
        assert.deepEqual(await store.notifications.settle({ settlements, now }), ["settled"]);
      }
      assert.deepEqual(
        (await attempts(store)).map((each) => [each.number, each.fence, each.startedAt]),
        Array.from({ length: 11 }, (_, i) => [i + 1, i + 1, at((i + 1) * 1000)]),
      );
      assert.deepEqual(await attempts(store, "ntf-1", "other"), []);
      assert.deepEqual(await attempts(store, "nothing"), []);
    },
  },
  {
    about,
    name: "count answers per state and reason, ordered by state, then reason, without a reason first",
    async run({ store }) {
      const source = (id: string) => ({ id, source: { kind: "crossing", id } }) as const;
      for (const id of ["f1", "f2"]) await settled(store, refused, source(id));
      await settled(store, { ...refused, reason: "attempts_used_up" }, source("f3"));
      await settled(store, { ...refused, reason: null }, source("f4"));
      await settled(store, {}, source("s1"));
      await settled(store, noAnswer, source("a1"));
      await queued(store, [notification(source("p1")), notification({ tenant: "other" })]);
      assert.deepEqual(await store.notifications.count({ tenant: "default" }), [
        { state: "ambiguous", reason: "no_answer", count: 1 },
        { state: "failed", reason: null, count: 1 },
        { state: "failed", reason: "attempts_used_up", count: 1 },
        { state: "failed", reason: "refused", count: 2 },
        { state: "pending", reason: null, count: 1 },
        { state: "sent", reason: null, count: 1 },
      ]);
      assert.deepEqual(await store.notifications.count({ tenant: "other" }), [
        { state: "pending", reason: null, count: 1 },
      ]);
      assert.deepEqual(await store.notifications.count({ tenant: "nobody" }), []);
    },
  },
  {
    about,
    name: "the same id in two tenants is two notifications, and no step touches the other",
    async run({ store }) {
      await queued(store, [notification(), notification({ tenant: "other" })]);
      const rows = await claimed(store);
      const mine = rows.find((each) => each.tenant === "default")!;
      const theirs = await row(store, "ntf-1", "other");
      await store.notifications.mark({ marks: [mark(mine)], lease: minute, now: start });
      await store.notifications.settle({ settlements: [settlement(mine, refused)], now: start });
      await store.notifications.decide(decision("redrive", { newId: "ntf-2" }));
      await assertRow(store, theirs, {}, []);
      const marks = [mark(theirs)];
      const [answer] = await store.notifications.mark({ marks, lease: minute, now: start });
      assert.equal(answer?.result, "marked");
      assert.deepEqual(await attempts(store, "ntf-1", "other"), [attempt({ tenant: "other" })]);
      assert.equal((await attempts(store)).length, 1);
    },
  },
  {
    about,
    name: "a marked row, its attempt and its fence are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      const before = await sending(opened.store, repeating);
      const again = await opened.reopen!();
      await assertRow(again, before, {}, [attempt()]);
      const settlements = [settlement(before)];
      assert.deepEqual(await again.notifications.settle({ settlements, now: at(1) }), ["settled"]);
      assert.equal((await row(opened.store)).state, "sent");
    },
  },
];
