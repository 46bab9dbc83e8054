import assert from "node:assert/strict";
import type { CounterKey } from "../store/counter-repository.js";
import type { LevelsOwner, LevelsRepository, StoredLevels } from "../store/levels-repository.js";
import type { Store } from "../store/store.js";
import { compareCounterKeys } from "../store/tally.js";
import type { ConformanceCase } from "./case.js";
import { birth, counter, counterKey, dueCounter, event, record } from "./counter-samples.js";
import { crossing, evaluation, listed } from "./crossing-samples.js";
import { assertOwnClock, at, awkwardJson, awkwardKeys, bytewise, start, twoStores } from "./samples.js";

const about = "levels";
const { tenant, metric, subject } = counterKey();
const milestone = "emails-delivered";
/** The levels of one subject, and those of all subjects of the tenant that have none. */
const own: LevelsOwner = { tenant, milestone, subject };
const tenants: LevelsOwner = { tenant, milestone, subject: "" };

async function added(
  store: Store,
  fields: Partial<Parameters<LevelsRepository["add"]>[0]> = {},
): Promise<StoredLevels> {
  return store.levels.add({ ...own, levels: [10, 20], by: "olga", why: "é \u{1f389} asked", now: start, ...fields });
}

type Apply = Parameters<LevelsRepository["apply"]>[0];
async function apply(store: Store, fields: Partial<Apply> = {}) {
  return store.levels.apply({ ...own, version: 1, metric, period: "lifetime", limit: 100, now: start, ...fields });
}

/** Tells everybody, page by page; answers the pages. */
async function applyAll(store: Store, fields: Partial<Apply> = {}): Promise<readonly (readonly CounterKey[])[]> {
  const pages: (readonly CounterKey[])[] = [];
  let after: CounterKey | null = null;
  do {
    const page: Awaited<ReturnType<LevelsRepository["apply"]>> = await apply(store, {
      ...fields,
      ...(after && { after }),
    });
    pages.push(page.counters);
    after = page.next;
    assert.ok(pages.length < 1_000, "the pages never end");
  } while (after !== null);
  return pages;
}

/** Counters in their band, at value 5 and rev 1. */
async function counted(store: Store, ...keys: readonly Partial<CounterKey>[]): Promise<void> {
  for (const fields of keys) {
    const key = counterKey(fields);
    const id = JSON.stringify(key).slice(-200);
    await record(store, [event({ ...key, id, amount: 5, feeds: [birth({ period: key.period })] })]);
  }
}

async function pending(store: Store, milestones: readonly string[] = [milestone], limit = 100) {
  return (await store.levels.pending({ milestones, limit })).map((each) => `${each.subject}/${each.version}`);
}

async function applied(store: Store, owner: LevelsOwner = own): Promise<readonly boolean[]> {
  return (await store.levels.of({ owners: [owner] })).map((each) => each.applied);
}

/** The marks that wait on a counter. */
async function marks(store: Store, fields: Partial<CounterKey> = {}): Promise<readonly unknown[]> {
  return (await dueCounter(store, fields))?.trail.map(({ mark }) => mark) ?? [];
}

