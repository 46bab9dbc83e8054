import assert from "node:assert/strict";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { birth, counter, definition, dueCounter, event, installedMilestone, record, rules } from "./counter-samples.js";
import { assertOwnClock, at, awkwardKeys, bytewise, max, twoStores } from "./samples.js";

const about = "definitions";

const hundredYears = 100 * 365 * 24 * 3_600_000;

const actsOn = (store: Store, metric: string) =>
  actsOf(store, { tenant: "default", entity: "definition", entityId: metric });

export const definitionInstallCases: readonly ConformanceCase[] = [
  {
    about,
    name: "the first definition of a metric is stored, and every field comes back as given",
    async run(opened) {
      const given = definition({
        decrements: false,
        retain: "events",
        eventRetention: hundredYears,
        rememberedSince: at(0),
        births: [
          birth({ below: -max, above: max }),
          birth({ period: "month:Europe/Berlin", below: null, above: 10, due: true }),
          birth({ period: "year:UTC", below: -10, above: null }),
        ],
        milestones: [
          installedMilestone({ name: "second", fingerprint: "a long fingerprint ".repeat(20) }),
          installedMilestone({ name: "first", birth: birth({ below: -max, above: max, due: true }), changed: max }),
          installedMilestone({ name: "third", birth: birth({ period: "day:UTC" }), added: 0 }),
        ],
        former: ["z", "a", "z"],
        removed: ["old", "older"],
        adopted: 7,
      });
      assert.equal(await opened.store.definitions.install({ definitions: [given] }), true);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.definitions.list(), [given]);
    },
  },
  {
    about,
    name: "empty lists, no retention and one without end come back as given",
    async run({ store }) {
      const bare = definition({ births: [], milestones: [], former: [], removed: [] });
      const long = definition({ metric: "long", eventRetention: max, decrements: true });
      const short = definition({ metric: "short", eventRetention: 1, decrements: false });
      assert.equal(await store.definitions.install({ definitions: [bare, long, short] }), true);
      assert.deepEqual(await store.definitions.list(), [bare, long, short]);
    },
  },
  {
    about,
    name: "installing nothing stores nothing, and an empty store lists nothing",
    async run({ store }) {
      assert.equal(await store.definitions.install({ definitions: [] }), true);
      assert.deepEqual(await store.definitions.list(), []);
    },
  },
  {
    about,
    name: "a definition that follows the stored one replaces the whole of it",
    async run(opened) {
      const { store } = opened;
      const settings = { retain: "events", eventRetention: 5, rememberedSince: new Date(-1) } as const;
      const first = definition({ ...settings, former: ["f"], removed: ["r"], adopted: 1 });
      const second = definition({
        generation: 2,
        decrements: false,
        births: [birth({ above: 7 }), birth({ period: "day:UTC" })],
        milestones: [installedMilestone({ name: "a" }), installedMilestone({ name: "b", added: 2, changed: 2 })],
      });
      const third = { ...first, generation: 3 };
      const other = definition({ metric: "other" });
      await store.definitions.install({ definitions: [first, other] });
      const [, again] = await twoStores(opened);
      for (const next of [second, third]) {
        assert.equal(await store.definitions.install({ definitions: [next] }), true);
        assert.deepEqual(await again.definitions.list(), [next, other]);
      }
    },
  },
  {
    about,
    name: "a definition that does not follow the stored one is refused, and none of the step's others is stored",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition(), definition({ metric: "idle" })] });
      await store.definitions.install({ definitions: [definition({ generation: 2 })] });
      const before = await store.definitions.list();
      const others = [definition({ metric: "brand.new" }), definition({ metric: "idle", generation: 2 })];
      const act = { by: "ada", why: "too late" };
      const misfits: InstalledDefinition[] = [0, 1, 2, 4].map((generation) => definition({ generation }));
      misfits.push(definition({ metric: "unknown", generation: 0 }), definition({ metric: "unknown", generation: 2 }));
      for (const misfit of misfits) {
        for (const definitions of [[misfit], [misfit, ...others], [...others, misfit]]) {
          assert.equal(await store.definitions.install({ definitions, act }), false);
          assert.deepEqual(await store.definitions.list(), before);
        }
      }
      for (const metric of ["email.delivered", "idle", "brand.new", "unknown"]) {
        assert.deepEqual(await actsOn(store, metric), []);
      }
      assert.equal(await store.definitions.install({ definitions: others }), true);
    },
  },
  {
    about,
    name: "a metric whose counters run may change, and they keep their values, bands and trails",
    async run({ store }) {
      await record(store, [event({ feeds: [birth({ above: 3 })] })]);
      await record(store, [event({ subject: "waits", amount: 5, id: "evt-2", feeds: [birth({ due: true })] })]);
      const before = await dueCounter(store, { subject: "waits" });
      const second = definition({ generation: 2, births: [birth({ above: 1 })] });
      assert.equal(await store.definitions.install({ definitions: [second] }), true);
      assert.deepEqual(await counter(store), { value: 1, rev: 1, due: false });
      assert.deepEqual(await dueCounter(store, { subject: "waits" }), before);
      const known = rules("email.delivered", { generation: 2 });
      const add = (id: string) => store.counters.add({ events: [event({ id })], rules: known });
      assert.equal((await add("evt-3")).counters[0]?.due, false);
      assert.equal((await add("evt-4")).counters[0]?.due, true);
      assert.deepEqual((await add("evt-1")).duplicates, [0]);
    },
  },
  {
    about,
    name: "an install by a person is recorded once for each metric, with who, why and when",
    async run({ store }) {
      const definitions = ["a", "b"].map((metric) => definition({ metric }));
      const first = { by: "ada", why: 'rolled back: it\'s "é\u{1f389}"' };
      const act = { tenant: "default", entity: "definition", act: "reinstall" };
      assert.equal(await store.definitions.install({ definitions, act: first, now: at(7) }), true);
      assert.equal(await store.definitions.install({ definitions, act: first, now: at(8) }), false);
      for (const entityId of ["a", "b"]) {
        assert.deepEqual(await actsOn(store, entityId), [{ ...act, entityId, ...first, at: at(7) }]);
      }
      const next = [definition({ metric: "a", generation: 2 })];
      await store.definitions.install({ definitions: next, act: { by: "bob", why: "forward" }, now: at(9) });
      assert.deepEqual(
        (await actsOn(store, "a")).map((each) => [each.by, each.why, each.at]),
        [
          ["ada", first.why, at(7)],
          ["bob", "forward", at(9)],
        ],
      );
      assert.equal((await actsOn(store, "b")).length, 1);
    },
  },
  {
    about,
    name: "an install that nobody answers for records no act",
    async run({ store }) {
      await store.definitions.install({ definitions: [definition()] });
      await store.definitions.install({ definitions: [definition({ generation: 2 })] });
      assert.deepEqual(await actsOn(store, "email.delivered"), []);
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides when a person installed",
    async run({ store }) {
      await assertOwnClock(async () => {
        await store.definitions.install({ definitions: [definition()], act: { by: "ada", why: "asked" } });
        return (await actsOn(store, "email.delivered"))[0]?.at ?? null;
      });
    },
  },
  {
    about,
    name: "definitions are listed bytewise, under any key",
    async run(opened) {
      const definitions = awkwardKeys.map((key) =>
        definition({
          metric: key,
          milestones: [key, `${key} `].map((name) => installedMilestone({ name, fingerprint: key })),
          births: [birth({ period: key })],
          former: [key],
          removed: [key, `${key} `],
        }),
      );
      const act = { by: "ada", why: "asked" };
      assert.equal(await opened.store.definitions.install({ definitions, act }), true);
      const [, other] = await twoStores(opened);
      const byMetric = new Map(definitions.map((each) => [each.metric, each]));
      assert.deepEqual(
        await other.definitions.list(),
        bytewise(awkwardKeys).map((metric) => byMetric.get(metric)),
      );
      for (const metric of awkwardKeys) assert.equal((await actsOn(other, metric)).length, 1);
      assert.equal(await other.definitions.install({ definitions: [definitions.at(-1)!] }), false);
    },
  },
  {
    about,
    name: "definitions are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await opened.store.definitions.install({ definitions: [definition()] });
      const again = await opened.reopen!();
      assert.deepEqual(await again.definitions.list(), [definition()]);
      assert.equal(await again.definitions.install({ definitions: [definition()] }), false);
      assert.equal(await again.definitions.install({ definitions: [definition({ generation: 2 })] }), true);
      assert.deepEqual(await opened.store.definitions.list(), [definition({ generation: 2 })]);
    },
  },
];
