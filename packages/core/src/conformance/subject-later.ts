import assert from "node:assert/strict";
import type { NewCrossing } from "../milestone/crossing.js";
import type { NewNotice } from "../milestone/notice.js";
import type { CounterKey } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import { counterActId } from "../store/tally.js";
import { actsOf } from "./acts-of.js";
import { evaluated, listedNotices, notice } from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { birth, counterKey, dueCounter, event, record } from "./counter-samples.js";
import { announcement, crossing, due, evaluation, listed, milestones } from "./crossing-samples.js";
import { claimed, mark, notification, settlement } from "./notification-samples.js";
import { at, awkwardKeys, minute, start, twoStores } from "./samples.js";
import { about, eraseAll, everything, halting, rowsOf } from "./subject-samples.js";

// Erasing what is said of a subject later, the levels it has of its own, and what is noted on its counters.

/** Announces a crossing of the sample subject to nobody that the case looks at. */
async function announced(store: Store, fields: Partial<NewCrossing>): Promise<NewCrossing> {
  const own = crossing(fields);
  await evaluated(store, { id: `event of ${own.id}`, tenant: own.tenant, crossings: [own] });
  const [leased] = await store.crossings.claim({ milestones, limit: 1, lease: minute, now: start });
  const { tenant, id } = own;
  const { fence } = leased!;
  const to = notification({ tenant, id: `first of ${id}`, source: { kind: "crossing", id }, notifier: "elsewhere" });
  await store.crossings.announce(announcement({ tenant, id, fence, notifications: [to] }));
  return own;
}

/** Stores a notice and announces it to as many; `last: false` leaves it leased. */
async function told(store: Store, given: NewNotice, recipients: number, last = true): Promise<void> {
  const { tenant, id } = given;
  await evaluated(store, { id: `event of ${id}`, tenant, notices: [given] });
  const [leased] = await store.notices.claim({ milestones, limit: 1, lease: minute, now: start });
  const source = { kind: "notice", id } as const;
  const queued = Array.from({ length: recipients }, (_, n) => notification({ tenant, id: `${id}-${n}`, source }));
  await store.notices.announce(announcement({ tenant, id, fence: leased!.fence, notifications: queued, last }));
}

async function sent(store: Store): Promise<void> {
  const rows = await claimed(store);
  await store.notifications.mark({ marks: rows.map((row) => mark(row)), lease: minute, now: start });
  await store.notifications.settle({ settlements: rows.map((row) => settlement(row)), now: start });
}

async function act(store: Store, key: CounterKey): Promise<void> {
  await record(store, [
    event({ ...key, id: JSON.stringify(key).slice(-150), feeds: [birth({ period: key.period, due: true })] }),
  ]);
  const why = { reason: "policy_failed", detail: "no", retryIn: minute, now: start } as const;
  await store.parking.park({ ...key, from: 0, ...why });
  assert.equal(
    await store.parking.release({ ...key, withoutEffects: false, by: "ada", why: "again", now: start }),
    true,
  );
}

