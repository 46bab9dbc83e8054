import assert from "node:assert/strict";
import type { CounterKey, StoredCounter } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { about, birth, counter, counterKey, dueCounter, event, events, record, sorted } from "./counter-samples.js";
import { evaluation } from "./crossing-samples.js";
import { at, awkwardJson, awkwardKeys, max, start, twoStores } from "./samples.js";

const bounded = { below: -10, above: 1000 };
const feeds = [birth(bounded)];

async function read(store: Store, ...keys: readonly CounterKey[]): Promise<readonly StoredCounter[]> {
  return sorted(await store.counters.read({ keys, trailLimit: 100 }));
}

export const counterReadCases: readonly ConformanceCase[] = [
  {
    about,
    name: "read answers a quiet counter with its band, and nothing that waits",
    async run({ store }) {
      await record(store, [event({ amount: 7, feeds })]);
      const [found] = await read(store, counterKey());
      const expected: StoredCounter = {
        ...{ ...counterKey(), value: 7, rev: 1, due: false, ...bounded },
        ...{ folded: 0, generation: 1, state: {}, trail: [] },
      };
      assert.deepEqual(found, expected);
    },
  },
  {
    about,
    name: "read answers a due counter with its trail, in the order of its rows, and what it was evaluated to",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      await record(store, events("a", [999, 1], { feeds }));
      const state = { "emails-delivered": awkwardJson };
      const evaluations = [evaluation({ upTo: 1, band: { below: null, above: 1001 }, state })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations, now: start }), ["committed"]);
      await record(store, events("b", [1, -1], { feeds }));
      await store.limits.add({ ...counterKey(), amount: 5, by: "olga", why: "agreed", now: start });
      await store.limits.apply({
        ...counterKey(),
        version: 1,
        generation: 1,
        periods: [{ period: "lifetime", from: "lifetime" }],
      });
      const [found] = await read(other, counterKey());
      assert.deepEqual(found, {
        ...{ ...counterKey(), value: 1000, rev: 3, due: true, below: null, above: 1001 },
        ...{ folded: 1, generation: 1, state },
        trail: [
          {
            ...{ rev: 2, generation: 1, from: 1000, limitVersion: null },
            ...{ ids: ["b-0", "b-1"], amounts: [1, -1], occurredAts: [at(0), at(1)] },
          },
          { rev: 3, generation: 1, from: 1000, limitVersion: 1, ids: [], amounts: [], occurredAts: [] },
        ],
      });
      assert.deepEqual(found?.trail, (await dueCounter(store))?.trail, "the trail that evaluation sees");
    },
  },
  {
    about,
    name: "read answers at most trailLimit rows of each counter, the first ones; 0 answers none",
    async run({ store }) {
      for (let i = 0; i < 3; i++) {
        const born = [birth({ due: true })];
        await record(store, [event({ id: `a${i}`, feeds: born }), event({ id: `b${i}`, subject: "b", feeds: born })]);
      }
      const keys = [counterKey(), counterKey({ subject: "b" })];
      for (const trailLimit of [0, 2]) {
        const found = sorted(await store.counters.read({ keys, trailLimit }));
        const revs = [1, 2].slice(0, trailLimit);
        assert.deepEqual(
          found.map(({ subject, due, trail }) => [subject, due, trail.map(({ rev }) => rev)]),
          [
            ["acme", true, revs],
            ["b", true, revs],
          ],
        );
      }
    },
  },
  {
    about,
    name: "read answers each counter once, of the keys that are asked for, and leaves unknown ones out",
    async run({ store }) {
      assert.deepEqual(await read(store, counterKey()), []);
      await record(store, [
        event({ feeds: [birth(), birth({ period: "month:UTC:2026-11" })] }),
        event({ id: "evt-2", subject: "brand" }),
        event({ tenant: "other" }),
      ]);
      assert.deepEqual(await read(store), []);
      const wanted = [counterKey(), counterKey({ tenant: "other" }), counterKey({ period: "month:UTC:2026-11" })];
      const found = await read(store, ...wanted, counterKey(), counterKey({ subject: "nobody" }));
      const keys = found.map(({ tenant, metric, subject, period }) => ({ tenant, metric, subject, period }));
      assert.deepEqual(keys, sorted(wanted));
    },
  },
  {
    about,
    name: "read finds counters under any key, and takes bounds and values as far as safe integers go",
    async run({ store }) {
      const extreme = { below: -max, above: max };
      const born = [birth(extreme)];
      await record(
        store,
        awkwardKeys.map((subject) => event({ id: subject, subject, amount: max - 1, feeds: born })),
      );
      const found = await read(store, ...awkwardKeys.map((subject) => counterKey({ subject })));
      assert.deepEqual(new Set(found.map(({ subject }) => subject)), new Set(awkwardKeys));
      for (const { value, below, above } of found) {
        assert.deepEqual({ value, below, above }, { value: max - 1, ...extreme });
      }
    },
  },
  {
    about,
    name: "reading changes nothing, and sees each batch whole or not at all",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const born = [birth({ due: true })];
      await record(store, [event({ id: "first", feeds: born })]);
      await Promise.all([
        ...Array.from({ length: 10 }, (_, i) => record(store, events(`w${i}`, [1, 1, 1], { feeds: born }))),
        ...Array.from({ length: 10 }, async () => {
          const [found] = await read(other, counterKey());
          const { value, rev, trail } = found!;
          assert.equal(trail.length, rev);
          assert.equal(trail.flatMap(({ amounts }) => amounts).length, value);
        }),
      ]);
      assert.deepEqual(await counter(store), { value: 31, rev: 11, due: true });
    },
  },
];
