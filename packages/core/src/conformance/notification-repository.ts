import assert from "node:assert/strict";
import type { Attempt, NewNotification, Notification } from "../delivery/notification.js";
import type { DecideAct, NotificationRepository, Settlement } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import {
  assertOwnClock,
  assertRefused,
  at,
  awkwardKeys,
  bytewise,
  claimed,
  hour,
  leased,
  mark,
  marked,
  minute,
  noAnswer,
  notification,
  notifications,
  queued,
  refused,
  row,
  sending,
  settled,
  settlement,
  start,
  template,
  twoStores,
} from "./samples.js";

const about = "notifications";

type Claim = Parameters<NotificationRepository["claim"]>[0];
async function claim(store: Store, fields: Partial<Claim> = {}): Promise<string[]> {
  const input = { notifiers: ["smtp"], limit: 100, perLane: 100, lease: minute, now: start, ...fields };
  return (await store.notifications.claim(input)).map((each) => each.id);
}

type Decide = Parameters<NotificationRepository["decide"]>[0];
function decision(act: DecideAct, fields: Partial<Decide> = {}): Decide {
  return {
    tenant: "default",
    id: "ntf-1",
    act,
    by: "ada",
    why: "she asked",
    newId: "ntf-new",
    acceptDuplicate: false,
    margin: 0,
    now: start,
    ...fields,
  };
}

async function attempts(store: Store, id = "ntf-1", tenant = "default"): Promise<readonly Attempt[]> {
  return store.notifications.attempts({ tenant, notification: id });
}

function attempt(fields: Partial<Attempt> = {}): Attempt {
  return {
    tenant: "default",
    notification: "ntf-1",
    number: 1,
    fence: 1,
    startedAt: start,
    endedAt: null,
    outcome: null,
    detail: null,
    ...fields,
  };
}

async function pause(store: Store, paused = true): Promise<void> {
  await store.lanes.setPaused({
    tenant: "default",
    notifier: "smtp",
    paused,
    by: "ada",
    why: "outage",
    now: start,
  });
}

/** That a step changed exactly these fields of a row and its attempts are these. */
async function assertRow(
  store: Store,
  before: Notification,
  changes: Partial<Notification>,
  tries?: readonly Attempt[],
): Promise<void> {
  assert.deepEqual(await row(store, before.id, before.tenant), { ...before, ...changes });
  if (tries !== undefined) assert.deepEqual(await attempts(store, before.id, before.tenant), tries);
}

/** The repeating mode, whose ambiguous outcomes go straight back to pending. */
const repeating: Partial<NewNotification> = { mode: "idempotent", keyLifetime: hour };
const ambiguousRetry: Partial<Settlement> = {
  to: "pending",
  outcome: "ambiguous",
  reason: null,
  retryIn: 1000,
};
const transient: Partial<Settlement> = { to: "pending", outcome: "refused_transient", retryIn: 1000 };

const claimCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a claim leases a pending notification with a new fence, one more claim and its template",
    async run(opened) {
      const { store } = opened;
      await queued(store, [notification()]);
      const before = await row(store);
      const lease = { notifiers: ["smtp"], limit: 10, perLane: 10, lease: 1234, now: at(5) };
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
      assert.deepEqual(await claim(store, { now: at(20), perLane: 3 }), ["\uffff", "\u{1f389}", "a"]);
      assert.deepEqual(await claim(store, { now: at(20) }), ["b"]);
    },
  },
  {
    about,
    name: "a claim takes at most perLane of each lane, so that one lane's crowd does not starve another",
    async run({ store }) {
      const crowd = notifications(50, { notBefore: at(-1000) });
      const few = ["other", "third"].map((tenant) => notification({ tenant, id: `of-${tenant}`, notBefore: at(-1) }));
      const sms = notifications(5, { notifier: "sms", notBefore: at(-500) }).map((each) => ({
        ...{ ...each, id: `sms-${each.id}`, recipientKey: `sms-${each.id}` },
      }));
      await queued(store, [...crowd, ...few, ...sms]);
      const notifiers = ["smtp", "sms"];
      assert.deepEqual((await claim(store, { perLane: 3, notifiers })).sort(), [
        ...["ntf-0001", "ntf-0002", "ntf-0003", "of-other", "of-third"],
        ...["sms-ntf-0001", "sms-ntf-0002", "sms-ntf-0003"],
      ]);
      const second = await claim(store, { perLane: 4, notifiers });
      assert.deepEqual([...second].sort(), [
        ...["ntf-0004", "ntf-0005", "ntf-0006", "ntf-0007", "sms-ntf-0004", "sms-ntf-0005"],
      ]);
      assert.equal((await claim(store, { perLane: 100, limit: 10, notifiers })).length, 10);
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
      const got = await Promise.all(
        Array.from({ length: 10 }, (_, i) => claim(stores[i % 2]!, { limit: 9, perLane: 9 })),
      );
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
      const input = { notifiers: ["smtp"], limit: 10, perLane: 10, lease: hour };
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
        return (await store.lanes.acts({ tenant: "default", ...entity }))[0]!.at;
      });
      await assertOwnClock(async () => (await store.notifications.overdue({ limit: 1 })).now);
      assert.deepEqual(await store.notifications.expire({ limit: 1 }), { expired: 0, unknown: 0 });
    },
  },
];

