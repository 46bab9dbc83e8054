import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { birth, definition } from "./counter-samples.js";
import { awkwardKeys, twoStores } from "./samples.js";

const about = "definitions";

export const definitionAdoptedCases: readonly ConformanceCase[] = [
  {
    about,
    name: "that every counter has met a generation is noted, and nothing else of the definition changes",
    async run(opened) {
      const { store } = opened;
      const given = definition({ retain: "events", eventRetention: 5, births: [birth({ above: 5 })], former: ["f"] });
      const other = definition({ metric: "other" });
      await store.definitions.install({ definitions: [given, other] });
      const second = { ...given, generation: 2 };
      await store.definitions.install({ definitions: [second] });
      const [, again] = await twoStores(opened);
      for (const repeat of [1, 2]) {
        assert.equal(await store.definitions.adopted({ metric: given.metric, generation: 2 }), true, `call ${repeat}`);
        assert.deepEqual(await again.definitions.list(), [{ ...second, adopted: 2 }, other]);
      }
    },
  },
  {
    about,
    name: "another generation than the stored one and an unknown metric are not noted",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition()] });
      await store.definitions.install({ definitions: [definition({ generation: 2 })] });
      for (const generation of [0, 1, 3]) {
        assert.equal(await store.definitions.adopted({ metric: "email.delivered", generation }), false);
      }
      assert.equal(await store.definitions.adopted({ metric: "unknown", generation: 1 }), false);
      assert.equal(await store.definitions.adopted({ metric: "unknown", generation: 0 }), false);
      assert.deepEqual(await store.definitions.list(), [definition({ generation: 2 })]);
    },
  },
  {
    about,
    name: "a definition that follows says itself what was adopted",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition()] });
      await store.definitions.adopted({ metric: "email.delivered", generation: 1 });
      const second = definition({ generation: 2, adopted: 0 });
      assert.equal(await store.definitions.install({ definitions: [second] }), true);
      assert.deepEqual(await store.definitions.list(), [second]);
    },
  },
  {
    about,
    name: "beside a change of the definition the new one is never noted as adopted for the old one's sake",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let round = 0; round < 10; round++) {
        const metric = `metric-${round}`;
        await one.definitions.install({ definitions: [definition({ metric })] });
        const next = definition({ metric, generation: 2 });
        const [installed] = await Promise.all([
          one.definitions.install({ definitions: [next] }),
          two.definitions.adopted({ metric, generation: 1 }),
          two.definitions.adopted({ metric, generation: 1 }),
        ]);
        assert.equal(installed, true);
        const found = (await two.definitions.list()).find((each) => each.metric === metric);
        assert.deepEqual(found, next);
      }
    },
  },
  {
    about,
    name: "any metric can be noted as adopted, by any number at once",
    async run(opened) {
      const stores = await twoStores(opened);
      await opened.store.definitions.install({ definitions: awkwardKeys.map((metric) => definition({ metric })) });
      const answers = await Promise.all(
        [...awkwardKeys, ...awkwardKeys].map((metric, i) =>
          stores[i % 2]!.definitions.adopted({ metric, generation: 1 }),
        ),
      );
      assert.ok(answers.every((each) => each));
      assert.ok((await stores[1].definitions.list()).every((each) => each.adopted === 1));
    },
  },
];
