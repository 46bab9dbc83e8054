import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { birth, counter, definition, dueCounter, event, events, rules } from "./counter-samples.js";
import { twoStores } from "./samples.js";

const about = "definitions";

/** Each generation is installed by one caller, and nothing is counted under an older one afterwards. */
export const definitionInstallOnceCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a repeat answers false and changes nothing, also with another content",
    async run({ store }) {
      const definitions = [definition(), definition({ metric: "ad.spend" })];
      assert.equal(await store.definitions.install({ definitions }), true);
      const before = await store.definitions.list();
      const other = definition({ decrements: false, births: [birth({ above: 5 })], former: ["f"] });
      for (const repeat of [definitions, [...definitions].reverse(), [definitions[1]!], [other]]) {
        assert.equal(await store.definitions.install({ definitions: repeat }), false);
        assert.deepEqual(await store.definitions.list(), before);
      }
    },
  },
  {
    about,
    name: "of two callers at once one installs all its definitions, and the other none",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 10; round++) {
        const metrics = ["a", "b", "c"].map((metric) => `${round}-${metric}`);
        const sets = [metrics, [...metrics].reverse()].map((each, n) =>
          each.map((metric) => definition({ metric, former: [`caller-${n}`] })),
        );
        const answers = await Promise.all(
          sets.map((definitions, n) => stores[n]!.definitions.install({ definitions })),
        );
        assert.deepEqual([...answers].sort(), [false, true]);
        const winner = `caller-${answers.indexOf(true)}`;
        const listed = (await stores[0].definitions.list()).filter(({ metric }) => metrics.includes(metric));
        assert.deepEqual(
          listed.map((each) => [each.metric, ...each.former]),
          metrics.map((metric) => [metric, winner]),
        );
      }
    },
  },
  {
    about,
    name: "of four callers at once exactly one installs each generation",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let generation = 1; generation <= 10; generation++) {
        const callers = [0, 1, 2, 3].map((n) => definition({ generation, former: [`caller-${n}`] }));
        const answers = await Promise.all(
          callers.map((each, n) => stores[n % 2]!.definitions.install({ definitions: [each] })),
        );
        assert.deepEqual([...answers].sort(), [false, false, false, true]);
        assert.deepEqual(await stores[1].definitions.list(), [callers[answers.indexOf(true)]]);
      }
    },
  },
  {
    about,
    name: "a step whose definitions have another first caller stores none, beside callers of one of them",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 10; round++) {
        const [shared, own] = [`${round}-shared`, `${round}-own`];
        const [both, one] = await Promise.all([
          stores[0].definitions.install({ definitions: [own, shared].map((metric) => definition({ metric })) }),
          stores[1].definitions.install({ definitions: [definition({ metric: shared })] }),
        ]);
        assert.notEqual(both, one);
        const metrics = (await stores[1].definitions.list()).map((each) => each.metric);
        assert.deepEqual([metrics.includes(shared), metrics.includes(own)], [true, both]);
      }
    },
  },
  {
    about,
    name: "no event counted under an older generation is committed after a change of the definition",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let round = 0; round < 20; round++) {
        const metric = `metric-${round}`;
        await one.definitions.install({ definitions: [definition({ metric })] });
        const add = (prefix: string) =>
          two.counters.add({ events: events(prefix, [1, 2, 3], { metric }), rules: rules(metric) });
        const [changed, added, after] = await Promise.all([
          one.definitions.install({ definitions: [definition({ metric, generation: 2 })] }).then(async (installed) => {
            const seen = await counter(one, { metric });
            return { installed, seen, late: await add("late") };
          }),
          add("beside"),
          add("too"),
        ]);
        assert.equal(changed.installed, true);
        assert.deepEqual(changed.late, { stale: [metric], duplicates: [], counters: [] });
        const counted = [added, after].filter(({ stale }) => stale.length === 0).length;
        const state = counted === 0 ? undefined : { value: 6 * counted, rev: counted, due: false };
        assert.deepEqual(changed.seen, state, "what is counted when the install returns is all there will be");
        assert.deepEqual(await counter(one, { metric }), state);
      }
    },
  },
  {
    about,
    name: "events at once with a change of the definition are counted under one of the two generations",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let round = 0; round < 10; round++) {
        const metric = `metric-${round}`;
        await one.definitions.install({ definitions: [definition({ metric })] });
        const feeds = [birth({ due: true })];
        const add = (id: string, generation: number) =>
          two.counters.add({ events: [event({ metric, id, feeds })], rules: rules(metric, { generation }) });
        const known = [1, 2, 1, 2, 1, 2];
        const [, ...added] = await Promise.all([
          one.definitions.install({ definitions: [definition({ metric, generation: 2 })] }),
          ...known.map((generation, i) => add(`e-${i}`, generation)),
        ]);
        const counted = known.filter((_, i) => added[i]!.stale.length === 0);
        const trail = (await dueCounter(one, { metric }))?.trail ?? [];
        const recorded = trail.map((each) => each.generation);
        assert.deepEqual(recorded, [...counted].sort(), "none of the first generation after one of the second");
      }
    },
  },
];
