import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { about, claim, crossed, crossing, stored } from "./crossing-samples.js";
import { awkwardKeys, twoStores } from "./samples.js";

const byKey = (a: { tenant: string; id: string }, b: { tenant: string; id: string }) =>
  `${a.tenant} ${a.id}` < `${b.tenant} ${b.id}` ? -1 : 1;

export const crossingGetCases: readonly ConformanceCase[] = [
  {
    about,
    name: "get answers the crossings with these keys that exist, each tenant's own",
    async run(opened) {
      const mine = [crossing({ id: "a", threshold: "1" }), crossing({ id: "b", threshold: "2" })];
      const theirs = crossing({ id: "a", tenant: "other", value: 5 });
      await crossed(opened.store, [...mine, theirs]);
      const [, other] = await twoStores(opened);
      const keys = [
        { tenant: "other", id: "a" },
        { tenant: "other", id: "b" },
        { tenant: "nobody", id: "a" },
        { tenant: "default", id: "b" },
        { tenant: "default", id: "nothing" },
      ];
      const found = await other.crossings.get({ keys });
      assert.deepEqual([...found].sort(byKey), [stored(mine[1]!), stored(theirs)]);
      assert.deepEqual(await other.crossings.get({ keys }), found, "a repeat answers the same");
      assert.deepEqual(await other.crossings.get({ keys: [] }), []);
      assert.deepEqual(await other.crossings.get({ keys: [{ tenant: "nobody", id: "a" }] }), []);
    },
  },
  {
    about,
    name: "get answers a crossing as it is now, and without what only its announcement needs",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const found = await store.crossings.get({ keys: [{ tenant: "default", id: "cro-1" }] });
      assert.deepEqual(found, [stored(crossing(), { state: "leased", attempts: 1 })]);
    },
  },
  {
    about,
    name: "get finds any key, and thousands at once",
    async run({ store }) {
      await crossed(
        store,
        awkwardKeys.map((id) => crossing({ id, threshold: id })),
      );
      const missing = Array.from({ length: 2_000 }, (_, i) => ({ tenant: "default", id: `missing-${i}` }));
      const found = await store.crossings.get({
        keys: [...missing, ...awkwardKeys.map((id) => ({ tenant: "default", id }))],
      });
      assert.deepEqual(found.map(({ id }) => id).sort(), [...awkwardKeys].sort());
    },
  },
];
