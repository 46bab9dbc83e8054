import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import {
  about,
  ambiguousRetry,
  assertRow,
  attempts,
  claimed,
  decision,
  leased,
  mark,
  marked,
  noAnswer,
  notification,
  pause,
  repeating,
  row,
  settled,
  transient,
} from "./notification-samples.js";
import { at, hour, minute, start } from "./samples.js";

/** Marks that open no attempt: refused for good, or deferred. */
export const notificationMarkRefusedCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an expired row ends at the mark, before anything else is looked at",
    async run({ store }) {
      const [lease] = await leased(store, [notification({ expiresAt: at(100) })]);
      const before = await row(store);
      await pause(store);
      const marks = [mark(lease!, { payloadHash: "other" })];
      const answer = { result: "refused", state: "expired", reason: "expired" };
      assert.deepEqual(await store.notifications.mark({ marks, lease: minute, now: at(100) }), [answer]);
      const end = { state: "expired", reason: "expired", leaseUntil: null, settledAt: at(100) } as const;
      await assertRow(store, before, end, []);
      assert.deepEqual(await store.notifications.mark({ marks, lease: minute, now: at(100) }), [{ result: "lost" }]);
    },
  },
  {
    about,
    name: "a row that was ever ambiguous ends as unknown, whichever way: expiry at the mark, expiry, cancel, release",
    async run({ store }) {
      const source = (id: string) => ({ id, source: { kind: "crossing", id } }) as const;
      for (const id of ["mark", "sweep", "waiting", "held", "poisoned"]) {
        await settled(store, ambiguousRetry, { ...repeating, ...source(id), expiresAt: at(minute) });
      }
      const rows = await claimed(store, at(1000));
      const lease = rows.find((each) => each.id === "mark")!;
      const { tenant, id, fence } = rows.find((each) => each.id === "poisoned")!;
      const poisoned = await row(store, id);
      const failing = [{ tenant, id, fence, to: "failed", retryIn: 0, refund: false, reason: "poison_claim" }] as const;
      assert.deepEqual(await store.notifications.release({ releases: failing, now: at(1000) }), [true]);
      const dead = { state: "unknown", reason: "poison_claim", leaseUntil: null, settledAt: at(1000) } as const;
      await assertRow(store, poisoned, dead);
      const releases = rows
        .filter((each) => each.id === "sweep" || each.id === "waiting")
        .map(({ tenant, id, fence }) => ({
          tenant,
          id,
          fence,
          to: "pending" as const,
          retryIn: 0,
          refund: true,
          reason: null,
        }));
      await store.notifications.release({ releases, now: at(1000) });
      for (const id of ["waiting", "held"]) {
        const before = await row(store, id);
        const now = at(2000);
        const end = { state: "unknown", reason: "cancelled", leaseUntil: null, settledAt: now } as const;
        assert.deepEqual(await store.notifications.decide(decision("cancel", { id, now })), { ...before, ...end });
        await assertRow(store, before, end);
      }
      const marking = await row(store, "mark");
      const answer = { result: "refused", state: "unknown", reason: "expired" };
      const input = { marks: [mark(lease)], lease: minute, now: at(minute) };
      assert.deepEqual(await store.notifications.mark(input), [answer]);
      const end = { state: "unknown", reason: "expired", leaseUntil: null, settledAt: at(minute) } as const;
      await assertRow(store, marking, end);
      const sweeping = await row(store, "sweep");
      assert.deepEqual(await store.notifications.expire({ limit: 10, now: at(minute) }), { expired: 0, unknown: 1 });
      await assertRow(store, sweeping, end);
    },
  },
  {
    about,
    name: "a resend gives a new life to the idempotency key, counted from its mark",
    async run({ store }) {
      await settled(store, noAnswer, repeating);
      const after = await store.notifications.decide(decision("resend", { now: at(2 * hour) }));
      assert.equal(after.keyUntil, null);
      const again = await marked(store, at(2 * hour));
      assert.deepEqual([again.attempts, again.keyUntil, again.firstMarkedAt], [2, at(3 * hour), start]);
      assert.equal(again.idempotencyKey, "key-ntf-1");
    },
  },
  {
    about,
    name: "a row is marked up to the millisecond before its expiry",
    async run({ store }) {
      const [lease] = await leased(store, [notification({ expiresAt: at(100) })]);
      const input = { marks: [mark(lease!)], lease: minute, now: at(99) };
      assert.equal((await store.notifications.mark(input))[0]?.result, "marked");
    },
  },
  {
    about,
    name: "a row that was ambiguous is unknown once its key has lapsed",
    async run({ store }) {
      await settled(store, ambiguousRetry, repeating);
      const [lease] = await claimed(store, at(hour - 1));
      const before = await row(store);
      await pause(store);
      const marks = [mark(lease!, { payloadHash: "other" })];
      const answer = { result: "refused", state: "unknown", reason: "key_expired" };
      assert.deepEqual(await store.notifications.mark({ marks, lease: minute, now: at(hour) }), [answer]);
      const end = { state: "unknown", reason: "key_expired", leaseUntil: null, settledAt: at(hour) } as const;
      await assertRow(store, before, end);
    },
  },
  {
    about,
    name: "a row that was ambiguous is marked again while its key holds, and the key's end stays",
    async run({ store }) {
      await settled(store, ambiguousRetry, repeating);
      const [lease] = await claimed(store, at(hour - 1));
      const answer = {
        result: "marked",
        attempt: 2,
        markedAt: at(hour - 1),
        keyUntil: at(hour),
        slot: null,
        opensIn: null,
      };
      const input = { marks: [mark(lease!)], lease: minute, now: at(hour - 1) };
      assert.deepEqual(await store.notifications.mark(input), [answer]);
      const after = await row(store);
      assert.deepEqual([after.firstMarkedAt, after.keyUntil, after.attempts], [start, at(hour), 2]);
    },
  },
  {
    about,
    name: "a lapsed key ends nothing that was never ambiguous",
    async run({ store }) {
      await settled(store, transient, repeating);
      const [lease] = await claimed(store, at(2 * hour));
      const answer = {
        result: "marked",
        attempt: 2,
        markedAt: at(2 * hour),
        keyUntil: at(hour),
        slot: null,
        opensIn: null,
      };
      const input = { marks: [mark(lease!)], lease: minute, now: at(2 * hour) };
      assert.deepEqual(await store.notifications.mark(input), [answer]);
    },
  },
  {
    about,
    name: "a changed payload fails the row, or leaves it unknown if it was ever ambiguous",
    async run({ store }) {
      for (const [id, how, state] of [
        ["a", transient, "failed"],
        ["b", ambiguousRetry, "unknown"],
      ] as const) {
        await settled(store, how, { ...repeating, id, source: { kind: "crossing", id } });
        const [lease] = await claimed(store, at(1000));
        const before = await row(store, id);
        await pause(store);
        const answer = { result: "refused", state, reason: "payload_changed" };
        const input = { marks: [mark(lease!, { payloadHash: "hash-2" })], lease: minute, now: at(1001) };
        assert.deepEqual(await store.notifications.mark(input), [answer]);
        const end = { state, reason: "payload_changed", leaseUntil: null, settledAt: at(1001) } as const;
        await assertRow(store, before, end);
        assert.equal((await attempts(store, id)).length, 1);
        await pause(store, false);
      }
    },
  },
  {
    about,
    name: "a paused lane defers the mark: pending again under its fence, and the claim does not count",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      const before = await row(store);
      await pause(store);
      const input = { marks: [mark(lease!)], lease: minute, now: at(3) };
      assert.deepEqual(await store.notifications.mark(input), [{ result: "deferred", opensIn: null }]);
      await assertRow(store, before, { state: "pending", claims: 0, leaseUntil: null }, []);
      assert.deepEqual(await store.notifications.mark(input), [{ result: "lost" }]);
      await assertRow(store, before, { state: "pending", claims: 0, leaseUntil: null }, []);
      await pause(store, false);
      const [again] = await claimed(store, at(4));
      assert.deepEqual([again?.fence, again?.claims], [2, 1]);
    },
  },
  {
    about,
    name: "a deferred mark takes back its own claim only",
    async run({ store }) {
      const [first] = await leased(store, [notification()]);
      const { tenant, id, fence } = first!;
      const releases = [{ tenant, id, fence, to: "pending", retryIn: 0, refund: false, reason: null }] as const;
      await store.notifications.release({ releases, now: start });
      const [second] = await claimed(store);
      assert.equal(second?.claims, 2);
      await pause(store);
      await store.notifications.mark({ marks: [mark(second!)], lease: minute, now: start });
      assert.equal((await row(store)).claims, 1);
    },
  },
  {
    about,
    name: "a row whose time has not come is deferred, even if it was leased",
    async run({ store }) {
      const [lease] = await leased(store, [notification({ notBefore: at(1000) })], at(1000));
      const before = await row(store);
      const input = { marks: [mark(lease!)], lease: minute, now: at(999) };
      assert.deepEqual(await store.notifications.mark(input), [{ result: "deferred", opensIn: null }]);
      await assertRow(store, before, { state: "pending", claims: 0, leaseUntil: null }, []);
    },
  },
  {
    about,
    name: "a pause of another lane defers nothing",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      const by = { paused: true, by: "ada", why: "outage", now: start };
      await store.lanes.setPaused({ tenant: "default", notifier: "sms", ...by });
      await store.lanes.setPaused({ tenant: "other", notifier: "smtp", ...by });
      const input = { marks: [mark(lease!)], lease: minute, now: start };
      assert.equal((await store.notifications.mark(input))[0]?.result, "marked");
    },
  },
];
