import assert from "node:assert/strict";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import { audience, act as campaignAct, sending } from "./campaign-samples.js";
import type { ConformanceCase } from "./case.js";
import { mark, notification, queued, settlement } from "./notification-samples.js";
import { acted, added, rowsOf } from "./provider-samples.js";
import { at, hour, minute, start, twoStores } from "./samples.js";

const about = "providers: failover";
const tenant = "default";
const main = { tenant, notifier: "mail/main" } as const;
const all = { limit: 1_000, now: start };
const day = "day:UTC" as const;

const claim = (store: Store, limit = 1_000, now: Date = start) =>
  store.notifications.claim({ notifiers: [], families: ["mail"], limit, served: [], lease: minute, now });

/** How many rows wait in each lane. */
async function lanesOf(store: Store): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { notifier } of await store.notifications.list({ tenant, states: ["pending"], limit: 10_000 }))
    counts[notifier] = (counts[notifier] ?? 0) + 1;
  return counts;
}

export const providerFailoverCases: readonly ConformanceCase[] = [
  {
    about,
    name: "what waits for an account that fails, is paused or was removed goes on through the next one by order, with an act on it",
    async run({ store }) {
      await added(store);
      await added(store, { id: "late", position: 2 });
      await added(store, { id: "next", position: 1 });
      await queued(store, rowsOf("main", 5));
      assert.deepEqual(await store.providers.stranded({ after: null, ...all }), []);
      assert.deepEqual(await store.providers.failover({ ...main, ...all }), { moved: 0, to: null });
      await acted(store, { act: "fail", revision: 1, detail: "no" });
      assert.deepEqual(await store.providers.stranded({ after: null, ...all }), [main]);
      assert.deepEqual(await store.providers.stranded({ after: main, ...all }), []);
      assert.deepEqual(await store.providers.failover({ ...main, limit: 2, now: start }), {
        moved: 2,
        to: "mail/next",
      });
      assert.deepEqual(await store.providers.failover({ ...main, ...all }), { moved: 3, to: "mail/next" });
      assert.deepEqual(await store.providers.stranded({ after: null, ...all }), []);
      assert.deepEqual(await lanesOf(store), { "mail/next": 5 });
      const acts = await actsOf(store, { tenant, entity: "notification", entityId: "ntf-0001" });
      const why = 'moved from mail/main to mail/next: account "main" is failing';
      assert.deepEqual(acts, [
        { tenant, entity: "notification", entityId: "ntf-0001", act: "failover", by: "milepost", why, at: start },
      ]);
      await acted(store, { act: "resume" });
      assert.deepEqual(await store.providers.stranded({ after: null, ...all }), [], "when it is well they stay");
      await acted(store, { act: "pause" }, { id: "next" });
      await store.providers.failover({ tenant, notifier: "mail/next", ...all });
      assert.deepEqual(await lanesOf(store), { "mail/main": 5 }, "the primary one goes first");
      await acted(store, { act: "remove" });
      await store.providers.failover({ ...main, ...all });
      assert.deepEqual(await lanesOf(store), { "mail/late": 5 });
      const claimedRows = await claim(store);
      assert.equal(claimedRows.length, 5);
    },
  },
  {
    about,
    name: "what has no room by an account's quota goes on through one that has, as far as that has room",
    async run({ store }) {
      await added(store, {}, { quota: { count: 2, per: day } });
      await added(store, { id: "next", position: 1 }, { quota: { count: 3, per: day } });
      await added(store, { id: "last", position: 2 }, { quota: { count: 1, per: day } });
      await queued(store, rowsOf("main", 10));
      const rows = await claim(store, 2);
      await store.notifications.mark({ marks: rows.map((row) => mark(row)), lease: minute, now: start });
      assert.deepEqual(await store.providers.stranded({ after: null, ...all }), [main]);
      assert.deepEqual(await store.providers.failover({ ...main, ...all }), { moved: 3, to: "mail/next" });
      assert.deepEqual(await store.providers.failover({ ...main, ...all }), { moved: 0, to: "mail/next" });
      assert.deepEqual(await lanesOf(store), { "mail/main": 5, "mail/next": 3 });
      const more = await claim(store, 3);
      await store.notifications.mark({ marks: more.map((row) => mark(row)), lease: minute, now: start });
      assert.deepEqual(await store.providers.failover({ ...main, ...all }), { moved: 1, to: "mail/last" });
      const tomorrow = at(24 * hour);
      assert.deepEqual(await store.providers.failover({ ...main, limit: 10, now: tomorrow }), { moved: 0, to: null });
    },
  },
  {
    about,
    name: "rows that may have been sent, whose key is one provider's, or that a worker has, stay; others that were refused go",
    async run({ store }) {
      await added(store);
      await added(store, { id: "next", position: 1 });
      const plain = rowsOf("main", 5);
      const keyed = notification({ id: "ntf-key", notifier: "mail/main", mode: "idempotent", keyLifetime: hour });
      await queued(store, [...plain, keyed]);
      const claimedRows = await claim(store);
      const held = (id: string) => claimedRows.find((row) => row.id === id)!;
      const marks = ["ntf-0001", "ntf-0002", "ntf-0003"].map((id) => mark(held(id)));
      await store.notifications.mark({ marks, lease: minute, now: start });
      const back = { notifier: "mail/main", to: "pending" as const, retryIn: 0 };
      await store.notifications.settle({
        settlements: [
          settlement(held("ntf-0001"), { ...back, outcome: "refused_transient" }),
          settlement(held("ntf-0002"), { ...back, outcome: "ambiguous" }),
        ],
        now: start,
      });
      const giveBack = ["ntf-0004", "ntf-key"].map((id) => {
        const { fence } = held(id);
        return { tenant, id, fence, to: "pending" as const, retryIn: 0, refund: true, reason: null };
      });
      await store.notifications.release({ releases: giveBack, now: start });
      await acted(store, { act: "pause" });
      assert.deepEqual(await store.providers.failover({ ...main, ...all }), { moved: 2, to: "mail/next" });
      const rows = await store.notifications.list({ tenant, limit: 10 });
      const moved = rows.filter(({ notifier }) => notifier === "mail/next").map(({ id }) => id);
      assert.deepEqual(moved, ["ntf-0001", "ntf-0004"]);
      const late = settlement(held("ntf-0003"), { notifier: "mail/main", to: "sent", outcome: "accepted" });
      assert.deepEqual(await store.notifications.settle({ settlements: [late], now: start }), ["settled"]);
    },
  },
  {
    about,
    name: "a campaign may forbid it; rows whose time has not come wait where they are",
    async run({ store }) {
      await added(store);
      await added(store, { id: "next", position: 1 });
      await sending(store, audience(2, { notifier: "mail/main" }), { definition: { failover: false } });
      await queued(store, [
        notification({ id: "a", notifier: "mail/main" }),
        notification({ id: "b", notifier: "mail/main", notBefore: at(hour) }),
        notification({ id: "c", notifier: "mail/main", expiresAt: start }),
      ]);
      await acted(store, { act: "pause" });
      assert.deepEqual(await store.providers.failover({ ...main, ...all }), { moved: 1, to: "mail/next" });
      assert.deepEqual(await lanesOf(store), { "mail/main": 4, "mail/next": 1 });
      assert.equal((await store.providers.failover({ ...main, limit: 10, now: at(hour) })).moved, 1);
      await campaignAct(store, "cancel");
    },
  },
  {
    about,
    name: "rows that have no account yet get the primary one, once the tenant has one",
    async run({ store }) {
      const bare = { tenant, notifier: "mail" };
      const keyed = notification({ id: "ntf-key", notifier: "mail", mode: "idempotent", keyLifetime: hour });
      await queued(store, [notification({ notifier: "mail" }), keyed]);
      await added(store, { tenant: "other" });
      assert.deepEqual(await store.providers.stranded({ after: null, ...all }), []);
      await added(store, { id: "second", position: 1, primary: true });
      await added(store, { id: "first", position: 0 });
      assert.deepEqual(await store.providers.stranded({ after: null, ...all }), [bare]);
      assert.deepEqual(await store.providers.failover({ ...bare, ...all }), { moved: 2, to: "mail/second" });
    },
  },
  {
    about,
    name: "several that move at once, while others claim, move each row once and lose none",
    async run(opened) {
      const stores = await twoStores(opened);
      await added(opened.store);
      await added(opened.store, { id: "next", position: 1 });
      await queued(opened.store, rowsOf("main", 200));
      await acted(opened.store, { act: "pause" });
      const moves = await Promise.all(
        Array.from({ length: 8 }, (_, i) => stores[i % 2]!.providers.failover({ ...main, limit: 40, now: start })),
      );
      const claims = await Promise.all([claim(stores[0], 60), claim(stores[1], 60)]);
      const ids = claims.flat().map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      for (let round = 0; round < 8; round++) await stores[0].providers.failover({ ...main, ...all });
      const total = moves.reduce((sum, { moved }) => sum + moved, 0);
      assert.ok(total > 0 && total <= 200, `${total} moved`);
      const rows = await stores[0].notifications.list({ tenant, limit: 1_000 });
      assert.deepEqual([...new Set(rows.map(({ notifier }) => notifier))], ["mail/next"]);
      const acts = await stores[0].acts.list({ limit: 100, tenant, entity: "notification", entityId: "ntf-0042" });
      assert.equal(acts.length, 1);
    },
  },
];
