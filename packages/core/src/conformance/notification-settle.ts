import assert from "node:assert/strict";
import type { Notification } from "../delivery/notification.js";
import type { ConformanceCase } from "./case.js";
import {
  about,
  ambiguousRetry,
  assertRow,
  attempt,
  attempts,
  claim,
  decision,
  leased,
  mark,
  marked,
  noAnswer,
  notification,
  notifications,
  refused,
  repeating,
  row,
  sending,
  settled,
  settlement,
  transient,
} from "./notification-samples.js";
import { at, hour, minute, start, twoStores } from "./samples.js";

export const notificationSettleCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an accepted call ends the row as sent, with its receipt",
    async run(opened) {
      const before = await sending(opened.store);
      const settlements = [settlement(before, { receipt: "250 é queued\u{1f389}", detail: "ok" })];
      assert.deepEqual(await opened.store.notifications.settle({ settlements, now: at(7) }), ["settled"]);
      const [, other] = await twoStores(opened);
      const end = {
        state: "sent",
        receipt: "250 é queued\u{1f389}",
        detail: "ok",
        leaseUntil: null,
      } as const;
      await assertRow(other, before, { ...end, settledAt: at(7) }, [
        attempt({ endedAt: at(7), outcome: "accepted", detail: "ok" }),
      ]);
    },
  },
  {
    about,
    name: "a transient refusal goes back to pending after its wait, keeping payload and fence",
    async run({ store }) {
      const before = await sending(store);
      const payload = { to: { address: "a@b" }, subject: null, text: "t", html: null };
      const settlements = [settlement(before, { ...transient, detail: "421 é", payload, receipt: "not kept" })];
      assert.deepEqual(await store.notifications.settle({ settlements, now: at(7) }), ["settled"]);
      const changes = {
        state: "pending",
        detail: "421 é",
        leaseUntil: null,
        notBefore: at(1007),
        payload,
      } as const;
      await assertRow(store, before, changes, [
        attempt({ endedAt: at(7), outcome: "refused_transient", detail: "421 é" }),
      ]);
      assert.deepEqual(await claim(store, { now: at(1006) }), []);
      assert.deepEqual(await claim(store, { now: at(1007) }), ["ntf-1"]);
    },
  },
  {
    about,
    name: "a payload is kept at the first retry only, and not by a row that has ended",
    async run({ store }) {
      const payload = { to: { address: "a@b" }, subject: null, text: "first", html: null };
      await settled(store, { ...transient, payload });
      const second = await marked(store, at(1000));
      const other = { ...payload, text: "second" };
      const again = [settlement(second, { ...transient, attempt: 2, payload: other })];
      await store.notifications.settle({ settlements: again, now: at(1000) });
      assert.deepEqual((await row(store)).payload, payload);
      const third = await marked(store, at(2000));
      const last = [settlement(third, { ...transient, attempt: 3, payload: null })];
      await store.notifications.settle({ settlements: last, now: at(2000) });
      assert.deepEqual((await row(store)).payload, payload);
      const fields = { id: "ended", source: { kind: "crossing", id: "cro-2" } } as const;
      await store.notifications.decide(decision("cancel"));
      assert.equal((await settled(store, { payload }, fields)).payload, null);
    },
  },
  {
    about,
    name: "a permanent refusal fails the row, with its reason",
    async run({ store }) {
      const before = await sending(store);
      const settlements = [settlement(before, { ...refused, detail: "550 no", receipt: "not kept" })];
      assert.deepEqual(await store.notifications.settle({ settlements, now: at(7) }), ["settled"]);
      const end = { state: "failed", reason: "refused", detail: "550 no", leaseUntil: null } as const;
      await assertRow(store, before, { ...end, settledAt: at(7) }, [
        attempt({ endedAt: at(7), outcome: "refused_permanent", detail: "550 no" }),
      ]);
    },
  },
  {
    about,
    name: "no answer leaves the row ambiguous: a new fence, its lease's end kept, and a horizon",
    async run({ store }) {
      const before = await sending(store);
      const settlements = [settlement(before, { ...noAnswer, detail: "timeout" })];
      assert.deepEqual(await store.notifications.settle({ settlements, now: at(7) }), ["settled"]);
      const changes: Partial<Notification> = {
        state: "ambiguous",
        reason: "no_answer",
        detail: "timeout",
        fence: 2,
        wasAmbiguous: true,
        horizonAt: at(7 + hour),
      };
      await assertRow(store, before, changes, [attempt({ endedAt: at(7), outcome: "ambiguous", detail: "timeout" })]);
      assert.deepEqual(before.leaseUntil, at(minute));
    },
  },
  {
    about,
    name: "a horizon is no later than the expiry",
    async run({ store }) {
      const first = await settled(store, noAnswer, { expiresAt: at(hour - 1) });
      assert.deepEqual(first.horizonAt, at(hour - 1));
      const source = { kind: "crossing", id: "cro-2" } as const;
      const second = await settled(store, noAnswer, { id: "ntf-2", source, expiresAt: at(hour + 1) });
      assert.deepEqual(second.horizonAt, at(hour));
    },
  },
  {
    about,
    name: "a repeating mode goes from no answer straight back to pending, fenced and remembered as ambiguous",
    async run({ store }) {
      const before = await sending(store, repeating);
      const settlements = [settlement(before, ambiguousRetry)];
      assert.deepEqual(await store.notifications.settle({ settlements, now: at(7) }), ["settled"]);
      const changes = {
        state: "pending",
        fence: 2,
        wasAmbiguous: true,
        leaseUntil: null,
        notBefore: at(1007),
      } as const;
      await assertRow(store, before, changes, [attempt({ endedAt: at(7), outcome: "ambiguous" })]);
    },
  },
  {
    about,
    name: "an unknown end raises the fence if its own outcome was ambiguous, and a later definite one keeps the memory",
    async run({ store }) {
      const usedUp = { to: "unknown", outcome: "ambiguous", reason: "attempts_used_up" } as const;
      const before = await sending(store);
      await store.notifications.settle({ settlements: [settlement(before, usedUp)], now: at(7) });
      const end = {
        state: "unknown",
        reason: "attempts_used_up",
        leaseUntil: null,
        settledAt: at(7),
      } as const;
      await assertRow(store, before, { ...end, fence: 2, wasAmbiguous: true });
      const source = { kind: "crossing", id: "cro-2" } as const;
      await settled(store, ambiguousRetry, { ...repeating, id: "ntf-2", source });
      const second = await marked(store, at(1000));
      const definite = {
        to: "unknown",
        outcome: "refused_permanent",
        reason: "refused",
        attempt: 2,
      } as const;
      await store.notifications.settle({ settlements: [settlement(second, definite)], now: at(1001) });
      const changes = { state: "unknown", reason: "refused", leaseUntil: null, settledAt: at(1001) } as const;
      await assertRow(store, second, changes);
      assert.deepEqual([second.wasAmbiguous, second.fence], [true, 3]);
    },
  },
  {
    about,
    name: "a settlement under another fence, or a repeat, is lost and writes nothing",
    async run({ store }) {
      const before = await sending(store);
      for (const wrong of [{ fence: 0 }, { fence: 2 }, { id: "nothing" }, { tenant: "other" }]) {
        const settlements = [settlement({ ...before, ...wrong }, refused)];
        assert.deepEqual(await store.notifications.settle({ settlements, now: start }), ["lost"]);
      }
      await assertRow(store, before, {}, [attempt()]);
      const settlements = [settlement(before, { receipt: "first" })];
      assert.deepEqual(await store.notifications.settle({ settlements, now: at(1) }), ["settled"]);
      const ended = await row(store);
      const tries = await attempts(store);
      for (const again of [{ receipt: "second" }, refused, noAnswer, transient]) {
        const repeat = [settlement(before, again)];
        assert.deepEqual(await store.notifications.settle({ settlements: repeat, now: at(2) }), ["lost"]);
      }
      await assertRow(store, ended, {}, tries);
    },
  },
  {
    about,
    name: "a row that is leased but not marked cannot be settled",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      const before = await row(store);
      const settlements = [settlement(lease!)];
      assert.deepEqual(await store.notifications.settle({ settlements, now: start }), ["lost"]);
      await assertRow(store, before, {}, []);
    },
  },
  {
    about,
    name: "a row whose cancel was asked for ends instead of going back to pending, as unknown if it was ever ambiguous",
    async run({ store }) {
      const ends = [
        ["retry", transient, "cancelled", "cancelled"],
        ["again", ambiguousRetry, "unknown", "cancelled"],
        ["sent", {}, "sent", null],
        ["failed", refused, "failed", "refused"],
        ["lost", noAnswer, "ambiguous", "no_answer"],
      ] as const;
      for (const [id, how, state, reason] of ends) {
        const before = await sending(store, { id, source: { kind: "crossing", id } });
        await store.notifications.decide(decision("cancel", { id }));
        const settlements = [settlement(before, how)];
        assert.deepEqual(await store.notifications.settle({ settlements, now: at(7) }), ["settled"]);
        const after = await row(store, id);
        const ended = state === "ambiguous" ? null : at(7);
        assert.deepEqual(
          [after.state, after.reason, after.settledAt, after.cancelRequested],
          [state, reason, ended, true],
        );
        if (reason === "cancelled") assert.deepEqual([after.leaseUntil, after.notBefore], [null, before.notBefore]);
        assert.equal(
          (await attempts(store, id))[0]?.outcome,
          how === ends[2][1] ? "accepted" : settlements[0]!.outcome,
        );
      }
    },
  },
  {
    about,
    name: "settlements of one step are answered in their order, each on its own",
    async run({ store }) {
      const rows = await leased(store, notifications(4));
      const marks = rows.slice(0, 3).map((each) => mark(each));
      await store.notifications.mark({ marks, lease: minute, now: start });
      await store.notifications.settle({ settlements: [settlement(rows[0]!, noAnswer)], now: start });
      const settlements = [
        settlement(rows[3]!),
        settlement(rows[1]!, refused),
        settlement(rows[0]!),
        settlement({ ...rows[2]!, fence: 7 }),
        settlement(rows[2]!, transient),
      ];
      assert.deepEqual(await store.notifications.settle({ settlements, now: start }), [
        ...["lost", "settled", "evidence", "lost", "settled"],
      ]);
      const states = await store.notifications.list({ tenant: "default", limit: 10 });
      assert.deepEqual(
        states.map((each) => each.state),
        ["sent", "failed", "pending", "leased"],
      );
      assert.deepEqual(await store.notifications.settle({ settlements: [] }), []);
    },
  },
  {
    about,
    name: "of settlements at once under one fence exactly one is settled",
    async run(opened) {
      const stores = await twoStores(opened);
      const rows = await leased(opened.store, notifications(10));
      const marks = rows.map((each) => mark(each));
      await opened.store.notifications.mark({ marks, lease: minute, now: start });
      const ways = [{ receipt: "a" }, refused, noAnswer, transient];
      for (const each of rows) {
        const answers = await Promise.all(
          ways.map((how, i) =>
            stores[i % 2]!.notifications.settle({ settlements: [settlement(each, how)], now: at(i) }),
          ),
        );
        const winner = answers.findIndex(([answer]) => answer === "settled");
        // The one case in which the other is no loser: an acceptance that came after the ambiguity is its evidence.
        const losers = answers.flat().filter((_, i) => i !== winner && (winner !== 2 || i !== 0));
        assert.ok(winner >= 0 && losers.every((answer) => answer === "lost"), JSON.stringify(answers));
        const evidence = answers[0]![0] === "evidence";
        const { state } = await row(opened.store, each.id);
        assert.equal(state, evidence ? "sent" : ["sent", "failed", "ambiguous", "pending"][winner]);
        assert.deepEqual((await attempts(opened.store, each.id))[0]?.endedAt, at(winner));
      }
    },
  },
];
