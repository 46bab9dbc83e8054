import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import {
  ambiguousRetry,
  assertRow,
  attempts,
  claimed,
  decision,
  mark,
  marked,
  noAnswer,
  pause,
  queued,
  refused,
  repeating,
  row,
  settled,
  settlement,
  transient,
} from "./notification-samples.js";
import { assertRefused, at, hour, minute, start, twoStores } from "./samples.js";
import { about, ada, assertStates, releasing, suppressing, toAda } from "./suppression-samples.js";

/** What a suppression does to notifications. */
export const suppressionStopCases: readonly ConformanceCase[] = [
  {
    about,
    name: "what waits for a forbidden address ends at once, leased or not, and without an attempt",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await queued(one, [toAda("waiting", { notBefore: at(hour) }), toAda("leased")]);
      await claimed(one);
      const [waiting, leased] = [await row(one, "waiting"), await row(one, "leased")];
      const { stopped } = await two.suppressions.add(suppressing({ reason: "hard_bounce", now: at(9) }));
      assert.equal(stopped, 2);
      const end = { state: "suppressed", reason: "suppressed", detail: "hard_bounce", settledAt: at(9) } as const;
      await assertRow(one, waiting, end, []);
      await assertRow(one, leased, { ...end, leaseUntil: null }, []);
      assert.deepEqual(await claimed(one, at(2 * hour)), []);
      assert.deepEqual(await two.suppressions.add(suppressing()).then((again) => again.stopped), 0);
    },
  },
  {
    about,
    name: "it ends nothing else: other scopes, addresses and tenants, what is being sent, is ambiguous or has ended",
    async run({ store }) {
      const news = { scope: "news" };
      await settled(store, {}, toAda("sent", news));
      await settled(store, refused, toAda("failed", news));
      await settled(store, noAnswer, toAda("ambiguous", news));
      await queued(store, [toAda("sending", news)]);
      await marked(store);
      await queued(store, [
        toAda("stopped", news),
        toAda("bills"),
        toAda("of-max", { ...news, recipientKey: "max@example.com" }),
        toAda("elsewhere", { ...news, tenant: "other" }),
      ]);
      const before = await store.notifications.list({ tenant: "default", limit: 100 });
      assert.equal((await store.suppressions.add(suppressing(news))).stopped, 1);
      const after = await store.notifications.list({ tenant: "default", limit: 100 });
      assert.deepEqual(
        after.filter(({ id }) => id !== "stopped"),
        before.filter(({ id }) => id !== "stopped"),
      );
      await assertStates(store, { stopped: "suppressed", sending: "sending", bills: "pending" });
      await assertStates(store, { elsewhere: "pending" }, "other");
      assert.equal((await store.suppressions.add(suppressing())).stopped, 1);
      await assertStates(store, { bills: "suppressed", "of-max": "pending" });
    },
  },
  {
    about,
    name: "somebody who unsubscribed is told apart from an address that cannot be written to",
    async run({ store }) {
      await queued(store, [toAda("waiting")]);
      await store.suppressions.add(suppressing({ reason: "unsubscribed" }));
      const { state, reason, detail } = await row(store, "waiting");
      assert.deepEqual([state, reason, detail], ["suppressed", "unsubscribed", "unsubscribed"]);
    },
  },
  {
    about,
    name: "a row that was ever ambiguous ends as unknown, with the reason",
    async run({ store }) {
      await settled(store, ambiguousRetry, toAda("maybe", repeating));
      const before = await row(store, "maybe");
      assert.equal((await store.suppressions.add(suppressing({ reason: "complaint", now: at(5) }))).stopped, 1);
      const end = { state: "unknown", reason: "suppressed", detail: "complaint", settledAt: at(5) } as const;
      await assertRow(store, before, end);
    },
  },
  {
    about,
    name: "what is being sent ends as its call does; what comes back of it is refused at its next mark, before all but expiry",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const how = { ...transient, retryIn: 0 };
      await queued(one, [
        toAda("refused"),
        toAda("again", repeating),
        toAda("accepted"),
        toAda("brief", { expiresAt: at(50) }),
      ]);
      const rows = await claimed(one);
      await one.notifications.mark({ marks: rows.map((each) => mark(each)), lease: minute, now: start });
      assert.equal((await two.suppressions.add(suppressing({ reason: "hard_bounce" }))).stopped, 0);
      const ends = { refused: how, again: { ...ambiguousRetry, retryIn: 0 }, accepted: {}, brief: how };
      const settlements = rows.map((each) => settlement(each, ends[each.id as keyof typeof ends]));
      await one.notifications.settle({ settlements, now: at(1) });
      await assertStates(one, { refused: "pending", again: "pending", accepted: "sent" });
      const leased = await claimed(one, at(10));
      const before = new Map(await Promise.all(leased.map(async ({ id }) => [id, await row(one, id)] as const)));
      await pause(one);
      const marks = leased.map((each) => mark(each, { payloadHash: "another" }));
      const answers = await one.notifications.mark({ marks, lease: minute, now: at(50) });
      const expected = {
        refused: { result: "refused", state: "suppressed", reason: "suppressed" },
        again: { result: "refused", state: "unknown", reason: "suppressed" },
        brief: { result: "refused", state: "expired", reason: "expired" },
      };
      assert.deepEqual(
        answers,
        leased.map(({ id }) => expected[id as keyof typeof expected]),
      );
      for (const { id } of leased) {
        const { state, reason } = expected[id as keyof typeof expected];
        const detail = reason === "expired" ? before.get(id)!.detail : "hard_bounce";
        const end = { state, reason, detail, leaseUntil: null, settledAt: at(50) } as never;
        await assertRow(two, before.get(id)!, end);
        assert.equal((await attempts(two, id)).length, 1);
      }
    },
  },
  {
    about,
    name: "a message that lost its consent while it was being sent is refused at its next mark",
    async run({ store }) {
      const consent = { ...releasing(), scope: "default", source: "a form" };
      await store.suppressions.consent({ ...consent, granted: true });
      await queued(store, [toAda("news", { needsConsent: true })]);
      const before = await marked(store);
      assert.equal((await store.suppressions.consent({ ...consent, granted: false })).stopped, 0);
      await store.notifications.settle({
        settlements: [settlement(before, { ...transient, detail: "busy" })],
        now: start,
      });
      const [lease] = await claimed(store, at(1000));
      const [answer] = await store.notifications.mark({ marks: [mark(lease!)], lease: minute, now: at(1000) });
      assert.deepEqual(answer, { result: "refused", state: "suppressed", reason: "no_consent" });
      const { reason, detail } = await row(store, "news");
      assert.deepEqual([reason, detail], ["no_consent", null]);
    },
  },
  {
    about,
    name: "an address that was released before the next mark is written to again; what was ended stays ended",
    async run({ store }) {
      await queued(store, [toAda("ended")]);
      await store.suppressions.add(suppressing());
      await store.suppressions.release(releasing());
      await assertStates(store, { ended: "suppressed" });
      for (const what of ["cancel", "resend", "confirm", "give_up", "redrive"] as const) {
        await assertRefused(store.notifications.decide(decision(what, { id: "ended" })), "act_refused");
      }
      await queued(store, [toAda("next")]);
      assert.equal((await marked(store)).state, "sending");
    },
  },
  {
    about,
    name: "a row that is redriven to a forbidden address is refused at its mark",
    async run({ store }) {
      await settled(store, refused, toAda("failed", { scope: "news", needsConsent: false }));
      await store.suppressions.add(suppressing({ scope: "news" }));
      const again = await store.notifications.decide(decision("redrive", { id: "failed" }));
      assert.deepEqual([again.state, again.scope], ["pending", "news"]);
      const [lease] = await claimed(store);
      const [answer] = await store.notifications.mark({ marks: [mark(lease!)], lease: minute, now: at(5) });
      assert.deepEqual(answer, { result: "refused", state: "suppressed", reason: "suppressed" });
      const { state, detail, attempts: tries } = await row(store, "ntf-new");
      assert.deepEqual([state, detail, tries], ["suppressed", "manual", 0]);
    },
  },
  {
    about,
    name: "of marks and a suppression at once each row is being sent or suppressed, and none is both",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let round = 0; round < 8; round++) {
        const recipientKey = `r${round}@example.com`;
        const all = Array.from({ length: 10 }, (_, i) => toAda(`r${round}-${i}`, { recipientKey }));
        await queued(one, all);
        const rows = await claimed(one);
        const marking = rows.map((each) => one.notifications.mark({ marks: [mark(each)], lease: minute, now: start }));
        const [{ stopped }, ...answers] = await Promise.all([
          two.suppressions.add(suppressing({ recipientKey })),
          ...marking,
        ]);
        let ended = 0;
        for (const [i, { id }] of rows.entries()) {
          const [answer] = answers[i]!;
          const { state } = await row(one, id);
          const wasMarked = answer?.result === "marked";
          assert.deepEqual([id, state], [id, wasMarked ? "sending" : "suppressed"]);
          assert.equal((await attempts(one, id)).length, wasMarked ? 1 : 0);
          if (!wasMarked) ended++;
        }
        assert.equal(stopped, ended);
      }
    },
  },
  {
    about,
    name: "callers at once end each row once",
    async run(opened) {
      const stores = await twoStores(opened);
      await queued(
        opened.store,
        Array.from({ length: 30 }, (_, i) => toAda(`n-${i}`, { scope: i % 2 ? "news" : "bills" })),
      );
      const answers = await Promise.all([
        stores[0].suppressions.add(suppressing()),
        stores[1].suppressions.add(suppressing({ scope: "news" })),
        stores[0].suppressions.add(suppressing({ scope: "bills" })),
        stores[1].suppressions.add(suppressing()),
      ]);
      assert.equal(
        answers.reduce((sum, { stopped }) => sum + stopped, 0),
        30,
      );
      const counts = await opened.store.notifications.count({ tenant: "default" });
      assert.deepEqual(counts, [{ state: "suppressed", reason: "suppressed", count: 30 }]);
      assert.equal(
        (await opened.store.notifications.list({ tenant: "default", recipientKey: ada, limit: 99 })).length,
        30,
      );
    },
  },
];
