import assert from "node:assert/strict";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { claimed, mark, notification, queued } from "./notification-samples.js";
import { acted, added, person } from "./provider-samples.js";
import { at, hour, minute, start, twoStores } from "./samples.js";

const about = "providers";
const key = { tenant: "default", id: "main" } as const;
const refused = { code: "act_refused" };
const quota = { count: 500, per: "day:UTC" } as const;

export const providerCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an account is stored once, with the limits of its lane and who added it; the first is primary",
    async run(opened) {
      const { store } = opened;
      const first = await added(store, {}, { quota, rate: null });
      assert.deepEqual(
        [first.provider.state, first.provider.revision, first.provider.primary, first.provider.createdAt],
        ["active", 1, true, start],
      );
      assert.deepEqual([first.lane.notifier, first.lane.quota, first.lane.paused], ["mail/main", quota, false]);
      await assert.rejects(added(store), refused);
      const second = await added(store, { id: "spare", position: 1 });
      assert.equal(second.provider.primary, false);
      const elsewhere = await added(store, { tenant: "other" });
      assert.equal(elsewhere.provider.primary, true);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.providers.get(key), first.provider);
      assert.equal(await other.providers.get({ tenant: "third", id: "main" }), null);
      const listed = await other.providers.list({ tenant: "default", limit: 10 });
      assert.deepEqual(listed, [first, second]);
      assert.deepEqual(await other.providers.list({ tenant: "default", after: "main", limit: 10 }), [second]);
      assert.deepEqual(await other.providers.list({ tenant: "default", limit: 1 }), [first]);
      const acts = await actsOf(other, { tenant: "default", entity: "provider", entityId: "main" });
      assert.deepEqual(acts, [
        { tenant: "default", entity: "provider", entityId: "main", act: "add", ...person, at: start },
      ]);
      assert.deepEqual(
        (await actsOf(other, { tenant: "default", entity: "lane", entityId: "mail/main" })).map(({ act }) => act),
        ["limit"],
      );
    },
  },
  {
    about,
    name: "of accounts that are made primary at once exactly one is, in each channel",
    async run(opened) {
      const stores = await twoStores(opened);
      await Promise.all(["a", "b", "c", "d"].map((id, i) => added(stores[i % 2]!, { id, primary: true })));
      await added(stores[0], { id: "sms", channel: "sms", family: "sms" });
      for (let round = 0; round < 3; round++) {
        await Promise.all(["a", "b", "c", "d"].map((id, i) => acted(stores[i % 2]!, { act: "make_primary" }, { id })));
        const all = await stores[1].providers.list({ tenant: "default", limit: 10 });
        const primaries = all.filter(({ provider }) => provider.primary).map(({ provider }) => provider.channel);
        assert.deepEqual(primaries.sort(), ["email", "sms"]);
      }
    },
  },
  {
    about,
    name: "nothing goes out through an account that is not active, from the commit on that says so",
    async run({ store }) {
      await added(store);
      const [row] = await claimedOf(store, 1);
      const paused = await acted(store, { act: "pause" });
      assert.deepEqual([paused!.provider.state, paused!.lane.paused], ["paused", true]);
      const [held] = await store.notifications.mark({ marks: [mark(row!)], lease: minute, now: start });
      assert.deepEqual(held, { result: "deferred", opensIn: null });
      assert.deepEqual(await mailOf(store), []);
      const resumed = await acted(store, { act: "resume" });
      assert.deepEqual([resumed!.provider.state, resumed!.lane.paused], ["active", false]);
      assert.equal((await mailOf(store)).length, 1);
      const acts = await actsOf(store, { tenant: "default", entity: "lane", entityId: "mail/main" });
      assert.deepEqual(
        acts.map(({ act }) => act),
        ["pause", "resume"],
      );
      await assert.rejects(acted(store, { act: "pause" }, { id: "unknown" }), { code: "not_found" });
    },
  },
  {
    about,
    name: "a person's own pause of the lane outlasts what else becomes of the account",
    async run({ store }) {
      await added(store);
      await store.lanes.setPaused({ tenant: "default", notifier: "mail/main", paused: true, ...person, now: start });
      const changed = await acted(store, { act: "change", change: { name: "Other" } });
      assert.equal(changed!.lane.paused, true);
    },
  },
  {
    about,
    name: "an account fails by the revision that was tried only, and works again with other credentials or a good login",
    async run({ store }) {
      await added(store);
      const failed = await acted(store, { act: "fail", revision: 1, detail: "the login was refused" });
      assert.deepEqual(
        [failed!.provider.state, failed!.provider.detail, failed!.lane.paused],
        ["failing", "the login was refused", true],
      );
      assert.equal(await acted(store, { act: "fail", revision: 1, detail: "again" }), null);
      const renamed = await acted(store, { act: "change", change: { name: "Other" } });
      assert.equal(renamed!.provider.state, "failing");
      const fixed = await acted(store, { act: "change", change: { credentials: "sealed1.k1.two" } });
      assert.deepEqual([fixed!.provider.state, fixed!.provider.revision, fixed!.lane.paused], ["active", 3, false]);
      assert.equal(await acted(store, { act: "fail", revision: 2, detail: "late" }), null);
      const problem = { detail: "535 no", refused: true };
      const bad = await acted(store, { act: "validate", revision: 3, problem }, { now: at(minute) });
      assert.deepEqual(
        [bad!.provider.state, bad!.provider.validatedAt, bad!.provider.validationError],
        ["failing", at(minute), "535 no"],
      );
      const good = await acted(store, { act: "validate", revision: 3, problem: null }, { now: at(hour) });
      assert.deepEqual(
        [good!.provider.state, good!.provider.validatedAt, good!.provider.validationError, good!.lane.paused],
        ["active", at(hour), null, false],
      );
      const away = { detail: "no answer in time", refused: false };
      const unknown = await acted(store, { act: "validate", revision: 3, problem: away });
      assert.deepEqual([unknown!.provider.state, unknown!.provider.validationError], ["active", "no answer in time"]);
    },
  },
  {
    about,
    name: "of all that want to renew credentials one does, until its lease is over; its result is written at the same revision only",
    async run(opened) {
      const stores = await twoStores(opened);
      await added(opened.store);
      const begin = (now: Date, i = 0) =>
        acted(stores[i % 2]!, { act: "begin_renewal", revision: 1, lease: minute }, { now });
      const won = await Promise.all(Array.from({ length: 6 }, (_, i) => begin(start, i)));
      assert.equal(won.filter((result) => result !== null).length, 1);
      assert.equal(await begin(at(minute - 1)), null);
      assert.notEqual(await begin(at(minute)), null, "whoever began may have died");
      const renewed = await acted(stores[1], { act: "renew", revision: 1, credentials: "sealed1.k1.two" });
      assert.deepEqual(
        [renewed!.provider.credentials, renewed!.provider.revision, renewed!.provider.renewingUntil],
        ["sealed1.k1.two", 2, null],
      );
      assert.equal(await acted(stores[0], { act: "renew", revision: 1, credentials: "sealed1.k1.three" }), null);
      assert.equal(await begin(at(2 * minute)), null, "by an old revision");
      await acted(stores[0], { act: "begin_renewal", revision: 2, lease: minute });
      await acted(stores[0], { act: "end_renewal", revision: 2 });
      assert.notEqual(await acted(stores[1], { act: "begin_renewal", revision: 2, lease: minute }), null);
      const acts = await stores[0].acts.list({ limit: 100, tenant: "default", entity: "provider", entityId: "main" });
      assert.deepEqual(
        acts.map(({ act }) => act),
        ["add"],
        "renewals are nobody's acts",
      );
    },
  },
  {
    about,
    name: "a removed account has no credentials and is not listed; added again its revision goes on",
    async run({ store }) {
      await added(store);
      const removed = await acted(store, { act: "remove" });
      assert.deepEqual(
        [removed!.provider.credentials, removed!.provider.primary, removed!.lane.paused],
        [null, false, true],
      );
      assert.deepEqual(await store.providers.list({ tenant: "default", limit: 10 }), []);
      assert.equal((await store.providers.list({ tenant: "default", removed: true, limit: 10 })).length, 1);
      await assert.rejects(acted(store, { act: "resume" }), refused);
      assert.equal(await acted(store, { act: "renew", revision: 2, credentials: "late" }), null);
      const again = await added(store, { name: "Again" });
      assert.deepEqual([again.provider.revision, again.provider.state, again.lane.paused], [3, "active", false]);
    },
  },
  {
    about,
    name: "credentials are sealed anew where they still are what was read, and nobody who sends is disturbed",
    async run({ store }) {
      await added(store);
      await added(store, { id: "open", credentials: null });
      await added(store, { tenant: "other", credentials: "sealed1.k1.other" });
      const all = await store.providers.sealed({ after: null, limit: 10 });
      assert.deepEqual(
        all.map(({ tenant, id }) => [tenant, id]),
        [
          ["default", "main"],
          ["other", "main"],
        ],
      );
      assert.equal((await store.providers.sealed({ after: key, limit: 10 })).length, 1);
      const from = "sealed1.k1.one";
      assert.equal(await store.providers.reseal({ ...key, from, to: "sealed1.k2.one" }), true);
      assert.equal(await store.providers.reseal({ ...key, from, to: "sealed1.k2.late" }), false);
      const stored = await store.providers.get(key);
      assert.deepEqual([stored!.credentials, stored!.revision], ["sealed1.k2.one", 1]);
    },
  },
  {
    about,
    name: "whoever sends through accounts claims the rows of all of them, and not those that have none",
    async run({ store }) {
      await added(store);
      const names = ["mail/main", "mail/other/one", "mail", "mailer/main", "smtp"];
      const rows = names.map((notifier, i) => ({ ...one(i), notifier }));
      await queued(store, rows);
      const claim = { limit: 10, served: [], lease: minute, now: start };
      const found = await store.notifications.claim({ notifiers: ["smtp"], families: ["mail"], ...claim });
      assert.deepEqual(found.map(({ notifier }) => notifier).sort(), ["mail/main", "mail/other/one", "smtp"]);
      assert.deepEqual(await store.notifications.claim({ notifiers: ["mailer"], ...claim }), []);
      assert.equal((await claimed(store, start, "mail")).length, 1);
    },
  },
];

const one = (i: number) => notification({ id: `ntf-${i}` });

async function mailOf(store: Store) {
  const claim = { limit: 10, served: [], lease: minute, now: start };
  return store.notifications.claim({ notifiers: [], families: ["mail"], ...claim });
}

/** Queues rows of the account `main`, and claims them. */
async function claimedOf(store: Store, count: number) {
  await queued(
    store,
    Array.from({ length: count }, (_, i) => ({ ...one(i), notifier: "mail/main" })),
  );
  return mailOf(store);
}
