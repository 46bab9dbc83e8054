import assert from "node:assert/strict";
import { milestone } from "../milestone/milestone.js";
import { every } from "../milestone/policies/every.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { ConformanceCase } from "./case.js";
import { engineOf, logging, metric, spend } from "./effect-setup.js";
import { owner, refusal, StillClock } from "./engine-setup.js";
import { hostOf, lines, log } from "./host-log.js";
import { minute, twoStores } from "./samples.js";

const about = "engine: effects";
const requires = "effect";

/** What makes a milestone tell somebody. */
const told = (name: string) => {
  return { name, recipients: owner, message: { text: "{{threshold}}" }, notifier: memoryNotifier({ name }) };
};

export const engineEffectCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a milestone with an effect is refused where the store cannot run it",
    async run({ store }) {
      if (store.supports.effect) return;
      const { code, path } = await refusal(() => engineOf(store, new StillClock()));
      assert.deepEqual([code, path], ["unsupported", "milestones[0].effect"]);
    },
  },
  {
    about,
    name: "the effects of levels that one event passes run in their order, also those of superseded crossings",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [
        logging({ ...told("spent"), policy: thresholds(100, 1, 10) }),
      ]);
      assert.deepEqual(await spend(milepost, clock, 150), ["1", "10", "100"]);
      assert.deepEqual(await lines(host), ["acme 1", "acme 10", "acme 100"]);
      const states = (await milepost.crossings.list()).map(({ state }) => state);
      assert.deepEqual(states, ["superseded", "superseded", "pending"]);
    },
  },
  {
    about,
    name: "an effect is told of the crossing, and may answer several statements or none",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock, [
        logging({
          effect({ id, threshold, value, previous, eventId, period }) {
            if (threshold === "10") return [log(`${threshold} ${previous} ${value} ${period}`), log(eventId), log(id)];
            return threshold === "100" ? false : undefined;
          },
        }),
      ]);
      await milepost.record({ id: "e1", metric, subject: "acme", amount: 150 });
      const [first] = await milepost.crossings.list();
      assert.deepEqual(await lines(host), ["10 0 150 lifetime", "e1", first?.id]);
      assert.equal((await milepost.crossings.list()).length, 2);
    },
  },
  {
    about,
    name: "adopted crossings have no effect, also where they are told; the event after them has one",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const known = milestone({ name: "before", metric, policy: thresholds(1) });
      const before = engineOf(opened.store, clock, [known]).milepost;
      await spend(before, clock, 50);
      await spend(before, clock, 50, { subject: "idle" });
      const loud = logging({ ...told("loud"), onAdopt: "notify" });
      const { milepost } = engineOf(opened.store, clock, [known, logging(), loud]);
      assert.deepEqual(await spend(milepost, clock, 50), ["100", "100"]);
      await milepost.runOnce();
      const adopted = (await milepost.crossings.list()).filter(({ eventId }) => eventId === "");
      assert.deepEqual(adopted.map(({ milestone, subject }) => `${milestone} ${subject}`).sort(), [
        "loud acme",
        "loud idle",
        "spent acme",
        "spent idle",
      ]);
      assert.deepEqual(await lines(host), ["acme 100", "acme 100"]);
    },
  },
  {
    about,
    name: "a crossing of a period that is over has no effect, also within the grace in which it is told",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const monthly = logging({ ...told("monthly"), period: "month:UTC" });
      const patient = logging({ ...told("patient"), period: "month:UTC", grace: 24 * 60 * minute });
      const { milepost } = engineOf(opened.store, clock, [monthly, patient]);
      const october = new Date(clock.now().getTime() - 13 * 60 * minute);
      await spend(milepost, clock, 20, { at: october });
      const facts = (await milepost.crossings.list()).map(({ milestone, state }) => `${milestone} ${state}`).sort();
      assert.deepEqual(facts, ["monthly expired", "patient pending"]);
      assert.deepEqual(await lines(host), []);
      await spend(milepost, clock, 20);
      assert.deepEqual(await lines(host), ["acme 10", "acme 10"]);
    },
  },
  {
    about,
    name: "each crossing has its effect once: not again when it is recorded again, falls and rises, is reinstalled or edited",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const [one, two] = await twoStores(opened);
      const { milepost } = engineOf(one, clock);
      await milepost.record({ id: "e1", metric, subject: "acme", amount: 20 });
      await milepost.record({ id: "e1", metric, subject: "acme", amount: 20 });
      await spend(milepost, clock, -15);
      await spend(milepost, clock, 15);
      const edited = engineOf(two, clock, [logging({ policy: thresholds(5, 10, 100) })]).milepost;
      await spend(edited, clock, -18);
      await spend(edited, clock, 18);
      await edited.runOnce();
      const without = engineOf(two, clock, [], { removed: ["spent"] }).milepost;
      await without.runOnce();
      await spend(without, clock, -18);
      const again = engineOf(two, clock, [logging({ policy: thresholds(5, 10, 100, 200) })]).milepost;
      await again.definitions.reinstall({ by: "ada", why: "wanted again" });
      await spend(again, clock, 18);
      await spend(again, clock, 100);
      await again.runOnce();
      assert.deepEqual(await lines(host), ["acme 10", "acme 100"]);
    },
  },
  {
    about,
    name: "each arming of a level is a crossing with an effect of its own",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const policy = thresholds({ at: 10, rearmAt: 5 });
      const effect = logging({ policy, effect: ({ threshold, arming }) => log(`${threshold} (${arming})`) });
      const { milepost } = engineOf(opened.store, clock, [effect]);
      for (const amount of [12, -12, 12, -12, 12]) await spend(milepost, clock, amount);
      assert.deepEqual(await lines(host), ["10 (1)", "10 (2)", "10 (3)"]);
    },
  },
  {
    about,
    name: "what one trail crosses before an edit and again after it has one effect",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const failing = logging({
        effect() {
          throw new Error("not yet");
        },
      });
      const { milepost } = engineOf(opened.store, clock, [failing]);
      await spend(milepost, clock, 20);
      await spend(milepost, clock, -15);
      const edited = engineOf(opened.store, clock, [logging({ policy: thresholds(10, 100, 200) })]).milepost;
      clock.advance(minute);
      await spend(edited, clock, 20);
      await edited.runOnce();
      assert.deepEqual(await lines(host), ["acme 10"]);
      assert.equal((await edited.crossings.list()).length, 1);
      assert.equal((await edited.counters.get({ metric, subject: "acme" }))?.due, false);
    },
  },
  {
    about,
    name: "of engines that evaluate at once one leaves the effects, in the order of the thresholds",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const stores = await twoStores(opened);
      const dense = logging({ policy: every(1), effect: ({ threshold }) => log(threshold) });
      const engines = stores.map((store) => engineOf(store, clock, [dense]).milepost);
      await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          spend(engines[i % 2]!, clock, 1).then(() => engines[(i + 1) % 2]!.runOnce()),
        ),
      );
      const expected = Array.from({ length: 40 }, (_, i) => String(i + 1));
      assert.deepEqual(await lines(host), expected);
      assert.deepEqual(
        (await engines[0]!.crossings.list({ limit: 100 })).map(({ threshold }) => threshold),
        expected,
      );
    },
  },
  {
    about,
    name: "a plan says what would run, and runs nothing",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost } = engineOf(opened.store, clock);
      const plan = await milepost.plan([{ id: "e1", metric, subject: "acme", amount: 20 }]);
      assert.deepEqual(plan.crossings[0]?.effects, [log("acme 10")]);
      assert.deepEqual(await lines(host), []);
    },
  },
];