export const levelsCases: readonly ConformanceCase[] = [
  {
    about,
    name: "each version is the owner's next, and comes back as it was given",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const given = { by: "olga", why: "é \u{1f389} asked", applied: false, createdAt: start };
      const first = await added(store, { levels: awkwardJson });
      assert.deepEqual(first, { ...own, ...given, version: 1, levels: awkwardJson });
      const second = await added(other, { levels: null, now: at(3) });
      assert.deepEqual(second, { ...own, ...given, version: 2, levels: null, createdAt: at(3) });
      const all = await added(store, { subject: "" });
      const budget = await added(store, { milestone: "budget", levels: "text" });
      const theirs = await added(store, { tenant: "other", levels: 0 });
      assert.deepEqual([all.version, budget.version, theirs.version], [1, 1, 1]);
      const owners = [{ ...own, subject: "nobody" }, tenants, { ...own, milestone: "budget" }, own];
      assert.deepEqual(await other.levels.of({ owners }), [all, budget, first, second]);
      assert.deepEqual(await other.levels.of({ owners: [{ ...own, tenant: "other" }] }), [theirs]);
      assert.deepEqual(await store.levels.of({ owners: [] }), []);
    },
  },
  {
    about,
    name: "any owner has levels, whatever its name",
    async run({ store }) {
      const owners = awkwardKeys.map((key) => ({ tenant: key, milestone: key, subject: key }));
      for (const owner of owners) await added(store, { ...owner, levels: owner.subject });
      const found = await store.levels.of({ owners });
      assert.deepEqual(
        found.map(({ levels }) => levels),
        awkwardKeys,
      );
    },
  },
  {
    about,
    name: "versions at once get a number each",
    async run(opened) {
      const stores = await twoStores(opened);
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => added(stores[i % 2]!, { levels: i })));
      assert.deepEqual(
        new Set(all.map(({ version }) => version)),
        new Set(Array.from({ length: 20 }, (_, i) => i + 1)),
      );
      const stored = await opened.store.levels.of({ owners: [own] });
      assert.deepEqual(
        stored,
        [...all].sort((a, b) => a.version - b.version),
      );
    },
  },
  {
    about,
    name: "a version is told to the subject's counters of the period, by a trail row without events",
    async run(opened) {
      const { store } = opened;
      const month = "month:Europe/Berlin";
      const periods = [
        "lifetime",
        `${month}:2026-10`,
        `${month}:2026-11`,
        "month:UTC:2026-11",
        "day:Europe/Berlin:2026-11-05",
      ];
      await counted(store, ...periods.map((period) => ({ period })), { subject: "globex" }, { tenant: "other" });
      await added(store);
      await added(store);
      const told = periods.slice(1, 3).map((period) => counterKey({ period }));
      assert.deepEqual(await apply(store, { version: 2, period: month }), { counters: told, next: null });
      const [, other] = await twoStores(opened);
      const mark = { levels: { milestone, subject, version: 2 } };
      const row = { rev: 2, generation: 1, from: 5, limitVersion: null, mark, ids: [], amounts: [], occurredAts: [] };
      for (const key of told) {
        assert.deepEqual(await dueCounter(other, key), { ...key, folded: 0, generation: 1, state: {}, trail: [row] });
        assert.deepEqual(await counter(other, key), { value: 5, rev: 2, due: true });
      }
      const due = await other.counters.due({ metrics: [metric], limit: 10, trailLimit: 10 });
      assert.equal(due.length, 2, "these and no others");
      assert.deepEqual(await applied(other), [false, true]);
      assert.deepEqual(await pending(other), ["acme/1"]);
      await record(other, [event({ id: "next", amount: 2, feeds: [birth({ period: told[0]!.period })] })]);
      const trail = (await dueCounter(other, told[0]))?.trail.map((each) => [each.rev, each.from, each.mark]);
      assert.deepEqual(trail, [
        [2, 5, mark],
        [3, 5, undefined],
      ]);
    },
  },
  {
    about,
    name: "a tenant's version is told to every subject of the tenant, in the order of their keys, page by page",
    async run(opened) {
      const { store } = opened;
      await counted(store, ...awkwardKeys.map((key) => ({ subject: key })));
      await counted(store, ...["a", "b"].map((key) => ({ subject: key, period: "day:UTC:2026-11-05" })));
      await counted(store, { tenant: "other" }, { metric: "ad.spend" });
      await added(store, tenants);
      const first = await apply(store, { ...tenants, limit: 5 });
      assert.deepEqual(
        first.counters,
        bytewise(awkwardKeys)
          .slice(0, 5)
          .map((key) => counterKey({ subject: key })),
      );
      const [, other] = await twoStores(opened);
      assert.deepEqual(await applied(other, tenants), [true], "with the first page");
      assert.deepEqual(await pending(other), ["/1"], "until the last");
      const pages = await applyAll(other, { ...tenants, limit: 5 });
      for (const page of pages) assert.ok(page.length <= 5);
      const expected = bytewise(awkwardKeys).map((key) => counterKey({ subject: key }));
      assert.deepEqual(pages.flat(), expected);
      assert.deepEqual(await pending(other), []);
      const mark = { levels: { milestone, subject: "", version: 1 } };
      for (const key of expected) assert.ok((await marks(other, key)).length >= 1, key.subject);
      assert.deepEqual(await marks(other, expected.at(-1)), [mark]);
      const all = await other.counters.due({ metrics: [metric, "ad.spend"], limit: 1_000, trailLimit: 1 });
      const told = [...all]
        .sort(compareCounterKeys)
        .map((each) => [each.tenant, each.metric, each.subject, each.period]);
      assert.deepEqual(
        told,
        expected.map((each) => [each.tenant, each.metric, each.subject, each.period]),
      );
    },
  },
  {
    about,
    name: "a version with nobody to tell is applied all the same, and is not pending any more",
    async run({ store }) {
      await added(store);
      assert.deepEqual(await apply(store), { counters: [], next: null });
      assert.deepEqual(await applied(store), [true]);
      assert.deepEqual(await pending(store), []);
    },
  },
  {
    about,
    name: "a version that does not exist tells nobody",
    async run({ store }) {
      await counted(store, {});
      await added(store);
      for (const wrong of [
        { version: 2 },
        { subject: "globex" },
        { subject: "" },
        { milestone: "x" },
        { tenant: "t" },
      ]) {
        assert.deepEqual(await apply(store, wrong), { counters: [], next: null });
      }
      assert.deepEqual(await applied(store), [false]);
      assert.deepEqual(await counter(store), { value: 5, rev: 1, due: false });
    },
  },
  {
    about,
    name: "a repeat tells again, and does not make a version pending that was told to all",
    async run({ store }) {
      await counted(store, {}, { subject: "globex" });
      await added(store, tenants);
      await applyAll(store, tenants);
      await apply(store, { ...tenants, limit: 1 });
      assert.equal((await marks(store)).length, 2);
      assert.deepEqual(await pending(store), []);
      assert.deepEqual(await applied(store, tenants), [true]);
    },
  },
  {
    about,
    name: "pending answers the versions of these milestones that not everybody was told of, the oldest first",
    async run({ store }) {
      await added(store, { subject: "late", now: at(20) });
      await added(store, { subject: "early", now: at(10) });
      await added(store, { subject: "", now: at(15) });
      await added(store, { milestone: "budget", now: at(1) });
      assert.deepEqual(await pending(store), ["early/1", "/1", "late/1"]);
      assert.deepEqual(await pending(store, [milestone], 2), ["early/1", "/1"]);
      assert.deepEqual(await pending(store, ["budget", "nothing"]), ["acme/1"]);
      assert.deepEqual(await pending(store, []), []);
      await apply(store, { subject: "early" });
      assert.deepEqual(await pending(store), ["/1", "late/1"]);
      const [first] = await store.levels.pending({ milestones: ["budget"], limit: 1 });
      assert.deepEqual(first, (await store.levels.of({ owners: [{ ...own, milestone: "budget" }] }))[0]);
    },
  },
  {
    about,
    name: "an evaluation is lost if a version was applied that it has not seen, the subject's or the tenant's",
    async run({ store }) {
      await record(store, [event({ feeds: [birth({ due: true })] })]);
      for (const owner of [own, tenants, { ...own, subject: "globex" }, { ...own, tenant: "other" }]) {
        for (let i = 0; i < 2; i++) await added(store, owner);
        await apply(store, { ...owner, period: "day:UTC" });
      }
      const step = async (mine: number, all: number) => {
        const seen = [
          { milestone, subject, applied: mine },
          { milestone, subject: "", applied: all },
          { milestone: "budget", subject, applied: 0 },
        ];
        const evaluations = [evaluation({ levelsSeen: seen, crossings: [crossing()] })];
        return (await store.crossings.commitEvaluation({ evaluations, now: start }))[0];
      };
      for (const [mine, all] of [
        [0, 1],
        [1, 0],
        [2, 1],
        [1, 2],
      ] as const) {
        assert.equal(await step(mine, all), "lost", `${mine} and ${all} are applied`);
      }
      assert.deepEqual(await listed(store), [], "a lost one stores nothing");
      assert.equal(await step(1, 1), "committed");
    },
  },
  {
    about,
    name: "an evaluation that has read no levels does not mind them",
    async run({ store }) {
      await record(store, [event({ feeds: [birth({ due: true })] })]);
      await added(store);
      await apply(store, { period: "day:UTC" });
      for (const levelsSeen of [undefined, []]) {
        await record(store, [event({ id: String(levelsSeen) })]);
        const { folded, trail } = (await dueCounter(store))!;
        const span = { from: folded, upTo: trail.at(-1)!.rev, band: { below: 1_000, above: null } };
        const evaluations = [evaluation({ ...span, ...(levelsSeen && { levelsSeen }) })];
        assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["committed"]);
      }
    },
  },
  {
    about,
    name: "an evaluation that races with a version sees it, or its counter is told",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      for (let i = 0; i < 15; i++) {
        const key = counterKey({ subject: `racer-${i}` });
        const owner = i % 2 === 0 ? { ...own, subject: key.subject } : tenants;
        await record(store, [event({ ...key, id: `e-${i}`, feeds: [birth({ due: true })] })]);
        const { version } = await added(store, owner);
        const seen = { milestone, subject: owner.subject, applied: version - 1 };
        const [[result], told] = await Promise.all([
          store.crossings.commitEvaluation({ evaluations: [evaluation({ ...key, levelsSeen: [seen] })] }),
          applyAll(other, { ...owner, version, limit: 4 }),
        ]);
        assert.ok(told.flat().some((each) => each.subject === key.subject));
        const mark = { levels: { milestone, subject: owner.subject, version } };
        assert.deepEqual((await marks(store, key)).at(-1), mark, String(result));
        const again = [evaluation({ ...key, from: result === "committed" ? 1 : 0, upTo: 2, levelsSeen: [seen] })];
        assert.deepEqual(await other.crossings.commitEvaluation({ evaluations: again }), ["lost"]);
      }
    },
  },
  {
    about,
    name: "a counter that is created while a version is told is told too, or its evaluation has to see it",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      await counted(store, { subject: "before" });
      for (let i = 0; i < 12; i++) {
        const key = counterKey({ subject: `born-${i}` });
        const { version } = await added(store, tenants);
        const seen = { milestone, subject: "", applied: version - 1 };
        await Promise.all([
          applyAll(other, { ...tenants, version, limit: 3 }),
          record(store, [event({ ...key, id: `e-${i}`, feeds: [birth({ due: true })] })]),
        ]);
        const { trail } = (await dueCounter(store, key))!;
        const evaluations = [evaluation({ ...key, upTo: trail.at(-1)!.rev, levelsSeen: [seen] })];
        assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["lost"]);
      }
    },
  },
  {
    about,
    name: "callers at once that tell a version tell every counter, and end it",
    async run(opened) {
      const stores = await twoStores(opened);
      const subjects = Array.from({ length: 10 }, (_, i) => `s-${i}`);
      await counted(stores[0], ...subjects.map((each) => ({ subject: each })));
      await added(stores[0], tenants);
      await Promise.all([0, 1, 2, 3].map((n) => applyAll(stores[n % 2]!, { ...tenants, limit: 3 })));
      for (const each of subjects) {
        const found = await dueCounter(stores[1], { subject: each });
        assert.deepEqual(
          found?.trail.map(({ rev, from }) => [rev, from]),
          [2, 3, 4, 5].map((rev) => [rev, 5]),
        );
      }
      assert.deepEqual(await pending(stores[1]), []);
    },
  },
  {
    about,
    name: "levels are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await counted(opened.store, {}, { subject: "globex" });
      await added(opened.store, tenants);
      const { next } = await apply(opened.store, { ...tenants, limit: 1 });
      const before = await opened.store.levels.of({ owners: [tenants] });
      const again = await opened.reopen!();
      assert.deepEqual(await again.levels.of({ owners: [tenants] }), before);
      assert.deepEqual(await pending(again), ["/1"]);
      await applyAll(again, { ...tenants, after: next! });
      assert.deepEqual(await pending(again), []);
      assert.equal((await marks(again, { subject: "globex" })).length, 1);
    },
  },
  {
    about,
    name: "without a given time the store's own clock says when a version was stored",
    async run({ store }) {
      await assertOwnClock(async () => {
        const { createdAt } = await store.levels.add({ ...own, levels: 1, by: "b", why: "w" });
        assert.deepEqual((await store.levels.of({ owners: [own] }))[0]?.createdAt, createdAt);
        return createdAt;
      });
    },
  },
];
