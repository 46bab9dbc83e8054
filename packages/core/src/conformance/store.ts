import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { counter, event, record } from "./counter-samples.js";
import { twoStores } from "./samples.js";

const about = "store";

export const wholeStoreCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a migrated store has nothing to migrate, and stays as it is",
    async run({ store }) {
      await record(store, [event()]);
      assert.deepEqual(await store.migrate(), { applied: [] });
      assert.deepEqual(await store.migrate(), { applied: [] });
      assert.deepEqual(await counter(store), { value: 1, rev: 1, due: false });
    },
  },
  {
    about,
    name: "any number may migrate at once, also while others count",
    async run(opened) {
      const stores = await twoStores(opened);
      await record(opened.store, [event()]);
      const [reports] = await Promise.all([
        Promise.all(Array.from({ length: 8 }, (_, i) => stores[i % 2]!.migrate())),
        record(stores[1], [event({ id: "evt-2" })]),
      ]);
      for (const report of reports) assert.deepEqual(report, { applied: [] });
      assert.deepEqual(await counter(opened.store), { value: 2, rev: 2, due: false });
    },
  },
  {
    about,
    name: "supports says of every difference whether the store has it",
    async run({ store }) {
      const { supports } = store;
      assert.deepEqual(Object.keys(supports).sort(), [
        "durableCommits",
        "effect",
        "hostTransactions",
        "persistence",
        "wakeUps",
      ]);
      assert.ok(
        Object.values(supports).every((each) => typeof each === "boolean"),
        JSON.stringify(supports),
      );
    },
  },
  {
    about,
    name: "a store with persistence can be opened again",
    requires: "persistence",
    async run(opened) {
      assert.equal(typeof opened.reopen, "function");
    },
  },
  {
    about,
    name: "a repeated close does nothing, also at once",
    async run({ store }) {
      await store.close();
      await Promise.all([store.close(), store.close()]);
      await store.close();
    },
  },
  {
    about,
    name: "closing one store leaves another over the same data open",
    requires: "persistence",
    async run(opened) {
      const again = await opened.reopen!();
      await record(again, [event()]);
      await opened.store.close();
      assert.deepEqual(await counter(again), { value: 1, rev: 1, due: false });
      await record(again, [event({ id: "evt-2" })]);
      const third = await opened.reopen!();
      assert.deepEqual(await counter(third), { value: 2, rev: 2, due: false });
    },
  },
];
