import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createMilepost } from "../engine.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { ConformanceCase } from "./case.js";
import { at, deploy, facts, rolling, texts } from "./engine-deployments.js";
import { metric } from "./engine-setup.js";

const about = "engine: definitions";

export const engineDefinitionCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a milestone installed at 999 announces the 1,000th event exactly once, also when old code records it",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const old = deploy(one, notifier, { first: [1] });
      await old.recordMany(at(999));
      await old.runOnce();
      const young = deploy(two, notifier, { first: [1], thousand: [500, 1_000] });
      await young.ready();

      const { crossings, value } = await old.record(at(1, 1_000)[0]!);
      assert.deepEqual([value, crossings], [1_000, []], "the old code counts, and leaves evaluating to the new");
      await old.runOnce();
      await young.runOnce();
      await old.runOnce();
      assert.deepEqual(texts(notifier), ["first 1", "thousand 1000"]);
      assert.deepEqual(await facts(young), [
        ["first", "1", "announced", "e1"],
        ["thousand", "500", "adopted", ""],
        ["thousand", "1000", "announced", "e1000"],
      ]);
    },
  },
  {
    about,
    name: "a process that only records may come first, and may be the one that records everything",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const recorder = createMilepost({ store: one, onUnknownMetric: "count" });
      await recorder.recordMany(at(4));
      const owner = deploy(two, notifier, { few: [3, 5] });
      await owner.ready();
      await recorder.recordMany(at(6, 5));
      assert.equal((await recorder.runOnce()).evaluated, 0);
      await owner.runOnce();
      assert.deepEqual(texts(notifier), ["few 5"]);
      assert.equal((await recorder.definitions.list())[0]?.evaluated, false);
      assert.equal((await owner.definitions.list())[0]?.evaluated, true);
    },
  },
  {
    about,
    name: "counters that stay idle meet a new milestone in chunks, and it is noted when all have",
    async run({ store }) {
      const notifier = memoryNotifier();
      const before = createMilepost({ store, onUnknownMetric: "count" });
      const events = Array.from({ length: 2_500 }, (_, i) => ({
        id: `e${i}`,
        metric,
        subject: `s${i}`,
        amount: i % 3 === 0 ? 10 : 1,
        tenant: i % 2 === 0 ? "even" : "odd",
      }));
      await before.recordMany(events);
      const after = deploy(store, notifier, { ten: [5, 10, 20] });
      const told: { counters: number; done: boolean }[] = [];
      after.on("adopted", ({ counters, done }) => told.push({ counters, done }));
      assert.equal((await after.runOnce()).adopted, 2_500);
      assert.ok(told.length >= 3, `told ${told.length} times`);
      assert.deepEqual(told.at(-1), { counters: 2_500, done: true });
      assert.equal((await after.definitions.list())[0]?.adopted, true);
      assert.deepEqual(notifier.sent, []);
      const adopted = await after.crossings.list({ tenant: "odd", states: ["adopted"], limit: 10_000 });
      assert.equal(adopted.length, events.filter(({ tenant, amount }) => tenant === "odd" && amount === 10).length * 2);

      const { crossings } = await after.record({ id: "next", metric, subject: "s0", tenant: "even", amount: 10 });
      assert.deepEqual(
        crossings.map(({ threshold }) => threshold),
        ["20"],
      );
      told.length = 0;
      assert.equal((await after.runOnce()).adopted, 0);
      assert.deepEqual(told, [], "there is nothing left to adopt");
    },
  },
  {
    about,
    name: "tells the highest level behind, once, where the milestone asks for it",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      await createMilepost({ store: one, onUnknownMetric: "count" }).recordMany(at(12));
      const asking = deploy(two, notifier, { told: [5, 10, 20] }, { onAdopt: "notify" });
      await asking.runOnce();
      await deploy(one, notifier, { told: [5, 10, 20] }, { onAdopt: "notify" }).runOnce();
      assert.deepEqual(texts(notifier), ["told 10"]);
      assert.deepEqual(await facts(asking), [
        ["told", "5", "superseded", ""],
        ["told", "10", "announced", ""],
      ]);
    },
  },
  {
    about,
    name: "nothing is lost or doubled while deployments change under writers that know the old one",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const old = deploy(one, notifier, { steps: [100, 200] });
      old.on("behind", () => {});
      let installedAt = 0;
      const writing = (async () => {
        for (let i = 0; i < 300; i += 3) {
          await Promise.all(at(3, i + 1).map((event) => old.record(event)));
          installedAt ||= (await old.definitions.list())[0]!.generation === 1 ? 0 : i + 3;
        }
      })();
      const young = deploy(two, notifier, {
        steps: [100, 200],
        tens: Array.from({ length: 30 }, (_, i) => 10 * (i + 1)),
      });
      const counted = async () => (await one.counters.list({ tenant: "default", limit: 1 }))[0]?.value ?? 0;
      while ((await counted()) < 90) await nextTurn();
      await young.ready();
      await writing;
      await young.runOnce();
      const crossings = await young.crossings.list({ limit: 1_000 });
      const key = (c: { milestone: string; threshold: string }) => `${c.milestone} ${c.threshold}`;
      assert.equal(new Set(crossings.map(key)).size, crossings.length);
      assert.deepEqual(
        crossings.map(key).sort(),
        ["steps 100", "steps 200", ...Array.from({ length: 30 }, (_, i) => `tens ${10 * (i + 1)}`)].sort(),
      );
      const adopted = crossings.filter(({ state }) => state === "adopted");
      assert.ok(adopted.length > 0 && adopted.every(({ at, value }) => at <= value && value <= installedAt));
      const baseline = adopted[0]!.value;
      for (const { state, milestone: name, value, at: level, eventId } of crossings) {
        if (state === "adopted") assert.deepEqual([value, eventId], [baseline, ""]);
        else if (name === "tens") assert.ok(level > baseline, `${level} was passed before ${baseline}`);
        if (state !== "adopted") assert.equal(value, level, "amounts are 1, so the event that passed it ends on it");
      }
      const announced = crossings.filter(({ state }) => state === "announced").length;
      notifier.expectSent(announced);
      assert.equal(announced, crossings.length - adopted.length);
    },
  },
];
