import assert from "node:assert/strict";
import type { ClaimedNotification } from "../delivery/notification.js";
import type { Settlement } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { laneOf, leasedUnder, limit, markAll, taken } from "./lane-samples.js";
import {
  about,
  attempts,
  claim,
  decision,
  marked,
  noAnswer,
  notification,
  notifications,
  queued,
  refused,
  row,
  sending,
  settled,
  settlement,
  transient,
} from "./notification-samples.js";
import { at, hour, minute, start, twoStores } from "./samples.js";

const perDay = (count: number) => ({ quota: { count, per: "24h" } as const });

interface Sending {
  readonly row: ClaimedNotification;
  readonly slot: string;
}

/** As many rows that are being sent through a lane with a quota, and their places in it. */
async function sendingUnder(store: Store, count: number, quota: number): Promise<readonly Sending[]> {
  const rows = await leasedUnder(store, count, perDay(quota));
  const answers = await markAll(store, rows);
  return rows.map((each, i) => {
    const answer = answers[i];
    assert.ok(answer?.result === "marked" && answer.slot !== null, JSON.stringify(answer));
    return { row: each, slot: answer.slot };
  });
}

async function settle(store: Store, each: Sending, how: Partial<Settlement>, now = at(7)): Promise<string | undefined> {
  const settlements = [settlement(each.row, { slot: each.slot, ...how })];
  return (await store.notifications.settle({ settlements, now }))[0];
}