const markCases: readonly ConformanceCase[] = [
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
      const answer = { result: "marked", attempt: 1, markedAt: at(9), keyUntil: at(9 + hour) };
      assert.deepEqual(await store.notifications.mark({ marks, lease: 777, now: at(9) }), [answer]);
      const [, other] = await twoStores(opened);
      const frozen = {
        ...{
          messageId: "<ntf-1@milepost.example>",
          idempotencyKey: "key-ntf-1",
          payloadHash: "hash-1",
          payload,
        },
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
      const answer = { result: "marked", attempt: 1, markedAt: start, keyUntil: null };
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
        assert.ok(answer?.result === "marked");
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
        ...{ marks: [mark({ ...fenced, fence: 2 })], lease: minute, now: start },
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
          ...({ tenant, id, fence, to: "pending", retryIn: 0, refund: true, reason: null } as const),
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
      const answer = { result: "marked", attempt: 2, markedAt: at(hour - 1), keyUntil: at(hour) };
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
      const answer = { result: "marked", attempt: 2, markedAt: at(2 * hour), keyUntil: at(hour) };
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
    name: "a paused lane defers the mark: pending again under its fence, and the claim does not count",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      const before = await row(store);
      await pause(store);
      const input = { marks: [mark(lease!)], lease: minute, now: at(3) };
      assert.deepEqual(await store.notifications.mark(input), [{ result: "deferred" }]);
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
      assert.deepEqual(await store.notifications.mark(input), [{ result: "deferred" }]);
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
        perLane: 10,
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
      assert.ok(answers.length === 2000 && answers.every((each) => each.result === "marked"));
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
      for (const answer of answers.flat()) assert.ok(answer.result === "marked" && answer.attempt === 1);
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

const settleCases: readonly ConformanceCase[] = [
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

const releaseCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a released row is pending after its wait, and a refund takes back the claim",
    async run({ store }) {
      await leased(store, notifications(2));
      const rows = await Promise.all(["ntf-0001", "ntf-0002"].map((id) => row(store, id)));
      const releases = rows.map(({ tenant, id, fence }, i) => ({
        ...({ tenant, id, fence, to: "pending", retryIn: 300, refund: i === 0, reason: "silent" } as const),
      }));
      assert.deepEqual(await store.notifications.release({ releases, now: at(10) }), [true, true]);
      const changes = { state: "pending", leaseUntil: null, notBefore: at(310), reason: null } as const;
      await assertRow(store, rows[0]!, { ...changes, claims: 0 });
      await assertRow(store, rows[1]!, { ...changes, claims: 1 });
      assert.deepEqual(await store.notifications.release({ releases, now: at(10) }), [false, false]);
    },
  },
  {
    about,
    name: "a row that is released as failed ends with its reason",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      const before = await row(store);
      const { tenant, id, fence } = lease!;
      const releases = [
        { tenant, id, fence, to: "failed", retryIn: 0, refund: false, reason: "poison_claim" },
      ] as const;
      assert.deepEqual(await store.notifications.release({ releases, now: at(10) }), [true]);
      const end = { state: "failed", reason: "poison_claim", leaseUntil: null, settledAt: at(10) } as const;
      await assertRow(store, before, end, []);
      assert.deepEqual(await claim(store, { now: at(hour) }), []);
    },
  },
  {
    about,
    name: "only a row leased under its fence is released, answered in their order",
    async run({ store }) {
      const rows = await leased(store, notifications(4));
      await store.notifications.mark({ marks: [mark(rows[1]!)], lease: minute, now: start });
      const back = (id: string, fields: { fence?: number; tenant?: string } = {}) => ({
        ...({
          tenant: "default",
          id,
          fence: 1,
          to: "pending",
          retryIn: 0,
          refund: true,
          reason: null,
        } as const),
        ...fields,
      });
      const releases = [
        back("ntf-0004"),
        back("ntf-0003", { fence: 2 }),
        back("nothing"),
        back("ntf-0002"),
        back("ntf-0003", { tenant: "other" }),
        back("ntf-0001"),
      ];
      assert.deepEqual(await store.notifications.release({ releases, now: start }), [
        ...[true, false, false, false, false, true],
      ]);
      const states = await store.notifications.list({ tenant: "default", limit: 10 });
      assert.deepEqual(
        states.map((each) => each.state),
        ["pending", "sending", "leased", "pending"],
      );
      assert.deepEqual(await store.notifications.release({ releases: [] }), []);
    },
  },
  {
    about,
    name: "of releases at once under one fence one does it",
    async run(opened) {
      const stores = await twoStores(opened);
      for (const { tenant, id, fence } of await leased(opened.store, notifications(10))) {
        const releases = [{ tenant, id, fence, to: "pending", retryIn: 0, refund: true, reason: null }] as const;
        const answers = await Promise.all(
          [0, 1, 2, 3].map((n) => stores[n % 2]!.notifications.release({ releases, now: start })),
        );
        assert.deepEqual(answers.flat().sort(), [false, false, false, true]);
        assert.equal((await row(opened.store, id)).claims, 0);
      }
    },
  },
];

