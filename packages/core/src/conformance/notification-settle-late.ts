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
  marked,
  noAnswer,
  refused,
  repeating,
  row,
  settled,
  settlement,
  transient,
} from "./notification-samples.js";
import { at, start, twoStores } from "./samples.js";

/** Settlements of an attempt that had been given up as ambiguous: evidence or nothing. */
export const notificationSettleLateCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a late acceptance is evidence that an ambiguous row was sent",
    async run(opened) {
      const before = await settled(opened.store, { ...noAnswer, detail: "timeout" });
      const late = settlement({ ...before, fence: 1 }, { receipt: "250 late", detail: "late" });
      const input = { settlements: [late], now: at(50) };
      assert.deepEqual(await opened.store.notifications.settle(input), ["evidence"]);
      const [, other] = await twoStores(opened);
      const end = {
        state: "sent",
        reason: null,
        detail: null,
        receipt: "250 late",
        settledAt: at(50),
      } as const;
      const tries = [attempt({ endedAt: start, outcome: "accepted", detail: "late" })];
      await assertRow(other, before, { ...end, leaseUntil: null, horizonAt: null }, tries);
      assert.deepEqual(await other.notifications.settle(input), ["lost"], "a repeat is no new evidence");
      await assertRow(other, before, { ...end, leaseUntil: null, horizonAt: null }, tries);
    },
  },
  {
    about,
    name: "a late refusal or ambiguity is no evidence",
    async run({ store }) {
      const before = await settled(store, noAnswer);
      const tries = await attempts(store);
      for (const how of [refused, transient, noAnswer]) {
        const settlements = [settlement({ ...before, fence: 1 }, how)];
        assert.deepEqual(await store.notifications.settle({ settlements, now: at(50) }), ["lost"]);
      }
      await assertRow(store, before, {}, tries);
    },
  },
  {
    about,
    name: "evidence needs the fence and the number of an attempt that ended ambiguous",
    async run({ store }) {
      const before = await settled(store, noAnswer);
      const tries = await attempts(store);
      for (const wrong of [{ fence: 2 }, { fence: 0 }, { fence: 1, attempt: 2 }, { fence: 1, attempt: 0 }]) {
        const settlements = [settlement({ ...before, fence: wrong.fence }, wrong)];
        assert.deepEqual(await store.notifications.settle({ settlements, now: at(50) }), ["lost"]);
      }
      await assertRow(store, before, {}, tries);
      const source = { kind: "crossing", id: "cro-2" } as const;
      const other = await settled(store, transient, { id: "ntf-2", source });
      await claimed(store, at(1000));
      const settlements = [settlement({ ...other, fence: 1 })];
      assert.deepEqual(await store.notifications.settle({ settlements, now: at(1000) }), ["lost"]);
      assert.equal((await attempts(store, "ntf-2"))[0]?.outcome, "refused_transient");
    },
  },
  {
    about,
    name: "a late acceptance of an earlier attempt changes that attempt only, whatever the row does now",
    async run({ store }) {
      await settled(store, ambiguousRetry, repeating);
      const late = { settlements: [settlement({ tenant: "default", id: "ntf-1", fence: 1 })], now: at(500) };
      const pending = await row(store);
      assert.deepEqual(await store.notifications.settle(late), ["evidence"]);
      const first = attempt({ endedAt: start, outcome: "accepted" });
      await assertRow(store, pending, {}, [first]);
      const source = { kind: "crossing", id: "cro-2" } as const;
      await store.notifications.decide(decision("cancel"));
      await settled(store, ambiguousRetry, { ...repeating, id: "ntf-2", source });
      const second = await marked(store, at(1000));
      const input = { settlements: [settlement({ ...second, fence: 1 })], now: at(1500) };
      assert.deepEqual(await store.notifications.settle(input), ["evidence"]);
      await assertRow(store, second, {}, [
        { ...first, notification: "ntf-2" },
        attempt({ notification: "ntf-2", number: 2, fence: 3, startedAt: at(1000) }),
      ]);
    },
  },
  {
    about,
    name: "a late acceptance does not change a row that has ended",
    async run({ store }) {
      await settled(store, noAnswer);
      await store.notifications.decide(decision("give_up"));
      const before = await row(store);
      const settlements = [settlement({ ...before, fence: 1 }, { receipt: "late" })];
      assert.deepEqual(await store.notifications.settle({ settlements, now: at(50) }), ["evidence"]);
      await assertRow(store, before, {}, [attempt({ endedAt: start, outcome: "accepted" })]);
    },
  },
];