/** What a settled call does to its lane. */
export const notificationSettleLaneCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a refused call gives its place in the quota back, once; one that was or may have been accepted keeps it",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const rows = await sendingUnder(one, 5, 9);
      const left: number[] = [];
      for (const [i, how] of [{}, noAnswer, transient, refused, {}].entries()) {
        assert.equal(await settle(one, rows[i]!, how), "settled");
        left.push(await taken(two));
      }
      assert.deepEqual(left, [5, 5, 4, 3, 3]);
      for (const [i, how] of [{}, noAnswer, transient, refused, {}].entries()) await settle(two, rows[i]!, how, at(8));
      for (const each of rows.slice(2)) assert.equal(await settle(two, each, refused, at(8)), "lost");
      assert.equal(await taken(one), 3);
      for (const each of rows) assert.equal((await attempts(one, each.row.id))[0]?.slot, each.slot);
    },
  },
  {
    about,
    name: "a late refusal, one under another fence and one of a row that is unknown give nothing back",
    async run({ store }) {
      const [first, second] = await sendingUnder(store, 2, 9);
      assert.equal(await settle(store, first!, noAnswer), "settled");
      for (const how of [refused, transient]) assert.equal(await settle(store, first!, how), "lost");
      assert.equal(await settle(store, first!, {}), "evidence");
      for (const wrong of [{ fence: 9 }, { id: "nothing" }, { tenant: "other" }]) {
        assert.equal(await settle(store, second!, { ...refused, ...wrong }), "lost");
      }
      assert.equal(await taken(store), 2);
    },
  },
  {
    about,
    name: "a refund opens a lane that was parked for want of room, and not one that is parked for something else",
    async run({ store }) {
      await queued(store, [...notifications(2), notification({ id: "ntf-9999", notBefore: at(1) })]);
      await limit(store, perDay(2));
      const input = { notifiers: ["smtp"], limit: 2, served: [], lease: minute, now: start };
      const rows = await store.notifications.claim(input);
      const [first, second] = await markAll(store, rows);
      const slot = first?.result === "marked" ? first.slot! : "";
      assert.deepEqual([second?.result, await claim(store, { now: at(8) })], ["marked", []]);
      const until = (await laneOf(store)).notBefore;
      assert.notEqual(until, null);
      await settle(store, { row: rows[0]!, slot }, refused);
      assert.deepEqual([(await laneOf(store)).notBefore, await taken(store)], [null, 1]);
      assert.deepEqual(await claim(store, { now: at(8) }), ["ntf-9999"]);
      await settle(store, { row: rows[1]!, slot }, { ...transient, parkIn: hour });
      assert.deepEqual([(await laneOf(store)).notBefore, await taken(store)], [at(7 + hour), 0]);
    },
  },
  {
    about,
    name: "a call that found its way out unavailable parks the lane, one without limits too, for the longest that was said",
    async run({ store }) {
      await queued(store, notifications(3));
      await store.lanes.setPaused({ tenant: "default", notifier: "sms", paused: false, by: "a", why: "b", now: start });
      const input = { notifiers: ["smtp"], limit: 3, served: [], lease: minute, now: start };
      const rows = await store.notifications.claim(input);
      await markAll(store, rows);
      const parked: (Date | null)[] = [];
      for (const [i, parkIn] of [5_000, 9_000, 2_000].entries()) {
        const settlements = [settlement(rows[i]!, { ...transient, excused: true, parkIn })];
        assert.deepEqual(await store.notifications.settle({ settlements, now: at(i) }), ["settled"]);
        parked.push((await laneOf(store)).notBefore);
      }
      assert.deepEqual(parked, [at(5_000), at(9_001), at(9_001)]);
      assert.equal((await laneOf(store, "sms")).notBefore, null);
      assert.deepEqual(await claim(store, { now: at(9_000) }), []);
      assert.deepEqual(await claim(store, { now: at(9_001) }), ["ntf-0001", "ntf-0002", "ntf-0003"]);
    },
  },
  {
    about,
    name: "a settlement that is lost parks nothing",
    async run({ store }) {
      const [only] = await sendingUnder(store, 1, 9);
      await settle(store, only!, {});
      assert.equal(await settle(store, only!, { ...transient, parkIn: hour }), "lost");
      assert.equal((await laneOf(store)).notBefore, null);
    },
  },
  {
    about,
    name: "an excused attempt is one of the row's, and counted as excused",
    async run({ store }) {
      const before = await sending(store);
      const excused = { ...transient, excused: true, parkIn: 10 };
      await store.notifications.settle({ settlements: [settlement(before, excused)], now: start });
      const second = await marked(store, at(1000));
      assert.deepEqual([second.attempts, second.excused], [2, 1]);
      const further = [settlement(second, { ...transient, attempt: 2 })];
      await store.notifications.settle({ settlements: further, now: at(1000) });
      const { attempts: all, excused: some, maxAttempts } = await row(store);
      assert.deepEqual([all, some, maxAttempts], [2, 1, 5]);
    },
  },
  {
    about,
    name: "excused attempts leave a resend as many as there were, and a redriven row has none of them",
    async run({ store }) {
      const excused = { ...transient, excused: true };
      await settled(store, excused, { maxAttempts: 1 });
      const second = await marked(store, at(1000));
      await store.notifications.settle({
        settlements: [settlement(second, { ...noAnswer, attempt: 2 })],
        now: at(1000),
      });
      const resent = await store.notifications.decide(decision("resend", { now: at(2 * hour) }));
      assert.deepEqual([resent.attempts, resent.excused, resent.maxAttempts], [2, 1, 2]);
      const third = await marked(store, at(2 * hour));
      await store.notifications.settle({ settlements: [settlement(third, { ...refused, attempt: 3, to: "unknown" })] });
      const again = await store.notifications.decide(decision("redrive", { acceptDuplicate: true, now: at(3 * hour) }));
      assert.deepEqual([again.attempts, again.excused], [0, 0]);
      assert.deepEqual(await row(store, "ntf-new"), again);
    },
  },
  {
    about,
    name: "each try of a row takes a place of its own, and gives that one back",
    async run({ store }) {
      await queued(store, [notification({ mode: "at-least-once" })]);
      await limit(store, { quota: { count: 9, per: "day:UTC" } });
      const days = [start, at(24 * hour)];
      const slots: (string | null)[] = [];
      for (const now of days) {
        const { id, tenant, fence, attempts: number } = await marked(store, now);
        const slot = (await attempts(store))[number - 1]!.slot;
        slots.push(slot);
        if (now === start) {
          const how = { attempt: number, slot, to: "pending", outcome: "ambiguous" } as const;
          await store.notifications.settle({ settlements: [settlement({ id, tenant, fence }, how)], now });
        } else {
          const how = { ...refused, to: "unknown", attempt: number, slot } as const;
          await store.notifications.settle({ settlements: [settlement({ id, tenant, fence }, how)], now });
        }
      }
      assert.deepEqual(slots, ["day:UTC:2026-11-05", "day:UTC:2026-11-06"]);
      assert.deepEqual((await laneOf(store)).usage.quota, { "day:UTC:2026-11-05": 1, "day:UTC:2026-11-06": 0 });
    },
  },
  {
    about,
    name: "settlements of one step touch each its own lane",
    async run({ store }) {
      await queued(store, [
        notification({ id: "a" }),
        notification({ id: "b", notifier: "sms" }),
        notification({ id: "c" }),
      ]);
      await limit(store, perDay(9));
      await limit(store, { notifier: "sms", ...perDay(9) });
      const input = { notifiers: ["smtp", "sms"], limit: 9, served: [], lease: minute, now: start };
      const rows = [...(await store.notifications.claim(input))].sort((a, b) => (a.id < b.id ? -1 : 1));
      const slots = (await markAll(store, rows)).map((each) => (each.result === "marked" ? each.slot : null));
      const ends = [refused, { ...transient, parkIn: 50 }, {}];
      const settlements = rows.map((each, i) => {
        return settlement(each, { ...ends[i], slot: slots[i]!, notifier: each.notifier });
      });
      await store.notifications.settle({ settlements, now: at(1) });
      assert.deepEqual([await taken(store), await taken(store, "quota", "sms")], [1, 0]);
      assert.deepEqual([(await laneOf(store)).notBefore, (await laneOf(store, "sms")).notBefore], [null, at(51)]);
    },
  },
  {
    about,
    name: "settlements and marks at once of one lane lose no place and give none back twice",
    async run(opened) {
      const stores = await twoStores(opened);
      const first = await sendingUnder(opened.store, 20, 1000);
      const source = { kind: "crossing", id: "cro-2" } as const;
      await queued(
        opened.store,
        notifications(20, { source }).map((each) => ({ ...each, id: `more-${each.id}` })),
      );
      const input = { notifiers: ["smtp"], limit: 20, served: [], lease: minute, now: start };
      const second = await opened.store.notifications.claim(input);
      const refusing = first.map((each) => settlement(each.row, { ...refused, slot: each.slot }));
      await Promise.all([
        stores[0].notifications.settle({ settlements: refusing, now: at(1) }),
        markAll(stores[1], second),
        stores[1].notifications.settle({ settlements: [...refusing].reverse(), now: at(1) }),
        markAll(stores[0], [...second].reverse()),
        ...refusing.map((each, i) => stores[i % 2]!.notifications.settle({ settlements: [each], now: at(1) })),
      ]);
      assert.equal(await taken(opened.store), 20);
    },
  },
];