const timeCases: readonly ConformanceCase[] = [
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
          perLane: 1,
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

/** Brings the row `ntf-1` into a state. */
const reach: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  pending: (store) => queued(store, [notification()]),
  leased: (store) => leased(store, [notification()]),
  sending: (store) => sending(store),
  ambiguous: (store) => settled(store, noAnswer),
  sent: (store) => settled(store, { receipt: "250" }),
  failed: (store) => settled(store, refused),
  unknown: (store) => settled(store, { to: "unknown", outcome: "ambiguous", reason: "attempts_used_up" }),
  async expired(store) {
    await queued(store, [notification({ expiresAt: at(1) })]);
    await store.notifications.expire({ limit: 1, now: at(1) });
  },
  async cancelled(store) {
    await queued(store, [notification()]);
    await store.notifications.decide(decision("cancel"));
  },
};

/** Which act is refused in which state. */
const refusals: Readonly<Record<DecideAct, readonly string[]>> = {
  cancel: ["sent", "failed", "unknown", "expired", "cancelled"],
  resend: ["pending", "leased", "sending", "sent", "failed", "unknown", "expired", "cancelled"],
  confirm: ["pending", "leased", "sending", "sent", "failed", "unknown", "expired", "cancelled"],
  give_up: ["pending", "leased", "sending", "sent", "failed", "unknown", "expired", "cancelled"],
  redrive: ["pending", "leased", "sending", "ambiguous", "sent", "cancelled"],
};

const refusalCases: readonly ConformanceCase[] = Object.entries(refusals).flatMap(([act, states]) =>
  states.map((state) => ({
    about,
    name: `${act} is refused for one that is ${state}, and nothing is written`,
    async run({ store }: { store: Store }) {
      await reach[state]!(store);
      const before = await row(store);
      assert.equal(before.state, state);
      const entity = { tenant: "default", entity: "notification", entityId: "ntf-1" };
      const acts = await store.lanes.acts(entity);
      const input = decision(act as DecideAct, { acceptDuplicate: true, now: at(10 * hour) });
      await assertRefused(store.notifications.decide(input), "act_refused");
      await assertRow(store, before, {});
      assert.deepEqual(await store.lanes.acts(entity), acts);
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 1);
    },
  })),
);

