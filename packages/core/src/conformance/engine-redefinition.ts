import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import type { MilestonePolicy } from "../milestone/policy.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { at, deploy, facts, rolling, texts } from "./engine-deployments.js";
import { metric, refusal } from "./engine-setup.js";

const about = "engine: redefinition";

/** Milestones that are edited, removed, brought back and moved while counters run. */
export const engineRedefinitionCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an edited milestone says its new levels from then on, and nothing that was said or lies behind",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const old = deploy(one, notifier, { few: [2, 10] });
      await old.recordMany(at(4));
      await old.runOnce();
      const edited = deploy(two, notifier, { few: [2, 3, 6, 10] });
      await edited.ready();
      await old.recordMany(at(6, 5));
      await old.runOnce();
      assert.deepEqual(texts(notifier), ["few 2"], "the old code must not evaluate");
      await edited.runOnce();
      assert.deepEqual(texts(notifier), ["few 10", "few 2", "few 6"]);
      assert.deepEqual((await facts(edited)).map(([, threshold, state]) => [threshold, state]).sort(), [
        ["10", "announced"],
        ["2", "announced"],
        ["3", "adopted"],
        ["6", "announced"],
      ]);
    },
  },
  {
    about,
    name: "old code that starts again brings nothing back, says that it is behind, and does so only when it is told to",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      await deploy(one, notifier, { few: [2] }).ready();
      const young = deploy(two, notifier, { few: [3] });
      await young.ready();
      const restarted = deploy(one, notifier, { few: [2] });
      const behind: unknown[] = [];
      restarted.on("behind", (event) => behind.push(event));
      await restarted.recordMany(at(2));
      await restarted.runOnce();
      assert.deepEqual(behind, [{ metric, generation: 2, milestones: ["few"], absent: [], ignored: [] }]);
      assert.deepEqual(notifier.sent, []);

      const unsigned = await refusal(() => restarted.definitions.reinstall({ by: "", why: "x" }));
      assert.deepEqual([unsigned.code, unsigned.path], ["invalid_options", "by"]);
      await restarted.definitions.reinstall({ by: "ops", why: "the new thresholds were wrong" });
      await restarted.recordMany(at(1, 3));
      await restarted.runOnce();
      young.on("behind", () => {});
      await young.recordMany(at(1, 4));
      await young.runOnce();
      assert.deepEqual(await facts(restarted), [["few", "2", "adopted", ""]]);
      const acts = await actsOf(two, { tenant: "default", entity: "definition", entityId: metric });
      assert.deepEqual(
        acts.map(({ act, by, why }) => [act, by, why]),
        [["reinstall", "ops", "the new thresholds were wrong"]],
      );
    },
  },
  {
    about,
    name: "a milestone the code omits stays; removed by its name it is evaluated and announced no more",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const both = deploy(one, notifier, { gone: [1, 2, 3], kept: [3] });
      await both.recordMany(at(1));
      const omitting = deploy(two, notifier, { kept: [3] });
      omitting.on("behind", () => {});
      await omitting.recordMany(at(1, 2));
      assert.deepEqual((await omitting.definitions.list())[0]?.milestones, ["gone", "kept"]);

      const removing = deploy(two, notifier, { kept: [3] }, {}, { removed: ["gone"] });
      await removing.ready();
      await both.recordMany(at(2, 3));
      await removing.runOnce();
      await both.runOnce();
      assert.deepEqual(texts(notifier), ["kept 3"]);
      const states = (await facts(removing)).map(([name, threshold, state]) => [name, threshold, state]);
      assert.deepEqual(states, [
        ["gone", "1", "failed"],
        ["kept", "3", "announced"],
      ]);
      assert.equal((await removing.crossings.list({ milestone: "gone" }))[0]?.reason, "cancelled");
      const conflict = await refusal(() => deploy(two, notifier, { gone: [1] }, {}, { removed: ["gone"] }));
      assert.deepEqual([conflict.code, conflict.path], ["invalid_options", "removed[0]"]);
    },
  },
  {
    about,
    name: "a rollback takes back what the newer code added, and going forward again is a decision too",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const old = deploy(one, notifier, { few: [2] });
      await old.ready();
      await deploy(two, notifier, { few: [2], more: [3] }).ready();
      old.on("behind", () => {});
      await old.definitions.reinstall({ remove: ["more"], by: "ops", why: "rollback" });
      await old.recordMany(at(2));
      await old.runOnce();
      assert.deepEqual(texts(notifier), ["few 2"]);

      const forward = deploy(two, notifier, { few: [2], more: [3] });
      const ignored: unknown[] = [];
      forward.on("behind", (event) => ignored.push(event.ignored));
      await forward.recordMany(at(1, 3));
      assert.deepEqual(ignored, [["more"]]);
      await forward.definitions.reinstall({ by: "ops", why: "forward again" });
      await forward.recordMany(at(1, 4));
      await forward.runOnce();
      assert.deepEqual(await facts(forward), [
        ["few", "2", "announced", "e2"],
        ["more", "3", "adopted", ""],
      ]);
    },
  },
  {
    about,
    name: "a rollback answers what it came to, also where it leaves the code behind, and a repeat does nothing",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      await createMilepost({ store: one, onUnknownMetric: "count" }).record({ ...at(1)[0]!, metric: "sms.delivered" });
      const old = deploy(one, notifier, { few: [2] });
      await old.ready();
      await deploy(two, notifier, { few: [2], more: [3] }).ready();
      const behind: unknown[] = [];
      old.on("behind", (event) => behind.push(event));

      const told = { by: "ops", why: "rollback" };
      const state = async (remove?: readonly string[]) =>
        (await old.definitions.reinstall({ ...told, ...(remove && { remove }) })).map((report) => [
          report.metric,
          report.generation,
          report.milestones,
          report.removed,
          report.evaluated,
        ]);
      assert.deepEqual(await state(), [[metric, 2, ["few", "more"], [], false]], "nothing of the code was replaced");
      assert.deepEqual(behind, [{ metric, generation: 2, milestones: ["more"], absent: ["more"], ignored: [] }]);
      const rolledBack = [[metric, 3, ["few"], ["more"], true]];
      assert.deepEqual(await state(["more"]), rolledBack);
      assert.deepEqual(await state(["more"]), rolledBack, "what is removed already is passed over");
      assert.deepEqual(
        (await actsOf(one, { tenant: "default", entity: "definition", entityId: metric })).map(({ act }) => act),
        ["reinstall"],
        "where nothing changes nothing was decided",
      );
    },
  },
  {
    about,
    name: "a rollback refuses to remove what never was installed, and what its own code has",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const old = deploy(one, notifier, { few: [2] });
      await old.ready();
      await deploy(two, notifier, { few: [3], more: [3] }).ready();
      old.on("behind", () => {});
      const refused = async (...remove: string[]) => {
        const { code, path, expected } = await refusal(() =>
          old.definitions.reinstall({ remove, by: "ops", why: "rollback" }),
        );
        return [code, path, expected];
      };
      const installed = 'an installed milestone ("few", "more")';
      assert.deepEqual(await refused("mroe"), ["invalid_options", "remove[0]", installed]);
      assert.deepEqual(await refused("more", "mroe"), ["invalid_options", "remove[1]", installed]);
      const own = "a milestone the code has no longer";
      assert.deepEqual(await refused("more", "few"), ["invalid_options", "remove[1]", own]);
      const [definition] = await old.definitions.list();
      assert.deepEqual([definition?.generation, definition?.milestones], [2, ["few", "more"]], "nothing was stored");
    },
  },
  {
    about,
    name: "refuses a milestone under a name that is installed on another metric",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      await deploy(one, notifier, { few: [2] }).ready();
      const moved = deploy(two, notifier, { few: [2] }, { metric: "sms.delivered" });
      const { code, path } = await refusal(() => moved.ready());
      assert.deepEqual([code, path], ["invalid_milestone", "milestones"]);
      assert.equal((await one.definitions.list()).length, 1, "nothing of it is installed");
    },
  },
  {
    about,
    name: "an edit waits for what lies ahead, also where the value has been higher before",
    async run({ store }) {
      const notifier = memoryNotifier();
      const decrements = { metrics: { [metric]: { decrements: true } } };
      const before = deploy(store, notifier, { few: [1_000] }, {}, decrements);
      await before.record({ id: "up", metric, subject: "acme", amount: 1_500 });
      await before.record({ id: "down", metric, subject: "acme", amount: -600 });
      const edited = deploy(store, notifier, { few: [800, 1_000, 1_200] }, {}, decrements);
      const told: string[] = [];
      edited.on("crossing", ({ threshold }) => told.push(threshold));
      const { crossings } = await edited.record({ id: "again", metric, subject: "acme", amount: 500 });
      assert.deepEqual(
        crossings.map(({ threshold }) => threshold),
        ["1200"],
      );
      assert.deepEqual(told, ["1200"], "1000 was crossed before, and is neither stored nor told again");
      assert.deepEqual(
        (await facts(edited)).map(([, threshold, , eventId]) => [threshold, eventId]),
        [
          ["1000", "up"],
          ["800", ""],
          ["1200", "again"],
        ],
      );
    },
  },
  {
    about,
    name: "a milestone that was removed and comes back goes on where its armings were",
    async run({ store }) {
      const notifier = memoryNotifier();
      const metrics = { [metric]: { decrements: true } };
      const rearming: MilestonePolicy = {
        key: "ten, armed again at 0",
        levels: () => [{ threshold: "ten", at: 10, direction: "rising", rearmAt: 0 }],
      };
      const having = () => deploy(store, notifier, { ten: [1] }, { policy: rearming }, { metrics });
      let n = 0;
      const swing = async (milepost: Milepost) => {
        for (const amount of [10, -10]) await milepost.record({ id: `e${++n}`, metric, subject: "acme", amount });
      };
      const first = having();
      await swing(first);
      await swing(first);
      const removing = deploy(store, notifier, { other: [3] }, {}, { metrics, removed: ["ten"] });
      await swing(removing);
      const back = having();
      back.on("behind", () => {});
      await back.definitions.reinstall({ remove: ["other"], by: "ops", why: "back" });
      await swing(back);
      await swing(back);
      const armings = (await back.crossings.list({ milestone: "ten" })).map(({ arming, eventId }) => [arming, eventId]);
      assert.deepEqual(armings.slice(0, 2), [
        [1, "e1"],
        [2, "e3"],
      ]);
      assert.deepEqual(
        armings.slice(2).map(([, eventId]) => eventId),
        ["e7", "e9"],
        "each swing since it came back",
      );
    },
  },
  {
    about,
    name: "a worker that runs for long learns what other processes have installed since",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const worker = deploy(one, notifier, { few: [2] });
      worker.on("behind", () => {});
      await worker.runOnce();
      const script = deploy(two, notifier, { few: [3] });
      await script.recordMany(at(2));
      await worker.runOnce();
      assert.deepEqual(await facts(worker), []);
      await deploy(two, notifier, { few: [2] }).definitions.reinstall({ by: "ops", why: "rollback" });
      await two.counters.list({ tenant: "default", limit: 1 });
      await worker.runOnce();
      assert.deepEqual(await facts(worker), [["few", "2", "adopted", ""]]);
    },
  },
  {
    about,
    name: "old code goes on recording after its milestone was removed and its name given to another metric",
    async run(opened) {
      const [one, two, notifier] = await rolling(opened);
      const old = deploy(one, notifier, { few: [2] });
      old.on("behind", () => {});
      await old.recordMany(at(1));
      await deploy(two, notifier, { other: [9] }, {}, { removed: ["few"] }).ready();
      await deploy(two, notifier, { few: [2] }, { metric: "sms.delivered" }).ready();
      assert.equal((await old.record(at(1, 2)[0]!)).value, 2);
      await old.runOnce();
      assert.deepEqual(await facts(old), []);
    },
  },
  {
    about,
    name: "a trail of any length is met in full",
    async run({ store }) {
      const notifier = memoryNotifier();
      const recorder = createMilepost({ store, onUnknownMetric: "count" });
      const first = deploy(store, notifier, { one: [1] });
      await first.ready();
      for (const event of at(1_000)) await recorder.record(event);
      const second = deploy(store, notifier, { one: [1], more: [500] });
      await second.runOnce();
      assert.equal((await second.definitions.list())[0]?.adopted, true);
      assert.deepEqual(await facts(second), [
        ["one", "1", "announced", "e1"],
        ["more", "500", "adopted", ""],
      ]);
    },
  },
];
