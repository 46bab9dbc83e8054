import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import {
  about,
  ambiguousRetry,
  assertRow,
  attempt,
  attempts,
  claimed,
  decision,
  leased,
  mark,
  noAnswer,
  notification,
  notifications,
  pause,
  queued,
  repeating,
  row,
  sending,
  settled,
  settlement,
} from "./notification-samples.js";
import { at, hour, minute, start, twoStores } from "./samples.js";

export const notificationMarkCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a mark moves a leased row to sending, opens an attempt and freezes what is sent",
    async run(opened) {
      const { store } = opened;
      const payload = {
        to: { address: "a@b", name: "é\u{1f389}" },
        subject: null,
        text: 'it\'s \\ "x"',
        html: null,
      };
      await queued(store, [notification(repeating)]);
      const [lease] = await claimed(store);
      const before = await row(store);
      const marks = [mark(lease!, { payload })];
      const answer = {
        result: "marked",
        attempt: 1,
        markedAt: at(9),
        keyUntil: at(9 + hour),
        slot: null,
        opensIn: null,
      };
      assert.deepEqual(await store.notifications.mark({ marks, lease: 777, now: at(9) }), [answer]);
      const [, other] = await twoStores(opened);
      const frozen = {
        messageId: "<ntf-1@milepost.example>",
        idempotencyKey: "key-ntf-1",
        payloadHash: "hash-1",
        payload,
        firstMarkedAt: at(9),
        keyUntil: at(9 + hour),
      };
      const changes = {
        state: "sending",
        attempts: 1,
        claims: 0,
        leaseUntil: at(9 + 777),
        ...frozen,
      } as const;
      await assertRow(other, before, changes, [attempt({ startedAt: at(9) })]);
    },
  },
  {
    about,
    name: "without a key's lifetime keyUntil stays null",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      const answer = { result: "marked", attempt: 1, markedAt: start, keyUntil: null, slot: null, opensIn: null };
      assert.deepEqual(await store.notifications.mark({ marks: [mark(lease!)], lease: minute, now: start }), [answer]);
      assert.equal((await row(store)).keyUntil, null);
    },
  },
  {
    about,
    name: "a repeat under the same fence while sending answers the same attempt and writes nothing",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const before = await sending(one, repeating);
      const other = mark(before, { messageId: "<other>", idempotencyKey: "other", payloadHash: "other" });
      for (const again of [mark(before), other]) {
        const [answer] = await two.notifications.mark({ marks: [again], lease: hour, now: at(5) });
        assert.ok(answer?.result === "marked", String(answer?.result));
        assert.deepEqual([answer.attempt, answer.keyUntil], [1, before.keyUntil]);
      }
      await assertRow(one, before, {}, [attempt()]);
      await pause(one);
      const [paused] = await two.notifications.mark({ marks: [mark(before)], lease: hour, now: at(5) });
      assert.equal(paused?.result, "marked");
      await assertRow(one, before, {}, [attempt()]);
    },
  },
  {
    about,
    name: "another fence, an unknown row, another tenant's and one that is not leased are lost",
    async run({ store }) {
      await queued(store, [notification()]);
      const lost = async (fields: Partial<Parameters<typeof mark>[0]>) => {
        const marks = [mark({ tenant: "default", id: "ntf-1", fence: 1, ...fields })];
        const before = await row(store);
        const answers = await store.notifications.mark({ marks, lease: minute, now: start });
        assert.deepEqual(answers, [{ result: "lost" }]);
        await assertRow(store, before, {});
      };
      await lost({ fence: 0 });
      await claimed(store);
      for (const wrong of [{ fence: 0 }, { fence: 2 }, { id: "nothing" }, { tenant: "other" }]) await lost(wrong);
      assert.deepEqual(await attempts(store), []);
      const fenced = { tenant: "default", id: "ntf-1", fence: 1 };
      const back = { ...fenced, to: "pending", retryIn: 0, refund: false, reason: null } as const;
      await store.notifications.release({ releases: [back], now: start });
      await lost({ fence: 1 });
      await claimed(store);
      await lost({ fence: 1 });
      assert.deepEqual(await attempts(store), []);
      const [again] = await store.notifications.mark({
        marks: [mark({ ...fenced, fence: 2 })],
        lease: minute,
        now: start,
      });
      assert.equal(again?.result, "marked");
    },
  },
  {
    about,
    name: "a row that has ended or was fenced out is lost to a mark",
    async run({ store }) {
      const before = await settled(store, noAnswer);
      for (const fence of [1, 2]) {
        const marks = [mark({ ...before, fence })];
        const answers = await store.notifications.mark({ marks, lease: minute, now: start });
        assert.deepEqual(answers, [{ result: "lost" }]);
      }
      await assertRow(store, before, {});
      await store.notifications.decide(decision("confirm"));
      const after = await row(store);
      const marks = [mark(after)];
      assert.deepEqual(await store.notifications.mark({ marks, lease: minute, now: start }), [{ result: "lost" }]);
      await assertRow(store, after, {});
    },
  },
  {
    about,
    name: "what the first mark froze stays, and each attempt is a row of its own with a higher fence",
    async run({ store }) {
      const payload = { to: { address: "a@b" }, subject: "s", text: "t", html: "h" };
      await queued(store, [notification(repeating)]);
      const [lease] = await claimed(store);
      await store.notifications.mark({ marks: [mark(lease!, { payload })], lease: minute, now: start });
      const settlements = [settlement(lease!, { ...ambiguousRetry, payload: { ...payload, text: "other" } })];
      await store.notifications.settle({ settlements, now: at(10) });
      const [second] = await claimed(store, at(1010));
      assert.equal(second?.fence, 3);
      const before = await row(store);
      const changed = { messageId: "<2>", idempotencyKey: "2", payload: { ...payload, text: "third" } };
      await store.notifications.mark({ marks: [mark(second!, changed)], lease: minute, now: at(1011) });
      const changes = { state: "sending", attempts: 2, claims: 0, leaseUntil: at(1011 + minute) } as const;
      await assertRow(store, before, changes, [
        attempt({ endedAt: at(10), outcome: "ambiguous" }),
        attempt({ number: 2, fence: 3, startedAt: at(1011) }),
      ]);
      assert.deepEqual(before.payload, payload);
      assert.deepEqual(before.firstMarkedAt, start);
    },
  },
  {
    about,
    name: "marks of one step are answered in their order, each on its own",
    async run({ store }) {
      await queued(store, [
        notification({ id: "good" }),
        notification({ id: "brief", expiresAt: at(10) }),
        notification({ id: "paused", notifier: "sms" }),
        notification({ id: "fine", notifier: "push" }),
      ]);
      const by = { paused: true, by: "ada", why: "outage", now: start };
      const rows = await store.notifications.claim({
        notifiers: ["smtp", "sms", "push"],
        limit: 10,
        served: [],
        lease: minute,
        now: start,
      });
      await store.lanes.setPaused({ tenant: "default", notifier: "sms", ...by });
      const of = (id: string) => mark(rows.find((each) => each.id === id)!);
      const stale = mark({ tenant: "default", id: "good", fence: 9 });
      const marks = [of("paused"), of("fine"), stale, of("brief"), of("good")];
      const answers = await store.notifications.mark({ marks, lease: minute, now: at(10) });
      assert.deepEqual(
        answers.map((each) => each.result),
        ["deferred", "marked", "lost", "refused", "marked"],
      );
      assert.deepEqual(await store.notifications.mark({ marks: [], lease: minute }), []);
    },
  },
  {
    about,
    name: "2,000 rows are marked and settled in one step each",
    async run({ store }) {
      const rows = await leased(store, notifications(2000));
      assert.equal(rows.length, 2000);
      const shuffled = [...rows].reverse();
      const marks = shuffled.map((each) => mark(each));
      const answers = await store.notifications.mark({ marks, lease: minute, now: start });
      assert.ok(answers.length === 2000 && answers.every((each) => each.result === "marked"), "not all are marked");
      const settlements = shuffled.map((each) => settlement(each, { receipt: `receipt of ${each.id}` }));
      const results = await store.notifications.settle({ settlements, now: start });
      assert.deepEqual(results, new Array(2000).fill("settled"));
      const ended = await store.notifications.list({ tenant: "default", limit: 3000 });
      for (const each of ended) assert.deepEqual([each.state, each.receipt], ["sent", `receipt of ${each.id}`]);
      assert.deepEqual(await store.notifications.count({ tenant: "default" }), [
        { state: "sent", reason: null, count: 2000 },
      ]);
    },
  },
  {
    about,
    name: "marks at once of one lease are one attempt",
    async run(opened) {
      const stores = await twoStores(opened);
      const rows = await leased(opened.store, notifications(10));
      const marks = rows.map((each) => mark(each));
      const answers = await Promise.all(
        [marks, [...marks].reverse(), marks, [...marks].reverse()].map((each, i) =>
          stores[i % 2]!.notifications.mark({ marks: each, lease: minute, now: start }),
        ),
      );
      for (const answer of answers.flat())
        assert.ok(answer.result === "marked" && answer.attempt === 1, JSON.stringify(answer));
      for (const each of rows) {
        assert.deepEqual(await attempts(opened.store, each.id), [attempt({ notification: each.id })]);
        assert.equal((await row(opened.store, each.id)).attempts, 1);
      }
    },
  },
  {
    about,
    name: "of a mark and a cancel at once either the row is cancelled and never sent, or the cancel is only a request",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const rows = await leased(one, notifications(20));
      for (const lease of rows) {
        const [[answer], after] = await Promise.all([
          one.notifications.mark({ marks: [mark(lease)], lease: minute, now: start }),
          two.notifications.decide(decision("cancel", { id: lease.id })),
        ]);
        const { state, cancelRequested } = await row(one, lease.id);
        assert.deepEqual([after.state, after.cancelRequested], [state, cancelRequested]);
        const marked = answer?.result === "marked";
        assert.deepEqual([state, cancelRequested], marked ? ["sending", true] : ["cancelled", false]);
        assert.equal((await attempts(one, lease.id)).length, marked ? 1 : 0);
      }
    },
  },
];