export const subjectLaterCases: readonly ConformanceCase[] = [
  {
    about,
    name: "notices that are open go first with what is open of their messages, the others with the history",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      await announced(store, { id: "c1" });
      await announced(store, { id: "c1", tenant: "other", threshold: "1" });
      await told(store, notice({ id: "said", crossing: "c1" }), 2);
      await sent(store);
      await told(store, notice({ id: "half", crossing: "c1", number: 2 }), 1, false);
      await sent(store);
      await told(store, notice({ id: "queued", crossing: "c1", number: 3 }), 2);
      const later = [notice({ id: "waits", crossing: "c1", number: 4 })];
      await evaluated(store, { id: "event of waits", notices: later });
      const elsewhere = notice({ id: "theirs", tenant: "other", crossing: "c1" });
      await evaluated(store, { id: "event of theirs", tenant: "other", notices: [elsewhere] });
      const stay = await everything(store, "other");

      const halted = rowsOf(await other.subjects.halt(halting()));
      // what was sent of the notice that was still leased goes with it; so does the crossing's own, which waits
      assert.deepEqual(halted, { notices: 2, notifications: 4, attempts: 1 });
      assert.deepEqual(
        (await listedNotices(store)).map(({ id }) => id),
        ["queued", "said"],
      );
      assert.deepEqual(await claimed(store, at(2 * minute)), []);
      const { erased } = await eraseAll(other, 100);
      assert.deepEqual(rowsOf(erased), { counters: 1, crossings: 1, notices: 2, notifications: 2, attempts: 2 });
      assert.deepEqual([await listedNotices(store), await listed(store)], [[], []]);
      assert.deepEqual(await everything(store, "other"), stay);
    },
  },
  {
    about,
    name: "notices of a crossing that nobody was told of yet go with it, whatever became of them",
    async run({ store }) {
      const own = crossing();
      await evaluated(store, { id: "e", crossings: [own], notices: [notice({ crossing: own.id })] });
      const [leased] = await store.notices.claim({ milestones, limit: 1, lease: minute, now: start });
      const end = { to: "failed", retryIn: 0, refund: false, reason: "silent", detail: null } as const;
      await store.notices.release({ tenant: "default", id: leased!.id, fence: leased!.fence, ...end, now: start });
      assert.deepEqual(rowsOf(await store.subjects.halt(halting())), { crossings: 1, notices: 1 });
    },
  },
  {
    about,
    name: "an announcement of a notice that is under way is lost, with what it had queued",
    async run({ store }) {
      await announced(store, { id: "c1" });
      await told(store, notice({ crossing: "c1" }), 2, false);
      assert.deepEqual(rowsOf(await store.subjects.halt(halting())), { notices: 1, notifications: 3 });
      const source = { kind: "notice", id: "not-1" } as const;
      const more = [notification({ id: "more", source })];
      assert.deepEqual(await store.notices.announce(announcement({ id: "not-1", notifications: more })), {
        ...{ result: "lost", notifications: 0 },
      });
      assert.deepEqual(await claimed(store, at(2 * minute)), []);
    },
  },
  {
    about,
    name: "an announcement of a notice that commits at the same moment leaves nothing to be sent",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      for (let i = 0; i < 10; i++) {
        const id = `not-${i}`;
        await announced(store, { id: `c${i}` });
        await evaluated(store, { id: `e${i}`, notices: [notice({ id, crossing: `c${i}` })] });
        const [leased] = await store.notices.claim({ milestones, limit: 1, lease: minute, now: start });
        const source = { kind: "notice", id } as const;
        const queued = [0, 1, 2].map((n) => notification({ id: `${id}-${n}`, source }));
        await Promise.all([
          store.notices.announce(announcement({ id, fence: leased!.fence, notifications: queued })),
          other.subjects.halt(halting()),
        ]);
        assert.deepEqual(await claimed(store, at(2 * minute)), []);
        await eraseAll(store, 10);
      }
    },
  },
  {
    about,
    name: "in chunks, notifications go before their notices and notices before their crossings",
    async run({ store }) {
      for (const id of ["c1", "c2"]) {
        await announced(store, { id, threshold: id });
        for (const number of [1, 2, 3]) await told(store, notice({ id: `${id}-${number}`, crossing: id, number }), 2);
      }
      await sent(store);
      await store.subjects.halt(halting());
      let chunks = 0;
      for (let more = true; more; chunks++) {
        const next = await store.subjects.erase({ tenant: "default", subject: "acme", limit: 2 });
        for (const count of Object.values(next.erased)) assert.ok(count <= 2, JSON.stringify(next.erased));
        more = next.more;
        const crossings = (await listed(store)).map(({ id }) => id);
        const notices = await listedNotices(store);
        assert.ok(
          notices.every((each) => crossings.includes(each.crossing)),
          "no notice without its crossing",
        );
        const sources = await store.notifications.list({ tenant: "default", limit: 99 });
        assert.ok(
          sources.every(({ source }) => [...crossings, ...notices.map(({ id }) => id)].includes(source.id)),
          "no notification without what it says",
        );
        assert.ok(chunks < 100);
      }
      assert.ok(chunks >= 6, `${chunks}`);
      assert.deepEqual([await listed(store), await listedNotices(store)], [[], []]);
    },
  },
  {
    about,
    name: "a subject's own levels go in every version, those of its tenant and of others stay",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const given = { levels: [5], by: "olga", why: "asked", now: start };
      const owners = ["acme", "globex", ""].flatMap((subject) =>
        ["m1", "m2"].map((milestone) => ({ tenant: "default", milestone, subject })),
      );
      const theirs = { tenant: "other", milestone: "m1", subject: "acme" };
      for (const owner of [...owners, theirs, owners[0]!]) await store.levels.add({ ...owner, ...given });
      assert.deepEqual(rowsOf(await other.subjects.halt(halting())), { levels: 3 });
      assert.deepEqual(await store.levels.of({ owners: owners.slice(0, 2) }), []);
      const versions = await store.levels.of({ owners: [...owners.slice(2), theirs] });
      assert.equal(versions.length, 5);
      const pending = await store.levels.pending({ milestones: ["m1", "m2"], limit: 99 });
      assert.ok(pending.every(({ tenant, subject }) => tenant === "other" || subject !== "acme"));
      assert.equal((await store.levels.add({ ...owners[0]!, ...given })).version, 1, "they begin anew");
      const telling = { metric: "email.delivered", period: "lifetime", limit: 9, now: start };
      assert.deepEqual(await store.levels.apply({ ...owners[1]!, ...telling, version: 1 }), {
        ...{ counters: [], next: null },
      });
    },
  },
  {
    about,
    name: "a version of limits or levels that is added at the same moment is erased or stays whole, and the next one fits",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const limit = { ...{ tenant: "default", metric: "email.delivered", subject: "acme" }, by: "olga", why: "asked" };
      const levels = { tenant: "default", milestone: "m", subject: "acme", levels: [5], by: "olga", why: "asked" };
      await record(store, [event()]);
      for (let i = 0; i < 10; i++) {
        await store.limits.add({ ...limit, amount: 1, now: start });
        await store.levels.add({ ...levels, now: start });
        await Promise.all([
          store.limits.add({ ...limit, amount: 2, now: start }),
          store.levels.add({ ...levels, now: start }),
          other.subjects.halt(halting()),
        ]);
        const next = [await store.limits.add({ ...limit, amount: 3 }), await store.levels.add(levels)];
        const kept = [await store.limits.of({ subjects: [limit] }), await store.levels.of({ owners: [levels] })];
        kept.forEach((versions, of) => {
          assert.deepEqual(
            versions.map(({ version }) => version),
            Array.from({ length: next[of]!.version }, (_, place) => place + 1),
          );
        });
      }
    },
  },
  {
    about,
    name: "a parked counter is parked no more, and a failure of before cannot park it again",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const why = { from: 0, reason: "policy_failed", detail: "no", retryIn: minute, now: start } as const;
      await due(store);
      await due(store, "globex", "evt-2");
      await store.parking.park({ ...counterKey(), ...why });
      await store.parking.park({ ...counterKey({ subject: "globex" }), ...why });
      assert.deepEqual(rowsOf(await other.subjects.halt(halting())), { trail: 1, parked: 1 });
      await store.parking.park({ ...counterKey(), ...why });
      const release = { withoutEffects: false, by: "ada", why: "again", now: start };
      assert.equal(await store.parking.release({ ...counterKey(), ...release }), false);
      assert.deepEqual(rowsOf((await eraseAll(other, 9)).erased), { counters: 1 });
      const parked = await store.parking.list({ tenant: "default", limit: 9 });
      assert.deepEqual(
        parked.map(({ subject }) => subject),
        ["globex"],
      );
    },
  },
  {
    about,
    name: "a counter that is parked at the same moment leaves no note behind",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const why = { from: 0, reason: "policy_failed", detail: "no", retryIn: minute, now: start } as const;
      for (let i = 0; i < 10; i++) {
        const subject = `racer-${i}`;
        await due(store, subject, subject);
        const [, halted] = await Promise.all([
          store.parking.park({ ...counterKey({ subject }), ...why }),
          other.subjects.halt(halting({ subject })),
        ]);
        const { erased } = await eraseAll(other, 9, { tenant: "default", subject });
        assert.ok(halted.parked <= 1);
        assert.equal(erased.parked, 0);
        // a note of another time would be found once the counter is due again under the same rev
        await due(store, subject, `${subject} again`);
        assert.equal("parked" in (await dueCounter(store, { subject }))!, false);
      }
    },
  },
  {
    about,
    name: "a halted counter is not woken any more",
    async run({ store }) {
      for (const subject of ["acme", "globex"]) {
        await due(store, subject, subject);
        const evaluations = [evaluation({ subject, wakeAt: at(5) })];
        assert.deepEqual(await store.crossings.commitEvaluation({ evaluations, now: start }), ["committed"]);
      }
      await store.subjects.halt(halting());
      const woken = await store.counters.wake({ metrics: ["email.delivered"], limit: 9, now: at(minute) });
      assert.deepEqual(woken, [counterKey({ subject: "globex" })]);
    },
  },
  {
    about,
    name: "acts on a subject's counters are found under what stands for it, and no longer under its id",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const acts = async (key: CounterKey) =>
        actsOf(store, { tenant: key.tenant, entity: "counter", entityId: counterActId(key) });
      const own = [counterKey(), counterKey({ period: "month:UTC:2026-11" }), counterKey({ metric: 'a "metric"' })];
      const others = [
        ...["acm", "acme2", 'acme"', 'acme","x', "acme\\", "ACME"].map((subject) => counterKey({ subject })),
        counterKey({ tenant: "other" }),
      ];
      for (const key of [...own, ...others]) await act(store, key);
      await store.lanes.setPaused({
        tenant: "default",
        notifier: "acme",
        paused: true,
        by: "ada",
        why: "no",
        now: start,
      });
      await other.subjects.halt(halting());
      for (const key of own) {
        assert.deepEqual(await acts(key), []);
        const entityId = counterActId({ ...key, subject: "digest" });
        const kept = {
          tenant: "default",
          entity: "counter",
          entityId,
          act: "release",
          by: "ada",
          why: "again",
          at: start,
        };
        assert.deepEqual(await acts({ ...key, subject: "digest" }), [kept]);
      }
      for (const key of others) assert.equal((await acts(key)).length, 1, JSON.stringify(key));
      const lane = await actsOf(store, { tenant: "default", entity: "lane", entityId: "acme" });
      assert.equal(lane.length, 1);
    },
  },
  {
    about,
    name: "under any subject and metric its acts are found again under the digest alone",
    async run({ store }) {
      const keys = awkwardKeys.map((key, i) => counterKey({ subject: key, metric: awkwardKeys.at(-1 - i)! }));
      for (const key of keys) await act(store, key);
      for (const key of keys) {
        await store.subjects.halt(
          halting({ subject: key.subject, act: { entityId: "digest", by: "ann", why: "asked" } }),
        );
      }
      for (const key of keys) {
        const found = async (subject: string) =>
          actsOf(store, {
            tenant: "default",
            entity: "counter",
            entityId: counterActId({ ...key, subject }),
          });
        assert.deepEqual(
          [(await found(key.subject)).length, (await found("digest")).length],
          [0, 1],
          JSON.stringify(key),
        );
      }
    },
  },
];
