import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { birth, counter, definition, event, record } from "./counter-samples.js";
import { assertRefused, awkwardKeys, bytewise, twoStores } from "./samples.js";

const about = "definitions";

export const definitionCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an unknown metric is stored with generation 1, and every field comes back as given",
    async run(opened) {
      const { store } = opened;
      const given = definition({
        decrements: false,
        births: [
          birth({ below: -Number.MAX_SAFE_INTEGER, above: Number.MAX_SAFE_INTEGER }),
          birth({ period: "month:Europe/Berlin", below: null, above: 10, due: true }),
          birth({ period: "year:UTC", below: -10, above: null }),
        ],
        milestones: ["second", "first"],
        fingerprint: "a long fingerprint ".repeat(20),
      });
      const stored = { ...given, generation: 1 };
      assert.deepEqual(await store.definitions.install({ definitions: [given] }), [stored]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.definitions.list(), [stored]);
    },
  },
  {
    about,
    name: "empty lists of births and milestones are kept",
    async run({ store }) {
      const bare = definition({ births: [], milestones: [] });
      await store.definitions.install({ definitions: [bare] });
      assert.deepEqual(await store.definitions.list(), [{ ...bare, generation: 1 }]);
    },
  },
  {
    about,
    name: "installing nothing stores nothing, and an empty store lists nothing",
    async run({ store }) {
      assert.deepEqual(await store.definitions.install({ definitions: [] }), []);
      assert.deepEqual(await store.definitions.list(), []);
    },
  },
  {
    about,
    name: "a repeat changes nothing, also when counters run",
    async run({ store }) {
      const definitions = [definition(), definition({ metric: "ad.spend" })];
      const first = await store.definitions.install({ definitions });
      assert.deepEqual(await store.definitions.install({ definitions }), first);
      await record(store, [event()]);
      assert.deepEqual(await store.definitions.install({ definitions }), first);
    },
  },
  {
    about,
    name: "a definition with the stored fingerprint is left as it is, whatever else it says",
    async run({ store }) {
      const [first] = await store.definitions.install({ definitions: [definition()] });
      const other = definition({ milestones: ["another"], decrements: false, births: [birth({ above: 5 })] });
      assert.deepEqual(await store.definitions.install({ definitions: [other] }), [first]);
      assert.deepEqual(await store.definitions.list(), [first]);
    },
  },
  {
    about,
    name: "another fingerprint replaces the whole definition with the next generation while no counter runs",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition()] });
      const second = definition({
        fingerprint: "fingerprint-2",
        decrements: false,
        births: [birth({ above: 7 }), birth({ period: "day:UTC" })],
        milestones: ["a", "b"],
      });
      assert.deepEqual(await store.definitions.install({ definitions: [second] }), [{ ...second, generation: 2 }]);
      const third = definition({ fingerprint: "fingerprint-1" });
      assert.deepEqual(await store.definitions.install({ definitions: [third] }), [{ ...third, generation: 3 }]);
      assert.deepEqual(await store.definitions.list(), [{ ...third, generation: 3 }]);
    },
  },
  {
    about,
    name: "a metric whose counters run in any tenant cannot change, and none of the step's other definitions is stored",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition(), definition({ metric: "idle" })] });
      await record(store, [event({ tenant: "elsewhere" })]);
      const before = await store.definitions.list();
      const definitions = [
        definition({ metric: "brand.new" }),
        definition({ metric: "idle", fingerprint: "fingerprint-2" }),
        definition({ fingerprint: "fingerprint-2" }),
        definition({ metric: "newer" }),
      ];
      await assertRefused(store.definitions.install({ definitions }), "definitions_changed");
      assert.deepEqual(await store.definitions.list(), before);
      await assertRefused(store.definitions.install({ definitions: definitions.reverse() }), "definitions_changed");
      assert.deepEqual(await store.definitions.list(), before);
      assert.deepEqual((await record(store, [event({ id: "evt-2", tenant: "elsewhere" })])).duplicates, []);
    },
  },
  {
    about,
    name: "definitions come back in the given order and are listed bytewise, under any key",
    async run(opened) {
      const definitions = awkwardKeys.map((key) =>
        definition({
          metric: key,
          milestones: [key, `${key} `],
          births: [birth({ period: key })],
          fingerprint: key,
        }),
      );
      const installed = await opened.store.definitions.install({ definitions });
      assert.deepEqual(
        installed,
        definitions.map((each) => ({ ...each, generation: 1 })),
      );
      const [, other] = await twoStores(opened);
      const listed = await other.definitions.list();
      assert.deepEqual(
        listed.map((each) => each.metric),
        bytewise(awkwardKeys),
      );
      assert.deepEqual(new Set(listed), new Set(installed), "each is listed as it was answered");
    },
  },
  {
    about,
    name: "two callers at once store the same definition once",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const definitions = ["a", "b", "c"].map((metric) => definition({ metric }));
      const [first, second] = await Promise.all([
        one.definitions.install({ definitions }),
        two.definitions.install({ definitions: [...definitions].reverse() }),
      ]);
      assert.deepEqual([...first], [...second].reverse());
      assert.ok(first.every((each) => each.generation === 1));
      assert.deepEqual(await one.definitions.list(), first);
    },
  },
  {
    about,
    name: "two callers at once with different definitions get different generations",
    async run(opened) {
      const stores = await twoStores(opened);
      const installed = await Promise.all(
        [1, 2, 3, 4].map((n) =>
          stores[n % 2]!.definitions.install({ definitions: [definition({ fingerprint: `f-${n}` })] }),
        ),
      );
      const generations = installed.map(([each]) => each!.generation);
      assert.deepEqual(generations.sort(), [1, 2, 3, 4]);
      const [last] = await stores[0].definitions.list();
      assert.deepEqual(
        last,
        installed.flat().find((each) => each.generation === 4),
      );
    },
  },
  {
    about,
    name: "no event counted under an older generation is committed beside a change of the definition",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let round = 0; round < 20; round++) {
        const metric = `metric-${round}`;
        await one.definitions.install({ definitions: [definition({ metric })] });
        const [changed, added] = await Promise.allSettled([
          one.definitions.install({ definitions: [definition({ metric, fingerprint: "fingerprint-2" })] }),
          two.counters.add({ events: [event({ metric })], generations: { [metric]: 1 } }),
        ]);
        assert.ok(added.status === "fulfilled", `add: ${added.status === "rejected" ? added.reason : ""}`);
        const stale = added.value.stale.length > 0;
        assert.equal(changed.status, stale ? "fulfilled" : "rejected");
        if (changed.status === "rejected") assert.equal(changed.reason.code, "definitions_changed");
        assert.deepEqual(await counter(one, { metric }), stale ? undefined : { value: 1, rev: 1, due: false });
      }
    },
  },
  {
    about,
    name: "definitions are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      const installed = await opened.store.definitions.install({ definitions: [definition()] });
      const again = await opened.reopen!();
      assert.deepEqual(await again.definitions.list(), installed);
      assert.deepEqual(await again.definitions.install({ definitions: [definition()] }), installed);
    },
  },
];
