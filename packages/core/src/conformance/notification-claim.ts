import assert from "node:assert/strict";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { template } from "./crossing-samples.js";
import {
  about,
  assertRow,
  attempts,
  claim,
  claimed,
  decision,
  mark,
  marked,
  notification,
  notifications,
  pause,
  queued,
  refused,
  row,
  sending,
  settlement,
} from "./notification-samples.js";
import { assertOwnClock, at, hour, minute, start, twoStores } from "./samples.js";

export const notificationClaimCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a claim leases a pending notification with a new fence, one more claim and its template",
    async run(opened) {
      const { store } = opened;
      await queued(store, [notification()]);
      const before = await row(store);
      const lease = { notifiers: ["smtp"], limit: 10, served: [], lease: 1234, now: at(5) };
      const changes = { state: "leased", fence: 1, claims: 1, leaseUntil: at(5 + 1234) } as const;
      assert.deepEqual(await store.notifications.claim(lease), [{ ...before, ...changes, content: template }]);
      const [, other] = await twoStores(opened);
      await assertRow(other, before, changes, []);
      assert.deepEqual(await other.notifications.claim(lease), []);
    },
  },
  {
    about,
    name: "a claim keeps to the notifiers it is given",
    async run({ store }) {
      await queued(
        store,
        ["a", "b", "it's"].map((notifier) => notification({ id: notifier, notifier })),
      );
      assert.deepEqual(await claim(store, { notifiers: [] }), []);
      assert.deepEqual(await claim(store, { notifiers: ["nothing", "A"] }), []);
      assert.deepEqual((await claim(store, { notifiers: ["a", "it's"] })).sort(), ["a", "it's"]);
      assert.deepEqual(await claim(store, { notifiers: ["a", "b", "it's"] }), ["b"]);
    },
  },
  {
    about,
    name: "within a lane a claim goes by time, then by id bytewise",
    async run({ store }) {
      const late = ["a", "b"].map((id) => notification({ id, notBefore: at(10) }));
      const early = ["\u{1f389}", "\uffff", "z"].map((id) => notification({ id, notBefore: at(5) }));
      await queued(store, [...late, ...early, notification({ id: "y", notBefore: at(4) })]);
      assert.deepEqual(await claim(store, { now: at(20), limit: 2 }), ["y", "z"]);
      assert.deepEqual(await claim(store, { now: at(20), limit: 3 }), ["\uffff", "\u{1f389}", "a"]);
      assert.deepEqual(await claim(store, { now: at(20) }), ["b"]);
    },
  },
  {
    about,
    name: "lanes take turns, so that one lane's crowd does not hold up another's few",
    async run({ store }) {
      const crowd = notifications(50, { notBefore: at(-1000) });
      const few = ["other", "third"].map((tenant) => notification({ tenant, id: `of-${tenant}`, notBefore: at(-1) }));
      const sms = notifications(3, { notifier: "sms", notBefore: at(-500) }).map((each) => ({
        ...each,
        id: `sms-${each.id}`,
        recipientKey: `sms-${each.id}`,
      }));
      await queued(store, [...crowd, ...few, ...sms]);
      const notifiers = ["smtp", "sms"];
      assert.deepEqual(await claim(store, { limit: 6, notifiers }), [
        ...["ntf-0001", "sms-ntf-0001", "of-other", "of-third"],
        ...["ntf-0002", "sms-ntf-0002"],
      ]);
      assert.deepEqual(await claim(store, { limit: 4, notifiers }), [
        ...["ntf-0003", "sms-ntf-0003", "ntf-0004", "ntf-0005"],
      ]);
    },
  },
  {
    about,
    name: "a lane that was served lately comes after those that had less",
    async run({ store }) {
      const crowd = notifications(20, { notBefore: at(-1000) });
      const few = ["b-1", "b-2", "b-3"].map((id) => notification({ tenant: "other", id, notBefore: at(-1) }));
      await queued(store, [...crowd, ...few]);
      const lane = { tenant: "default", notifier: "smtp" };
      const served = [{ ...lane, count: 2 }];
      assert.deepEqual(await claim(store, { limit: 2, served }), ["b-1", "b-2"]);
      // the third of the one and the first of the other have had as much
      assert.deepEqual(await claim(store, { limit: 2, served: [{ ...lane, tenant: "other", count: 2 }, ...served] }), [
        "ntf-0001",
        "b-3",
      ]);
      assert.deepEqual(await claim(store, { limit: 2, served: [{ ...lane, count: 1_000_000_000 }] }), [
        "ntf-0002",
        "ntf-0003",
      ]);
    },
  },
  {
    about,
    name: "a notification is claimed neither before its time nor from its expiry on",
    async run({ store }) {
      await queued(store, [
        notification({ id: "later", notBefore: at(100) }),
        notification({ id: "brief", expiresAt: at(50) }),
        notification({ id: "gone", expiresAt: at(49) }),
      ]);
      assert.deepEqual(await claim(store, { now: at(49) }), ["brief"]);
      assert.deepEqual(await claim(store, { now: at(99) }), []);
      assert.deepEqual(await claim(store, { now: at(100) }), ["later"]);
      assert.equal((await row(store, "gone")).state, "pending");
    },
  },
  {
    about,
    name: "a paused lane's notifications are not claimed until it is resumed",
    async run({ store }) {
      await queued(store, [notification(), notification({ tenant: "other", id: "elsewhere" })]);
      await pause(store);
      assert.deepEqual(await claim(store), ["elsewhere"]);
      await pause(store, false);
      assert.deepEqual(await claim(store), ["ntf-1"]);
    },
  },
  {
    about,
    name: "only pending notifications are claimed, a lease that is over too is not",
    async run({ store }) {
      await sending(store);
      await queued(store, [notification({ id: "leased", source: { kind: "crossing", id: "cro-2" } })]);
      await claim(store);
      assert.deepEqual(await claim(store, { now: at(10 * minute) }), []);
    },
  },
  {
    about,
    name: "claims are counted until one is marked",
    async run({ store }) {
      await queued(store, [notification()]);
      for (let i = 1; i <= 3; i++) {
        const [lease] = await claimed(store);
        assert.deepEqual([lease?.claims, lease?.fence], [i, i]);
        const back = { ...lease!, to: "pending", retryIn: 0, refund: false, reason: null } as const;
        const { tenant, id, fence, to, retryIn, refund, reason } = back;
        const releases = [{ tenant, id, fence, to, retryIn, refund, reason }];
        assert.deepEqual(await store.notifications.release({ releases, now: start }), [true]);
      }
      assert.equal((await marked(store)).claims, 0);
    },
  },
  {
    about,
    name: "callers at once never get the same notification",
    async run(opened) {
      const stores = await twoStores(opened);
      const all = notifications(100);
      await queued(opened.store, all);
      const got = await Promise.all(Array.from({ length: 10 }, (_, i) => claim(stores[i % 2]!, { limit: 9 })));
      const ids = got.flat();
      assert.equal(new Set(ids).size, ids.length, "nobody got one twice");
      ids.push(...(await claim(opened.store)));
      assert.deepEqual(
        ids.sort(),
        all.map((each) => each.id),
      );
      for (const each of await opened.store.notifications.list({ tenant: "default", limit: 200 })) {
        assert.deepEqual([each.state, each.fence, each.claims], ["leased", 1, 1]);
      }
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides lease, mark, settlement, release and redrive",
    async run({ store }) {
      await queued(store, notifications(2), new Date(Date.now() - hour));
      const input = { notifiers: ["smtp"], limit: 10, served: [], lease: hour };
      const [first, second] = await store.notifications.claim(input);
      await assertOwnClock(async () => first!.leaseUntil, hour);
      const [result] = await store.notifications.mark({ marks: [mark(first!)], lease: 2 * hour });
      await assertOwnClock(async () => (result!.result === "marked" ? result!.markedAt : null));
      await assertOwnClock(async () => (await row(store, first!.id)).leaseUntil, 2 * hour);
      await assertOwnClock(async () => (await attempts(store, first!.id))[0]!.startedAt);
      await store.notifications.settle({ settlements: [settlement(first!, refused)] });
      await assertOwnClock(async () => (await row(store, first!.id)).settledAt);
      await assertOwnClock(async () => (await attempts(store, first!.id))[0]!.endedAt);
      const { tenant, id, fence } = second!;
      const releases = [{ tenant, id, fence, to: "pending", retryIn: hour, refund: true, reason: null }] as const;
      await store.notifications.release({ releases });
      await assertOwnClock(async () => (await row(store, id)).notBefore, hour);
      const { now: _, ...redrive } = decision("redrive", { id: first!.id });
      await assertOwnClock(async () => (await store.notifications.decide(redrive)).createdAt);
      await assertOwnClock(async () => {
        const entity = { entity: "notification", entityId: first!.id };
        return (await actsOf(store, { tenant: "default", ...entity }))[0]!.at;
      });
      await assertOwnClock(async () => (await store.notifications.overdue({ limit: 1 })).now);
      assert.deepEqual(await store.notifications.expire({ limit: 1 }), { expired: 0, unknown: 0 });
    },
  },
];
