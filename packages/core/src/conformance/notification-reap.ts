import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import {
  about,
  assertRow,
  leased,
  mark,
  noAnswer,
  notification,
  notifications,
  queued,
  row,
  sending,
  settled,
  transient,
} from "./notification-samples.js";
import { at, hour, start, twoStores } from "./samples.js";

/** What time ends: leases that are overdue, expiries and horizons. */
export const notificationReapCases: readonly ConformanceCase[] = [
  {
    about,
    name: "leased and sending rows whose lease is over are overdue, the longest first, judged by the named clock",
    async run(opened) {
      const { store } = opened;
      await queued(store, notifications(4));
      for (const [i, lease] of [4000, 2000, 3000].entries()) {
        const [taken] = await store.notifications.claim({
          notifiers: ["smtp"],
          limit: 1,
          served: [],
          lease,
          now: start,
        });
        if (i === 1) await store.notifications.mark({ marks: [mark(taken!)], lease, now: start });
      }
      const [, other] = await twoStores(opened);
      const overdue = async (now: Date, limit = 10) => {
        const answer = await other.notifications.overdue({ limit, now });
        assert.deepEqual(answer.now, now);
        return answer.rows.map((each) => each.id);
      };
      assert.deepEqual(await overdue(at(1999)), []);
      assert.deepEqual(await overdue(at(2000)), ["ntf-0002"]);
      assert.deepEqual(await overdue(at(hour)), ["ntf-0002", "ntf-0003", "ntf-0001"]);
      assert.deepEqual(await overdue(at(hour), 2), ["ntf-0002", "ntf-0003"]);
      const { rows } = await other.notifications.overdue({ limit: 1, now: at(hour) });
      assert.deepEqual(rows, [await row(other, "ntf-0002")]);
      assert.deepEqual(await overdue(at(hour)), ["ntf-0002", "ntf-0003", "ntf-0001"], "looking changes nothing");
    },
  },
  {
    about,
    name: "rows that wait or have ended are never overdue, ambiguous ones included",
    async run({ store }) {
      const source = (id: string) => ({ id, source: { kind: "crossing", id } }) as const;
      await settled(store, noAnswer, source("a"));
      await settled(store, {}, source("b"));
      await settled(store, transient, source("c"));
      assert.deepEqual((await store.notifications.overdue({ limit: 10, now: at(hour) })).rows, []);
    },
  },
  {
    about,
    name: "pending rows past their expiry are expired, and ambiguous ones past their horizon unknown",
    async run(opened) {
      const { store } = opened;
      const source = (id: string) => ({ id, source: { kind: "crossing", id } }) as const;
      await settled(store, noAnswer, source("amb"));
      await settled(store, noAnswer, { ...source("amb-brief"), expiresAt: at(1000) });
      await sending(store, { ...source("sending"), expiresAt: at(1000) });
      await leased(store, [notification({ ...source("leased"), expiresAt: at(1000) })]);
      await queued(store, [
        notification({ ...source("brief"), expiresAt: at(1000) }),
        notification({ ...source("long"), expiresAt: at(hour + 1) }),
        notification(source("ever")),
      ]);
      const before = new Map((await store.notifications.list({ tenant: "default", limit: 10 })).map((r) => [r.id, r]));
      assert.deepEqual(await store.notifications.expire({ limit: 10, now: at(999) }), {
        expired: 0,
        unknown: 0,
      });
      assert.deepEqual(await store.notifications.expire({ limit: 10, now: at(1000) }), {
        expired: 1,
        unknown: 1,
      });
      assert.deepEqual(await store.notifications.expire({ limit: 10, now: at(1000) }), {
        expired: 0,
        unknown: 0,
      });
      const [, other] = await twoStores(opened);
      await assertRow(other, before.get("brief")!, {
        state: "expired",
        reason: "expired",
        settledAt: at(1000),
      });
      const unknown = { state: "unknown", reason: "no_answer", leaseUntil: null, horizonAt: null } as const;
      await assertRow(other, before.get("amb-brief")!, { ...unknown, settledAt: at(1000) });
      for (const id of ["amb", "sending", "leased", "long", "ever"]) await assertRow(other, before.get(id)!, {});
      assert.deepEqual(await other.notifications.expire({ limit: 10, now: at(hour) }), {
        expired: 0,
        unknown: 1,
      });
      await assertRow(other, before.get("amb")!, { ...unknown, settledAt: at(hour) });
    },
  },
  {
    about,
    name: "expire ends at most limit rows, of every tenant",
    async run({ store }) {
      await queued(store, [
        ...notifications(5, { expiresAt: at(10) }),
        ...notifications(3, { tenant: "other", expiresAt: at(10) }),
      ]);
      const limit = { limit: 3, now: at(10) };
      assert.deepEqual(await store.notifications.expire(limit), { expired: 3, unknown: 0 });
      assert.deepEqual(await store.notifications.expire(limit), { expired: 3, unknown: 0 });
      assert.deepEqual(await store.notifications.expire(limit), { expired: 2, unknown: 0 });
      assert.deepEqual(await store.notifications.expire(limit), { expired: 0, unknown: 0 });
      const expired = [{ state: "expired", reason: "expired" }];
      assert.deepEqual(await store.notifications.count({ tenant: "default" }), [{ ...expired[0], count: 5 }]);
      assert.deepEqual(await store.notifications.count({ tenant: "other" }), [{ ...expired[0], count: 3 }]);
    },
  },
  {
    about,
    name: "callers at once end each row once",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 1; round <= 5; round++) {
        const source = { kind: "crossing", id: `cro-${round}` } as const;
        const all = notifications(40, { source, expiresAt: at(round) });
        await queued(
          opened.store,
          all.map((each) => ({ ...each, id: `${round}-${each.id}` })),
        );
        const answers = await Promise.all(
          Array.from({ length: 6 }, (_, i) => stores[i % 2]!.notifications.expire({ limit: 40, now: at(round) })),
        );
        const rest = await opened.store.notifications.expire({ limit: 40, now: at(round) });
        const ended = [...answers, rest].reduce((sum, each) => sum + each.expired, 0);
        assert.equal(ended, 40);
      }
    },
  },
];
