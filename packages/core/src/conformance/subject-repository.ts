import assert from "node:assert/strict";
import type { NewCrossing } from "../milestone/crossing.js";
import type { Store } from "../store/store.js";
import { nothingErased } from "../store/subject-repository.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { birth, counter, dueCounter, event, events, quiet, record, restless } from "./counter-samples.js";
import { announcement, claim, crossing, evaluation, giveBack, listed, milestones } from "./crossing-samples.js";
import { hosted, inboxEvents, refusedRows, waiting } from "./inbox-samples.js";
import { claimed, mark, notification, notifications, settlement } from "./notification-samples.js";
import { assertRefused, at, minute, start, twoStores } from "./samples.js";
import { about, eraseAll, everything, halting, rowsOf } from "./subject-samples.js";

const retained = { retain: "events" } as const;
const lifetime = [{ period: "lifetime", from: "lifetime" }];

/** Evaluates what a counter has waiting, with these crossings. */
async function evaluated(store: Store, crossings: readonly NewCrossing[], fields: Partial<NewCrossing> = {}) {
  const { tenant, subject } = crossing(fields);
  const due = await dueCounter(store, { tenant, subject });
  const span = { from: due!.folded, upTo: due!.trail.at(-1)!.rev, band: restless };
  const evaluations = [evaluation({ tenant, subject, ...span, crossings })];
  assert.deepEqual(await store.crossings.commitEvaluation({ evaluations, now: start }), ["committed"]);
}

/** A subject with two rows or more of every kind, history and open work. */
async function lived(store: Store, tenant: string, subject: string): Promise<void> {
  const own = { tenant, subject };
  const named = (name: string) => `${tenant}-${subject}-${name}`;
  const feeds = [birth({ due: true }), birth({ period: "month:UTC:2026-11", ...quiet })];
  await record(store, events(named("a"), [1, 2], { ...own, feeds }), start, retained);
  const state = (name: string, as: NewCrossing["state"]) =>
    crossing({ ...own, id: named(name), threshold: name, milestone: named(as), state: as });
  await evaluated(
    store,
    ["said", "open", "held"].map((name) => state(name, "pending")).concat(state("mute", "silent")),
    own,
  );
  for (const name of ["said", "open"]) {
    const claimInput = { milestones: [named("pending")], limit: 1, lease: minute, now: start };
    const [leased] = await store.crossings.claim(claimInput);
    const source = { kind: "crossing", id: leased!.id } as const;
    const queued = ["1", "2"].map((n) =>
      notification({ tenant, source, id: named(`${name}-${n}`), notifier: named("out") }),
    );
    const { result } = await store.crossings.announce(
      announcement({ tenant, id: leased!.id, fence: leased!.fence, notifications: queued, last: name === "said" }),
    );
    assert.equal(result, name === "said" ? "announced" : "continued");
  }
  // of the four that were queued one is sent, one is being sent, one is leased and one pending
  const rows = await claimed(store, start, named("out"));
  const [sent, sending, pending] = ["said-1", "open-1", "said-2"].map((name) =>
    rows.find(({ id }) => id === named(name)),
  );
  await store.notifications.mark({ marks: [mark(sent!), mark(sending!)], lease: minute, now: start });
  await store.notifications.settle({ settlements: [settlement(sent!)], now: start });
  const back = { to: "pending", retryIn: 0, refund: true, reason: null } as const;
  await store.notifications.release({
    releases: [{ tenant, id: pending!.id, fence: pending!.fence, ...back }],
    now: start,
  });
  await store.limits.add({ ...own, metric: "email.delivered", amount: 5, by: "olga", why: "agreed", now: start });
  await store.limits.add({ ...own, metric: "email.delivered", amount: 6, by: "olga", why: "agreed", now: start });
  await record(store, events(named("b"), [3, 4], { ...own, feeds }), start, retained);
  const person = { name: null, firstName: null, lastName: null, role: null, locale: null, zone: null };
  const members = ["m1", "m2"].map((id) => ({ id, address: `${id}@example.com`, ...person }));
  await store.subjects.put({
    subjects: [{ tenant, id: subject, name: "A", locale: null, zone: null, fields: {}, members }],
  });
}

