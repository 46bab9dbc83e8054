import assert from "node:assert/strict";
import type { Limit } from "../store/limit-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { birth, counter, counterKey, definition, dueCounter, event, quiet, record, rules } from "./counter-samples.js";
import { evaluation } from "./crossing-samples.js";
import { at, start, twoStores } from "./samples.js";

const about = "limits";
const { tenant, metric, subject } = counterKey();
const acme = { tenant, metric, subject };
const by = { by: "olga", why: "a better year" };
const lifetime = [{ period: "lifetime", from: "lifetime" }];
const opening = [{ ...lifetime[0]!, open: "lifetime" }];
const month = "month:Europe/Berlin";

async function added(store: Store, fields: Partial<Limit> = {}, now: Date = start): Promise<Limit> {
  return store.limits.add({ ...acme, amount: 100, ...by, ...fields, now });
}

type Step = Parameters<Store["limits"]["apply"]>[0];

async function apply(
  store: Store,
  step: Omit<Step, "generation"> & Partial<Step>,
): Promise<readonly { readonly period: string }[]> {
  const told = await store.limits.apply({ generation: 1, ...step });
  assert.ok(told !== "stale");
  return told;
}

async function feed(store: Store, ...periods: readonly string[]): Promise<void> {
  const feeds = periods.map((period) => birth({ period, ...quiet }));
  await record(store, [event({ id: periods.join(), feeds, amount: 5 })]);
}

