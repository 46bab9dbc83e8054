import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import {
  about,
  assertRow,
  claimed,
  decision,
  leased,
  mark,
  marked,
  notification,
  notifications,
  queued,
  row,
  settled,
  settlement,
  transient,
} from "./notification-samples.js";
import { at, hour, minute, start, twoStores } from "./samples.js";

const hours = { from: "09:00", to: "13:00", days: [4, 5], zone: "Europe/Berlin" };
const closesAt = (closes: number) => ({ hours, openUntil: at(closes) });
const opened = (closed: number, from: number, until: number, id = "ntf-1") => ({
  ...{ tenant: "default", id, closed: at(closed) },
  ...{ notBefore: at(from), openUntil: at(until) },
});

/** Rows that may only be sent within hours. */
export const notificationHoursCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a row keeps its hours and when they close, and is claimed until that instant",
    async run(open) {
      const { store } = open;
      await queued(store, [notification({ ...closesAt(minute), notBefore: at(1) }), notification({ id: "ntf-2" })]);
      const [, other] = await twoStores(open);
      const stored = await row(other);
      assert.deepEqual([stored.hours, stored.openUntil, stored.notBefore], [hours, at(minute), at(1)]);
      const without = await row(other, "ntf-2");
      assert.deepEqual([without.hours, without.openUntil], [null, null]);
      assert.deepEqual(
        (await claimed(other, at(minute))).map(({ id }) => id),
        ["ntf-2"],
      );
      const [taken] = await claimed(other, at(minute - 1));
      assert.deepEqual([taken?.id, taken?.hours, taken?.openUntil], ["ntf-1", hours, at(minute)]);
    },
  },
  {
    about,
    name: "a mark at the instant at which the hours close or later is deferred, one before it is made",
    async run({ store }) {
      const [early, late] = await leased(store, notifications(2, closesAt(minute)));
      const markAt = async (taken: typeof early, now: Date) =>
        (await store.notifications.mark({ marks: [mark(taken!)], lease: minute, now }))[0];
      assert.equal((await markAt(early, at(minute - 1)))?.result, "marked");
      const before = await row(store, late!.id);
      assert.deepEqual(await markAt(late, at(minute)), { result: "deferred", opensIn: null });
      await assertRow(store, before, { state: "pending", leaseUntil: null, claims: 0 });
      assert.deepEqual(await claimed(store, at(minute)), []);
    },
  },
  {
    about,
    name: "pending rows whose hours have closed are told, those that closed first first, by the named clock",
    async run(open) {
      const { store } = open;
      await queued(store, [
        notification({ id: "late", ...closesAt(3 * minute) }),
        notification({ id: "early", ...closesAt(minute) }),
        notification({ id: "middle", ...closesAt(2 * minute) }),
        notification({ id: "over", ...closesAt(minute), expiresAt: at(2 * minute) }),
        notification({ id: "always" }),
      ]);
      const [, other] = await twoStores(open);
      const closed = async (now: Date, limit = 10) => {
        const answer = await other.notifications.closed({ limit, now });
        assert.deepEqual(answer.now, now);
        return answer.rows.map(({ id }) => id);
      };
      assert.deepEqual(await closed(at(minute - 1)), []);
      assert.deepEqual(await closed(at(minute)), ["early", "over"]);
      assert.deepEqual(await closed(at(hour)), ["early", "middle", "late"]);
      assert.deepEqual(await closed(at(hour), 2), ["early", "middle"]);
      const { rows } = await other.notifications.closed({ limit: 1, now: at(hour) });
      assert.deepEqual(rows, [await row(other, "early")]);
    },
  },
  {
    about,
    name: "rows that are leased, were sent or have ended are not told of as closed",
    async run({ store }) {
      const source = (id: string) => ({ id, source: { kind: "crossing", id } }) as const;
      await settled(store, {}, { ...source("sent"), ...closesAt(minute) });
      await leased(store, [notification({ ...source("leased"), ...closesAt(minute) })]);
      assert.deepEqual((await store.notifications.closed({ limit: 10, now: at(hour) })).rows, []);
    },
  },
  {
    about,
    name: "hours that are opened anew begin not before they open nor before the row's own time; once",
    async run(open) {
      const { store } = open;
      const all = notifications(3, closesAt(minute));
      await queued(store, [all[0]!, { ...all[1]!, notBefore: at(3 * hour) }, all[2]!]);
      const before = await Promise.all(all.map(({ id }) => row(store, id)));
      const openings = [
        opened(minute, 2 * hour, 4 * hour, all[0]!.id),
        opened(minute, 2 * hour, 4 * hour, all[1]!.id),
        opened(2 * minute, 2 * hour, 4 * hour, all[2]!.id),
        opened(minute, 2 * hour, 4 * hour, "unknown"),
      ];
      const [, other] = await twoStores(open);
      assert.deepEqual(await other.notifications.reopen({ openings }), [true, true, false, false]);
      await assertRow(store, before[0]!, { notBefore: at(2 * hour), openUntil: at(4 * hour) });
      await assertRow(store, before[1]!, { notBefore: at(3 * hour), openUntil: at(4 * hour) });
      await assertRow(store, before[2]!, {});
      assert.deepEqual(await store.notifications.reopen({ openings }), [false, false, false, false]);
      assert.deepEqual(
        (await claimed(store, at(2 * hour))).map(({ id }) => id),
        [all[0]!.id],
      );
    },
  },
  {
    about,
    name: "of two that open the same hours at once one does",
    async run(opening) {
      const [one, two] = await twoStores(opening);
      await queued(one, [notification(closesAt(minute))]);
      const openings = [opened(minute, hour, 2 * hour)];
      const answers = await Promise.all([one, two].map((store) => store.notifications.reopen({ openings })));
      assert.deepEqual(answers.flat().sort(), [false, true]);
    },
  },
  {
    about,
    name: "a row that is leased meanwhile keeps the hours it was leased with",
    async run({ store }) {
      const [taken] = await leased(store, [notification(closesAt(minute))]);
      assert.deepEqual(await store.notifications.reopen({ openings: [opened(minute, hour, 2 * hour)] }), [false]);
      assert.equal((await row(store, taken!.id)).openUntil?.getTime(), at(minute).getTime());
    },
  },
  {
    about,
    name: "a refused try, a resend and a redrive keep the hours",
    async run({ store }) {
      await queued(store, [notification(closesAt(minute))]);
      const first = await marked(store);
      await store.notifications.settle({ settlements: [settlement(first, transient)], now: start });
      assert.deepEqual((await row(store)).hours, hours);
      await store.notifications.expire({ limit: 10, now: at(hour) });
      const second = (await claimed(store, at(minute - 1)))[0]!;
      await store.notifications.mark({ marks: [mark(second)], lease: minute, now: at(minute - 1) });
      const refused = { to: "failed", outcome: "refused_permanent", reason: "refused", attempt: 2 } as const;
      await store.notifications.settle({ settlements: [settlement(second, refused)], now: at(minute) });
      const again = await store.notifications.decide(decision("redrive", { newId: "ntf-2", now: at(hour) }));
      assert.deepEqual([again.hours, again.openUntil, again.notBefore], [hours, at(minute), at(hour)]);
      const { rows } = await store.notifications.closed({ limit: 10, now: at(hour) });
      assert.deepEqual(
        rows.map(({ id }) => id),
        ["ntf-2"],
      );
    },
  },
];