export const subjectCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a subject is erased in every kind of row and counted by kind; its namesake elsewhere, and others, stay as they are",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      await lived(store, "default", "acme");
      await lived(store, "other", "acme");
      await lived(store, "default", "globex");
      const stay = async () => [await everything(store, "other"), await everything(store, "default", "globex")];
      const before = await stay();

      assert.deepEqual(rowsOf(await other.subjects.halt(halting())), {
        ...{ trail: 1, limits: 2, crossings: 2, notifications: 3, attempts: 1, subjects: 1, members: 2 },
      });
      const { erased } = await eraseAll(other, 1_000);
      assert.deepEqual(rowsOf(erased), { counters: 2, ids: 4, events: 4, crossings: 2, notifications: 1, attempts: 1 });

      assert.deepEqual(await stay(), before);
      const left = {
        stored: [],
        crossings: [],
        notices: [],
        notifications: [],
        attempts: [],
        parked: [],
        levels: [],
        limits: [],
        events: [],
        subjects: [],
        members: [],
      };
      assert.deepEqual(await everything(store, "default", "acme"), left);
      const acme = { tenant: "default", metric: "email.delivered", subject: "acme" };
      assert.deepEqual(await store.limits.of({ subjects: [acme] }), []);
      assert.deepEqual(await store.events.list({ ...acme, limit: 10 }), []);
      assert.deepEqual(await store.subjects.members({ tenant: "default", subject: "acme" }), []);
      assert.equal((await store.limits.add({ ...acme, amount: 1, by: "o", why: "w" })).version, 1, "limits begin anew");
    },
  },
  {
    about,
    name: "of a subject that is not known nothing is erased, and the act is recorded each time",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      await record(store, [event({ subject: "globex" })]);
      assert.deepEqual(await store.subjects.halt(halting()), nothingErased);
      assert.deepEqual(await store.subjects.erase({ tenant: "default", subject: "acme", limit: 1 }), {
        ...{ erased: nothingErased, more: false },
      });
      await store.subjects.halt(halting({ act: { entityId: "digest", by: "max", why: "again" }, now: at(1) }));
      const acts = await actsOf(other, { tenant: "default", entity: "subject", entityId: "digest" });
      const act = { tenant: "default", entity: "subject", entityId: "digest", act: "forget" };
      assert.deepEqual(acts, [
        { ...act, by: "ann", why: "asked for", at: start },
        { ...act, by: "max", why: "again", at: at(1) },
      ]);
      assert.deepEqual(await counter(store, { subject: "globex" }), { value: 1, rev: 1, due: false });
    },
  },
  {
    about,
    name: "an evaluation that is under way is lost, also one that begins at the counter's birth",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, [event({ feeds })]);
      assert.equal((await store.subjects.halt(halting())).trail, 1);
      const commit = () => store.crossings.commitEvaluation({ evaluations: [evaluation({ crossings: [crossing()] })] });
      assert.deepEqual(await commit(), ["lost"]);
      assert.equal(await dueCounter(store), undefined);
      await eraseAll(store, 10);
      assert.deepEqual(await commit(), ["lost"]);
      assert.deepEqual(await listed(store), []);
    },
  },
  {
    about,
    name: "an evaluation of a counter that was erased is lost on the one that was begun anew",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, [event({ feeds })]);
      const stale = evaluation({ witness: { rev: 1, id: "evt-1" }, crossings: [crossing()] });
      await store.subjects.halt(halting());
      await eraseAll(store, 10);
      await record(store, [event({ id: "evt-2", feeds })]);
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: [stale] }), ["lost"]);
      assert.deepEqual(await counter(store), { value: 1, rev: 1, due: true });
      const own = { ...stale, witness: { rev: 1, id: "evt-2" }, crossings: [] };
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: [own] }), ["committed"]);
    },
  },
  {
    about,
    name: "a quiet counter's evaluation under way, as of an adoption, is lost",
    async run({ store }) {
      await record(store, [event()]);
      await store.subjects.halt(halting());
      const idle = evaluation({ rev: 1, upTo: 1, reached: 1, crossings: [crossing({ state: "adopted" })] });
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: [idle] }), ["lost"]);
      const found = await store.counters.idle({ metric: "email.delivered", generation: 1, limit: 10 });
      assert.deepEqual(found.counters, []);
    },
  },
  {
    about,
    name: "an announcement that is under way is lost by its fence, with what it had queued",
    async run({ store }) {
      await record(store, [event({ feeds: [birth({ due: true })] })]);
      await evaluated(store, [crossing(), crossing({ id: "cro-2", threshold: "2" })]);
      assert.deepEqual(await claim(store, start, 1), ["cro-1"]);
      const queued = announcement({ notifications: notifications(2), last: false });
      assert.equal((await store.crossings.announce(queued)).result, "continued");
      assert.deepEqual(rowsOf(await store.subjects.halt(halting())), { crossings: 2, notifications: 2 });
      assert.deepEqual(await store.crossings.announce(announcement({ notifications: notifications(3) })), {
        ...{ result: "lost", notifications: 0 },
      });
      assert.equal(await store.crossings.release(giveBack()), false);
      assert.deepEqual(await claim(store, at(2 * minute)), []);
      assert.deepEqual(await claimed(store, at(2 * minute)), []);
    },
  },
  {
    about,
    name: "a notification that is claimed cannot be marked, and one that is being sent has nowhere to be settled",
    async run({ store }) {
      await record(store, [event({ feeds: [birth({ due: true })] })]);
      await evaluated(store, [crossing()]);
      await claim(store);
      await store.crossings.announce(announcement({ notifications: notifications(2) }));
      const [sending, leased] = await claimed(store);
      await store.notifications.mark({ marks: [mark(sending!)], lease: minute, now: start });
      assert.deepEqual(rowsOf(await store.subjects.halt(halting())), { notifications: 2, attempts: 1 });
      const marks = await store.notifications.mark({ marks: [mark(leased!)], lease: minute, now: start });
      assert.deepEqual(marks, [{ result: "lost" }]);
      assert.deepEqual(await store.notifications.settle({ settlements: [settlement(sending!)] }), ["lost"]);
      const back = { to: "pending", retryIn: 0, refund: true, reason: null } as const;
      const { tenant, id, fence } = leased!;
      assert.deepEqual(await store.notifications.release({ releases: [{ tenant, id, fence, ...back }] }), [false]);
      assert.deepEqual((await store.notifications.overdue({ limit: 9, now: at(2 * minute) })).rows, []);
      const act = { act: "cancel", by: "ann", why: "no", newId: "x", acceptDuplicate: false, margin: 0 } as const;
      await assertRefused(store.notifications.decide({ tenant, id, ...act }), "not_found");
      assert.equal((await listed(store)).length, 1, "the crossing was announced, and is history");
    },
  },
  {
    about,
    name: "history goes in chunks, notifications before their crossings and the counters last",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, events("a", [1, 1, 1, 1, 1], { feeds }), start, retained);
      await evaluated(
        store,
        [1, 2, 3].map((n) => crossing({ id: `cro-${n}`, threshold: `${n}` })),
      );
      for (const id of await claim(store)) {
        const own = [1, 2, 3].map((n) => notification({ id: `${id}-${n}`, source: { kind: "crossing", id } }));
        await store.crossings.announce(announcement({ id, notifications: own }));
      }
      const marked = await claimed(store);
      await store.notifications.mark({ marks: marked.map((row) => mark(row)), lease: minute, now: start });
      await store.notifications.settle({ settlements: marked.map((row) => settlement(row)), now: start });
      await store.subjects.halt(halting());

      const left: number[] = [];
      for (let more = true; more; ) {
        const next = await store.subjects.erase({ tenant: "default", subject: "acme", limit: 2 });
        for (const count of Object.values(next.erased)) assert.ok(count <= 2, JSON.stringify(next.erased));
        more = next.more;
        const crossings = (await listed(store)).map(({ id }) => id);
        const sources = (await store.notifications.list({ tenant: "default", limit: 99 })).map(
          ({ source }) => source.id,
        );
        assert.ok(
          sources.every((id) => crossings.includes(id)),
          "no notification without its crossing",
        );
        assert.equal((await counter(store)) !== undefined, more, "the counter is there until the last chunk");
        left.push(crossings.length + sources.length);
      }
      assert.deepEqual(
        left,
        [...left].sort((a, b) => b - a),
      );
      assert.equal(left.at(-1), 0);
      assert.ok(left.length >= 5, `${left}`);
    },
  },
  {
    about,
    name: "what is recorded between the chunks is taken in, passes nothing, and goes with them; then values begin at 0",
    async run({ store }) {
      const feeds = [birth({ ...restless, due: true })];
      await record(store, events("a", [5, 5, 5], { feeds }), start, retained);
      await store.subjects.halt(halting());
      await store.subjects.erase({ tenant: "default", subject: "acme", limit: 1 });
      const { counters } = await record(store, events("b", [1], { feeds }), start, retained);
      assert.deepEqual(
        counters.map(({ value, due }) => [value, due]),
        [[16, false]],
      );
      const { erased } = await eraseAll(store, 1);
      assert.deepEqual([erased.events, erased.ids, erased.counters], [3, 3, 1]);
      const { duplicates } = await record(store, events("a", [7, 7, 7], { feeds }), start, retained);
      assert.deepEqual(duplicates, [], "their ids were forgotten with them");
      assert.deepEqual(await counter(store), { value: 21, rev: 1, due: true });
      const kept = await store.events.list({ tenant: "default", metric: "email.delivered", subject: "acme", limit: 9 });
      assert.deepEqual(
        kept.map(({ value, rev }) => [value, rev]),
        [
          [7, 1],
          [14, 1],
          [21, 1],
        ],
      );
    },
  },
  {
    about,
    name: "ids that were remembered without their event stay: a repeat is a duplicate",
    async run({ store }) {
      await record(store, [event()]);
      await store.subjects.halt(halting());
      assert.deepEqual(rowsOf((await eraseAll(store, 10)).erased), { counters: 1 });
      const again = await record(store, [event(), event({ id: "evt-2", amount: 3 })]);
      assert.deepEqual(again.duplicates, [0]);
      assert.deepEqual(await counter(store), { value: 3, rev: 1, due: false });
    },
  },
  {
    about,
    requires: "hostTransactions",
    name: "its events in the inbox go, waiting or refused, and no others",
    async run(opened) {
      const { store } = opened;
      await hosted(opened, [...inboxEvents("a", [1, 1]), ...inboxEvents("b", [1], { subject: "globex" })]);
      await hosted(opened, inboxEvents("c", [1], { tenant: "other" }));
      const [first] = await waiting(store);
      await store.inbox.refuse({ number: first!.number, code: "counter_overflow", message: "too much" });
      assert.deepEqual(rowsOf(await store.subjects.halt(halting())), { inbox: 2 });
      assert.deepEqual(
        (await waiting(store)).map(({ id }) => id),
        ["b-0", "c-0"],
      );
      assert.deepEqual(await refusedRows(store), []);
    },
  },
  {
    about,
    name: "an announcement that commits at the same moment leaves nothing to be sent",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      for (let i = 0; i < 10; i++) {
        const own = { subject: `racer-${i}` };
        const id = `cro-${i}`;
        await record(store, [event({ ...own, id: `e-${i}`, feeds: [birth({ due: true })] })]);
        await evaluated(store, [crossing({ ...own, id })], own);
        const [leased] = await store.crossings.claim({ milestones, limit: 1, lease: minute, now: start });
        const queued = notifications(3).map((each) => ({
          ...each,
          id: `${id}-${each.id}`,
          source: { kind: "crossing", id } as const,
        }));
        await Promise.all([
          store.crossings.announce(announcement({ id, fence: leased!.fence, notifications: queued })),
          other.subjects.halt(halting(own)),
        ]);
        assert.deepEqual(await claimed(store), []);
      }
    },
  },
  {
    about,
    name: "an evaluation that commits at the same moment leaves nothing to be announced",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      for (let i = 0; i < 10; i++) {
        const own = { subject: `racer-${i}` };
        await record(store, [event({ ...own, id: `e-${i}`, feeds: [birth({ due: true })] })]);
        const evaluations = [evaluation({ ...own, crossings: [crossing({ ...own, id: `cro-${i}` })] })];
        await Promise.all([store.crossings.commitEvaluation({ evaluations }), other.subjects.halt(halting(own))]);
        assert.deepEqual(await claim(store), []);
        assert.deepEqual(
          (await store.counters.due({ metrics: ["email.delivered"], limit: 9, trailLimit: 9 })).length,
          0,
        );
      }
    },
  },
  {
    about,
    name: "a subject is erased while others record for it: each event is gone with it or counts anew, and none is refused",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const feeds = [birth({ due: true })];
      await record(store, events("first", Array(20).fill(1), { feeds }), start, retained);
      const forget = async () => {
        await other.subjects.halt(halting());
        await eraseAll(other, 3);
      };
      await Promise.all([
        forget(),
        forget(),
        ...Array.from({ length: 20 }, (_, i) => record(store, events(`w${i}`, [1, 1], { feeds }), start, retained)),
      ]);
      const found = (await counter(store))?.value ?? 0;
      const kept = await store.events.list({
        tenant: "default",
        metric: "email.delivered",
        subject: "acme",
        limit: 99,
      });
      assert.equal(kept.length, found);
      assert.deepEqual(
        kept.map(({ value }) => value),
        Array.from({ length: found }, (_, i) => i + 1),
      );
      assert.ok(found <= 40);
    },
  },
  {
    about,
    name: "limits of an erased subject come into force no more",
    async run({ store }) {
      const acme = { tenant: "default", metric: "email.delivered", subject: "acme" };
      await record(store, [event()]);
      await store.limits.add({ ...acme, amount: 5, by: "olga", why: "agreed", effectiveFrom: at(minute), now: start });
      assert.equal((await store.subjects.halt(halting())).limits, 1);
      assert.deepEqual(await store.limits.pending({ metrics: [acme.metric], limit: 9, now: at(2 * minute) }), []);
      assert.deepEqual(await store.limits.apply({ ...acme, version: 1, generation: 1, periods: lifetime }), []);
    },
  },
];