const decideCases: readonly ConformanceCase[] = [
  ...refusalCases,
  {
    about,
    name: "cancel ends one that is pending or leased at once, and a lease on it is lost",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      await queued(store, [notification({ id: "waiting", source: { kind: "crossing", id: "cro-2" } })]);
      for (const id of ["ntf-1", "waiting"]) {
        const before = await row(store, id);
        const after = await store.notifications.decide(decision("cancel", { id, now: at(3) }));
        const end = { state: "cancelled", reason: "cancelled", leaseUntil: null, settledAt: at(3) } as const;
        assert.deepEqual(after, { ...before, ...end });
        await assertRow(store, before, end, []);
      }
      const input = { marks: [mark(lease!)], lease: minute, now: at(4) };
      assert.deepEqual(await store.notifications.mark(input), [{ result: "lost" }]);
      assert.deepEqual(await claim(store), []);
    },
  },
  {
    about,
    name: "cancel only asks where a call may have been made, and undoes nothing",
    async run({ store }) {
      for (const state of ["sending", "ambiguous"] as const) {
        const source = { kind: "crossing", id: state } as const;
        const how = state === "sending" ? await sending(store, { id: state, source }) : null;
        const before = how ?? (await settled(store, noAnswer, { id: state, source }));
        const after = await store.notifications.decide(decision("cancel", { id: state, now: at(3) }));
        assert.deepEqual(after, { ...before, cancelRequested: true });
        await assertRow(store, before, { cancelRequested: true });
        await store.notifications.decide(decision("cancel", { id: state, now: at(4) }));
        await assertRow(store, before, { cancelRequested: true });
        const entity = { tenant: "default", entity: "notification", entityId: state };
        assert.equal((await store.lanes.acts(entity)).length, 2, "an act that is allowed is recorded each time");
      }
    },
  },
  {
    about,
    name: "resend puts an ambiguous one back to pending at once, with one more attempt allowed if they are used up",
    async run({ store }) {
      for (const maxAttempts of [1, 5]) {
        const id = `max-${maxAttempts}`;
        const before = await settled(store, noAnswer, { id, maxAttempts, source: { kind: "crossing", id } });
        const now = at(minute + 500);
        const after = await store.notifications.decide(decision("resend", { id, margin: 500, now }));
        const changes: Partial<Notification> = {
          state: "pending",
          reason: null,
          leaseUntil: null,
          horizonAt: null,
          notBefore: now,
          maxAttempts: Math.max(maxAttempts, 2),
        };
        assert.deepEqual(after, { ...before, ...changes });
        await assertRow(store, before, changes);
        const again = await marked(store, now);
        assert.deepEqual([again.attempts, again.fence, again.wasAmbiguous], [2, 3, true]);
        await store.notifications.settle({ settlements: [settlement(again, { attempt: 2 })], now });
      }
    },
  },
  {
    about,
    name: "resend is refused while the call may still be under way, to the millisecond",
    async run({ store }) {
      const before = await settled(store, noAnswer);
      const input = decision("resend", { margin: 500, now: at(minute + 499) });
      await assertRefused(store.notifications.decide(input), "act_refused");
      await assertRow(store, before, {});
      assert.deepEqual(await store.lanes.acts({ tenant: "default", entity: "notification", entityId: "ntf-1" }), []);
      assert.equal((await store.notifications.decide({ ...input, now: at(minute + 500) })).state, "pending");
    },
  },
  {
    about,
    name: "resend is refused after a cancel was asked for",
    async run({ store }) {
      await settled(store, noAnswer);
      await store.notifications.decide(decision("cancel"));
      await assertRefused(store.notifications.decide(decision("resend", { now: at(hour) })), "act_refused");
      assert.equal((await row(store)).state, "ambiguous");
    },
  },
  {
    about,
    name: "confirm ends an ambiguous one as sent, its note the evidence",
    async run({ store }) {
      const before = await settled(store, { ...noAnswer, detail: "timeout" });
      const why = "she answered: got it \u{1f389}";
      const after = await store.notifications.decide(decision("confirm", { why, now: at(3) }));
      const end = { state: "sent", reason: null, detail: null, receipt: why, settledAt: at(3) } as const;
      const changes = { ...end, leaseUntil: null, horizonAt: null };
      assert.deepEqual(after, { ...before, ...changes });
      await assertRow(store, before, changes, [attempt({ endedAt: start, outcome: "ambiguous", detail: "timeout" })]);
    },
  },
  {
    about,
    name: "give_up ends an ambiguous one as unknown",
    async run({ store }) {
      const before = await settled(store, noAnswer);
      const after = await store.notifications.decide(decision("give_up", { now: at(3) }));
      const end = {
        state: "unknown",
        reason: "given_up",
        leaseUntil: null,
        horizonAt: null,
        settledAt: at(3),
      } as const;
      assert.deepEqual(after, { ...before, ...end });
      await assertRow(store, before, end);
    },
  },
  {
    about,
    name: "redrive adds a fresh row without expiry, linked to the old one, which stays as it is",
    async run(opened) {
      const { store } = opened;
      await settled(store, { ...refused, detail: "550" }, { ...repeating, expiresAt: at(hour), data: { a: [{}] } });
      const before = await row(store);
      const after = await store.notifications.decide(decision("redrive", { newId: "ntf-2", now: at(2 * hour) }));
      const fresh = {
        id: "ntf-2",
        state: "pending",
        redrive: 1,
        redriveOf: "ntf-1",
        reason: null,
        detail: null,
        ...{
          createdAt: at(2 * hour),
          notBefore: at(2 * hour),
          expiresAt: null,
          settledAt: null,
          attempts: 0,
        },
        claims: 0,
        fence: 0,
        leaseUntil: null,
        horizonAt: null,
        firstMarkedAt: null,
        keyUntil: null,
        messageId: null,
        idempotencyKey: null,
        payloadHash: null,
        payload: null,
        receipt: null,
        wasAmbiguous: false,
        cancelRequested: false,
      } as const;
      assert.deepEqual(after, { ...before, ...fresh });
      const [, other] = await twoStores(opened);
      await assertRow(other, before, {});
      assert.deepEqual(await row(other, "ntf-2"), after);
      assert.deepEqual(await attempts(other, "ntf-2"), []);
      const [lease] = await claimed(other, at(2 * hour));
      assert.deepEqual([lease?.id, lease?.fence, lease?.content], ["ntf-2", 1, template]);
    },
  },
  {
    about,
    name: "a row is redriven once; the row that came of it may be redriven in turn",
    async run({ store }) {
      await settled(store, refused);
      await store.notifications.decide(decision("redrive", { newId: "ntf-2" }));
      const entity = { tenant: "default", entity: "notification", entityId: "ntf-1" };
      const again = decision("redrive", { newId: "ntf-3" });
      await assertRefused(store.notifications.decide(again), "act_refused");
      assert.equal((await store.lanes.acts(entity)).length, 1);
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 2);
      const second = await marked(store);
      await store.notifications.settle({ settlements: [settlement(second, refused)], now: start });
      const third = await store.notifications.decide({ ...again, id: "ntf-2" });
      assert.deepEqual([third.id, third.redrive, third.redriveOf], ["ntf-3", 2, "ntf-2"]);
      await assertRefused(store.notifications.decide({ ...again, newId: "ntf-4" }), "act_refused");
    },
  },
  {
    about,
    name: "an expired one is redriven, an unknown one only by accepting a possible duplicate",
    async run({ store }) {
      await reach.expired!(store);
      assert.equal((await store.notifications.decide(decision("redrive"))).state, "pending");
      const fields = { id: "unk", source: { kind: "crossing", id: "cro-2" } } as const;
      await store.notifications.decide(decision("cancel", { id: "ntf-new" }));
      await settled(store, { to: "unknown", outcome: "ambiguous", reason: "attempts_used_up" }, fields);
      const redrive = decision("redrive", { id: "unk", newId: "unk-2" });
      await assertRefused(store.notifications.decide(redrive), "act_refused");
      const after = await store.notifications.decide({ ...redrive, acceptDuplicate: true });
      assert.deepEqual([after.id, after.wasAmbiguous, after.redrive], ["unk-2", false, 1]);
    },
  },
  {
    about,
    name: "every act is recorded with who, why and when, in order",
    async run(opened) {
      const { store } = opened;
      await settled(store, noAnswer);
      const by = "it's \u{1f389}";
      const steps = [
        { act: "cancel", why: "first", now: at(1) },
        { act: "cancel", why: "second", now: at(1) },
        { act: "give_up", why: 'a "third"', now: at(3) },
        { act: "redrive", why: "\\fourth", now: at(2), acceptDuplicate: true },
      ] as const;
      for (const { act, ...fields } of steps) await store.notifications.decide(decision(act, { by, ...fields }));
      const entity = { tenant: "default", entity: "notification", entityId: "ntf-1" };
      const [, other] = await twoStores(opened);
      assert.deepEqual(
        await other.lanes.acts(entity),
        steps.map(({ act, why, now }) => ({ ...entity, act, by, why, at: now })),
      );
      assert.deepEqual(await other.lanes.acts({ ...entity, entityId: "ntf-new" }), []);
      assert.deepEqual(await other.lanes.acts({ ...entity, tenant: "other" }), []);
    },
  },
  {
    about,
    name: "an unknown id and another tenant's are not found, and no act is recorded",
    async run({ store }) {
      await queued(store, [notification()]);
      for (const wrong of [{ id: "nothing" }, { tenant: "other" }]) {
        const input = decision("cancel", wrong);
        await assertRefused(store.notifications.decide(input), "not_found");
        const { tenant, id: entityId } = input;
        assert.deepEqual(await store.lanes.acts({ tenant, entity: "notification", entityId }), []);
      }
      assert.equal((await row(store)).state, "pending");
    },
  },
  {
    about,
    name: "of two redrives at once one makes the new row and the other is refused",
    async run(opened) {
      const stores = await twoStores(opened);
      await settled(opened.store, refused);
      const answers = await Promise.allSettled(
        [0, 1, 2, 3].map((n) => stores[n % 2]!.notifications.decide(decision("redrive", { newId: `new-${n}` }))),
      );
      const won = answers.filter((each) => each.status === "fulfilled");
      assert.equal(won.length, 1);
      for (const each of answers) if (each.status === "rejected") assert.equal(each.reason.code, "act_refused");
      assert.equal((await opened.store.notifications.list({ tenant: "default", limit: 10 })).length, 2);
      const entity = { tenant: "default", entity: "notification", entityId: "ntf-1" };
      assert.equal((await opened.store.lanes.acts(entity)).length, 1);
    },
  },
  {
    about,
    name: "of two acts that end a row at once one does it",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await settled(one, noAnswer);
      const answers = await Promise.allSettled([
        one.notifications.decide(decision("confirm")),
        two.notifications.decide(decision("give_up")),
      ]);
      assert.deepEqual(answers.map((each) => each.status).sort(), ["fulfilled", "rejected"]);
      const { state } = await row(one);
      assert.equal(state, answers[0].status === "fulfilled" ? "sent" : "unknown");
      assert.equal((await one.lanes.acts({ tenant: "default", entity: "notification", entityId: "ntf-1" })).length, 1);
    },
  },
];

const listCases: readonly ConformanceCase[] = [
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
      const paged: Notification[] = [];
      for (;;) {
        const after = paged.at(-1)?.id;
        const page = await other.notifications.list({
          tenant: "default",
          limit: 6,
          ...(after !== undefined && { after }),
        });
        assert.ok(page.length <= 6);
        if (page.length === 0) break;
        paged.push(...page);
      }
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
        perLane: 1000,
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

export const notificationCases: readonly ConformanceCase[] = [
  ...claimCases,
  ...markCases,
  ...settleCases,
  ...releaseCases,
  ...timeCases,
  ...decideCases,
  ...listCases,
];
