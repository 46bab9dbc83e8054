import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { about, birth, counter, counterKey, definition, dueCounter, event, events, record } from "./counter-samples.js";
import { at, twoStores } from "./samples.js";

/** An event counts once, however often and by whomever it is added. */
export const counterAddOnceCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a repeated id counts once, whatever its payload",
    async run(opened) {
      const { store } = opened;
      await record(store, [event({ id: "one", amount: 5 })]);
      const repeats = [
        event({ id: "one", amount: 5 }),
        event({ id: "one", amount: 7, subject: "globex", occurredAt: at(99), feeds: [birth({ due: true })] }),
      ];
      const [, other] = await twoStores(opened);
      for (const repeat of repeats) {
        assert.deepEqual(await record(other, [repeat]), { stale: [], duplicates: [0], counters: [] });
      }
      assert.deepEqual(await counter(store), { value: 5, rev: 1, due: false });
      assert.equal(await counter(store, { subject: "globex" }), undefined);
    },
  },
  {
    about,
    name: "duplicates are named by their ascending indexes, and the others of the batch count in order",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, events("old", [1, 1, 1], { feeds }));
      const batch = [
        event({ id: "old-2", amount: 100, feeds }),
        event({ id: "z", amount: 2, feeds }),
        event({ id: "old-0", amount: 100, feeds }),
        event({ id: "a", amount: 3, feeds }),
        event({ id: "old-1", amount: 100, subject: "globex", feeds }),
      ];
      const result = await record(store, batch);
      assert.deepEqual(result.duplicates, [0, 2, 4]);
      assert.deepEqual(result.counters, [{ ...counterKey(), value: 8, rev: 2, due: true }]);
      assert.deepEqual(
        (await dueCounter(store))?.trail.map((trail) => [trail.from, trail.ids, trail.amounts]),
        [
          [0, ["old-0", "old-1", "old-2"], [1, 1, 1]],
          [3, ["z", "a"], [2, 3]],
        ],
      );
    },
  },
  {
    about,
    name: "a batch of duplicates only leaves a due counter's trail as it is",
    async run({ store }) {
      const batch = events("a", [1, 2], { feeds: [birth({ due: true })] });
      await record(store, batch);
      const before = await dueCounter(store);
      assert.deepEqual(await record(store, [...batch].reverse()), {
        stale: [],
        duplicates: [0, 1],
        counters: [],
      });
      assert.deepEqual(await dueCounter(store), before);
    },
  },
  {
    about,
    name: "ids are unique per tenant and metric: the same id elsewhere is another event",
    async run({ store }) {
      const batch = [
        event({ amount: 1 }),
        event({ amount: 2, tenant: "other" }),
        event({ amount: 4, metric: "ad.spend" }),
      ];
      const { duplicates } = await record(store, batch);
      assert.deepEqual(duplicates, []);
      await record(store, [event({ amount: 8, tenant: "other", id: "evt-2", feeds: [birth({ due: true })] })]);
      assert.deepEqual(await counter(store), { value: 1, rev: 1, due: false });
      assert.deepEqual(await counter(store, { tenant: "other" }), { value: 10, rev: 2, due: false });
      assert.deepEqual(await counter(store, { metric: "ad.spend" }), { value: 4, rev: 1, due: false });
    },
  },
  {
    about,
    name: "two callers at once count each id once, in whatever order their batches are",
    async run(opened) {
      const stores = await twoStores(opened);
      await opened.store.definitions.install({ definitions: [definition()] });
      const batch = Array.from({ length: 200 }, (_, i) =>
        event({ id: `e-${i}`, subject: `s-${i % 7}`, amount: i, feeds: [birth(), birth({ period: "day" })] }),
      );
      const shuffles = [batch, [...batch].reverse(), [...batch.slice(100), ...batch.slice(0, 100)]];
      const results = await Promise.all([...shuffles, ...shuffles].map((each, i) => record(stores[i % 2]!, each)));
      assert.equal(
        results.reduce((sum, result) => sum + result.duplicates.length, 0),
        5 * batch.length,
      );
      for (let s = 0; s < 7; s++) {
        const value = batch.filter((_, i) => i % 7 === s).reduce((sum, e) => sum + e.amount, 0);
        for (const period of ["lifetime", "day"]) {
          const state = await counter(opened.store, { subject: `s-${s}`, period });
          assert.equal(state?.value, value);
        }
      }
    },
  },
];