export const limitCases: readonly ConformanceCase[] = [
  {
    about,
    name: "each limit is the subject's next version, and comes back as it was given",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const first = await added(store, { amount: Number.MAX_SAFE_INTEGER });
      const given = { ...acme, ...by, applied: false };
      assert.deepEqual(first, {
        ...{ ...given, version: 1, amount: Number.MAX_SAFE_INTEGER },
        ...{ effectiveFrom: start, createdAt: start },
      });
      const second = await added(other, { amount: 0, effectiveFrom: at(-5) }, at(3));
      assert.deepEqual(second, { ...given, version: 2, amount: 0, effectiveFrom: at(-5), createdAt: at(3) });
      const brand = await added(store, { subject: "brand" });
      assert.equal(brand.version, 1);
      const subjects = [{ ...acme, subject: "nobody" }, { ...acme, subject: "brand" }, acme];
      assert.deepEqual(await other.limits.of({ subjects }), [brand, first, second]);
      assert.deepEqual(await store.limits.of({ subjects: [] }), []);
      assert.deepEqual(await store.limits.of({ subjects: [{ ...acme, tenant: "other" }] }), []);
    },
  },
  {
    about,
    name: "many limits at once get a version each",
    async run(opened) {
      const stores = await twoStores(opened);
      const limits = await Promise.all(Array.from({ length: 20 }, (_, i) => added(stores[i % 2]!, { amount: i })));
      assert.deepEqual(
        new Set(limits.map(({ version }) => version)),
        new Set(Array.from({ length: 20 }, (_, i) => i + 1)),
      );
    },
  },
  {
    about,
    name: "a version that comes into force makes the subject's counters due, by a trail row without events",
    async run({ store }) {
      await feed(store, "lifetime", `${month}:2026-10`, `${month}:2026-11`, `${month}:2026-12`, "day:UTC:2026-11-01");
      await record(store, [event({ subject: "brand", feeds: [birth({ ...quiet })] })]);
      await added(store);
      await added(store);
      const periods = [...lifetime, { period: month, from: `${month}:2026-11` }];
      const told = await apply(store, { ...acme, version: 2, periods, now: at(1) });
      const keys = told.map(({ period }) => period).sort();
      assert.deepEqual(keys, ["lifetime", `${month}:2026-11`, `${month}:2026-12`]);
      const [due] = await store.counters.due({ metrics: [metric], keys: [counterKey()], limit: 1, trailLimit: 10 });
      const row = { rev: 2, generation: 1, from: 5, limitVersion: 2, ids: [], amounts: [], occurredAts: [] };
      assert.deepEqual(due?.trail, [row]);
      const all = await store.counters.due({ metrics: [metric], limit: 10, trailLimit: 10 });
      assert.deepEqual(all.map(({ period }) => period).sort(), keys, "of this subject, and no others");
      const states = (await store.limits.of({ subjects: [acme] })).map(({ applied }) => applied);
      assert.deepEqual(states, [false, true]);
      // events go on from there
      await record(store, [event({ id: "next", feeds: [birth({ ...quiet })], amount: 2 })]);
      const trail = (await dueCounter(store))?.trail ?? [];
      assert.deepEqual(
        trail.map(({ rev, from, limitVersion }) => [rev, from, limitVersion]),
        [
          [2, 5, 2],
          [3, 5, null],
        ],
      );
    },
  },
  {
    about,
    name: "a repeat tells nobody, and so does a version that does not exist",
    async run({ store }) {
      await feed(store, "lifetime");
      await added(store);
      const step = { ...acme, version: 1, periods: lifetime };
      assert.equal((await apply(store, step)).length, 1);
      assert.deepEqual(await apply(store, step), []);
      assert.deepEqual(await apply(store, { ...step, version: 2 }), []);
      assert.equal((await dueCounter(store))?.trail.length, 1);
    },
  },
  {
    about,
    name: "a caller who knows another generation of the metric's milestones tells nobody, and is told so",
    async run({ store }) {
      await feed(store, "lifetime");
      await added(store);
      for (const step of [{ generation: 2 }, { generation: 0 }, { generation: 1, metric: "unknown" }]) {
        assert.equal(await store.limits.apply({ ...acme, version: 1, periods: lifetime, ...step }), "stale");
      }
      assert.equal((await store.limits.of({ subjects: [acme] }))[0]?.applied, false);
      assert.equal(await dueCounter(store), undefined);
      assert.equal((await apply(store, { ...acme, version: 1, periods: lifetime })).length, 1);
      const seen = { evaluations: [evaluation({ from: 0, upTo: 2, limitsSeen: 1, band: quiet })], now: start };
      assert.deepEqual(await store.crossings.commitEvaluation(seen), ["committed"], "the stale tries left no count");
    },
  },
  {
    about,
    name: "of two that bring one version into force at once, one tells the counters",
    async run(opened) {
      const stores = await twoStores(opened);
      await feed(stores[0], "lifetime");
      await added(stores[0]);
      const tries = Array.from({ length: 8 }, (_, i) =>
        apply(stores[i % 2]!, { ...acme, version: 1, periods: lifetime }),
      );
      assert.equal((await Promise.all(tries)).flat().length, 1);
    },
  },
  {
    about,
    name: "versions that are to come wait for their time, the earliest first",
    async run({ store }) {
      await feed(store, "lifetime");
      await added(store, { effectiveFrom: at(20) });
      await added(store, { effectiveFrom: at(10), subject: "brand" });
      await added(store, { effectiveFrom: at(10), metric: "other" });
      const pending = async (minutes: number) =>
        (await store.limits.pending({ metrics: [metric], limit: 10, now: at(minutes) })).map((limit) => limit.subject);
      assert.deepEqual(await pending(9), []);
      assert.deepEqual(await pending(10), ["brand"]);
      assert.deepEqual(await pending(20), ["brand", subject]);
      assert.equal((await store.limits.pending({ metrics: [metric], limit: 1, now: at(20) })).length, 1);
      await apply(store, { ...acme, subject: "brand", version: 1, periods: lifetime });
      assert.deepEqual(await pending(20), [subject]);
    },
  },
  {
    about,
    name: "an evaluation is lost if a version was applied that it has not seen",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, [event({ feeds })]);
      await added(store);
      await apply(store, { ...acme, version: 1, periods: [] });
      await added(store);
      const step = async (limitsSeen: number) => {
        const evaluations = [evaluation({ limitsSeen, band: quiet })];
        return (await store.crossings.commitEvaluation({ evaluations, now: start }))[0];
      };
      assert.equal(await step(0), "lost");
      assert.equal(await step(2), "lost", "the second is not applied");
      assert.equal(await step(1), "committed");
    },
  },
  {
    about,
    name: "an evaluation that races with a limit sees it, or its counter is told",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      for (let i = 0; i < 15; i++) {
        const key = { ...acme, subject: `racer-${i}` };
        await record(store, [event({ ...key, id: `e-${i}`, feeds: [birth({ due: true })] })]);
        await added(store, key);
        await apply(store, { ...key, version: 1, periods: lifetime });
        await added(store, key);
        const upTo = 2;
        const [[result], told] = await Promise.all([
          store.crossings.commitEvaluation({ evaluations: [evaluation({ ...key, upTo, limitsSeen: 1, band: quiet })] }),
          apply(other, { ...key, version: 2, periods: lifetime }),
        ]);
        assert.equal(told.length, 1);
        const [due] = await store.counters.due({
          metrics: [metric],
          keys: [{ ...key, period: "lifetime" }],
          limit: 1,
          trailLimit: 9,
        });
        assert.equal(due?.trail.at(-1)?.limitVersion, 2, String(result));
      }
    },
  },
  {
    about,
    name: "a counter that is to be opened and does not exist begins at 0, without a band, and is told",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      await store.definitions.install({ definitions: [definition({ generation: 1 })] });
      await store.definitions.install({ definitions: [definition({ generation: 2 })] });
      await added(store);
      const november = `${month}:2026-11`;
      const periods = [...lifetime, { period: month, from: november, open: november }];
      const step = { ...acme, version: 1, generation: 2, periods, now: at(1) };
      assert.equal(await store.limits.apply({ ...step, generation: 1 }), "stale");
      assert.equal(await counter(other, { period: november }), undefined, "a stale caller opens none");
      assert.deepEqual(await apply(store, step), [{ period: november }]);
      assert.deepEqual(await counter(other, { period: november }), { value: 0, rev: 1, due: true });
      assert.equal(await counter(other), undefined, "only what is to be opened is");
      const row = { rev: 1, generation: 2, from: 0, limitVersion: 1, ids: [], amounts: [], occurredAts: [] };
      const key = counterKey({ period: november });
      assert.deepEqual(await dueCounter(other, { period: november }), {
        ...{ ...key, folded: 0, generation: 2, state: {}, trail: [row] },
      });
      const evaluations = [evaluation({ ...key, generation: 2, reached: 2, band: { below: null, above: 10 } })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["committed"]);
      const counted = { id: "e", feeds: [birth({ period: november, below: 0, above: 0 })] };
      await other.counters.add({ events: [event({ ...counted, amount: 9 })], rules: rules(metric, { generation: 2 }) });
      assert.deepEqual(await counter(other, { period: november }), { value: 9, rev: 2, due: false });
    },
  },
  {
    about,
    name: "an opened counter has no band: until its evaluation it is due, and counts on",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition()] });
      await added(store);
      await apply(store, { ...acme, version: 1, periods: opening });
      await record(store, [event({ amount: 3 })]);
      assert.deepEqual(
        (await dueCounter(store))?.trail.map(({ rev, from, ids }) => [rev, from, ids]),
        [
          [1, 0, []],
          [2, 0, ["evt-1"]],
        ],
      );
    },
  },
  {
    about,
    name: "a counter that is to be opened and exists is told as it is, once",
    async run({ store }) {
      await feed(store, "lifetime", `${month}:2026-11`);
      await added(store);
      const november = `${month}:2026-11`;
      const periods = [...opening, { period: month, from: november, open: november }];
      const told = await apply(store, { ...acme, version: 1, periods });
      assert.deepEqual(told.map(({ period }) => period).sort(), ["lifetime", `${month}:2026-11`]);
      for (const { period } of told) {
        assert.deepEqual(await counter(store, { period }), { value: 5, rev: 2, due: true });
        const found = await dueCounter(store, { period });
        assert.deepEqual([found?.generation, found?.trail.map(({ generation }) => generation)], [1, [1]]);
      }
      assert.deepEqual(await apply(store, { ...acme, version: 1, periods }), [], "a repeat opens and tells none");
      assert.deepEqual(await apply(store, { ...acme, subject: "brand", version: 1, periods }), []);
      assert.equal(await counter(store, { subject: "brand" }), undefined, "a version that does not exist opens none");
    },
  },
  {
    about,
    name: "beside its first event a counter is opened once, loses nothing and is told",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      for (let i = 0; i < 15; i++) {
        const key = { ...acme, subject: `opened-${i}` };
        await store.definitions.install({ definitions: [definition()] });
        await added(store, key);
        const [told] = await Promise.all([
          apply(store, { ...key, version: 1, periods: opening }),
          record(other, [event({ ...key, id: `e-${i}`, amount: 7, feeds: [birth({ due: true })] })]),
        ]);
        assert.deepEqual(told, [{ period: "lifetime" }]);
        assert.deepEqual(await counter(store, key), { value: 7, rev: 2, due: true });
        const trail = (await dueCounter(other, key))?.trail ?? [];
        assert.deepEqual(trail.map(({ limitVersion, ids }) => limitVersion ?? ids[0]).sort(), [1, `e-${i}`]);
      }
    },
  },
];
