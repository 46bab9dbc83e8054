import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { metric, owner, StillClock } from "./engine-setup.js";
import { twoStores } from "./samples.js";

const about = "engine: evaluation";
const subject = "acme";
const key = { tenant: "default", metric, subject, period: "lifetime" };

function telling(store: Store, clock: StillClock) {
  const notifier = memoryNotifier();
  const policy = thresholds({ at: 10, rearmAt: 5 }, 20, 30);
  const message = { text: "{{threshold}}" };
  const milepost = createMilepost({
    store,
    milestones: [milestone({ name: "told", metric, policy, recipients: owner, message, notifier, onJump: "each" })],
    metrics: { [metric]: { decrements: true } },
    runtime: { now: clock.now },
  });
  return { milepost, notifier };
}

/** As it was, while somebody does something directly before the first evaluation is committed. */
function beforeCommit(store: Store, interrupt: () => Promise<unknown>): Store {
  let once = false;
  const crossings: Store["crossings"] = {
    ...store.crossings,
    async commitEvaluation(input) {
      if (!once) {
        once = true;
        await interrupt();
      }
      return store.crossings.commitEvaluation(input);
    },
  };
  return { ...store, crossings };
}

const facts = async (milepost: Milepost) =>
  (await milepost.crossings.list()).map(({ threshold, arming, eventId }) => `${threshold} (${arming}) by ${eventId}`);

export const engineEvaluationCases: readonly ConformanceCase[] = [
  {
    about,
    name: "lago-6130: of two evaluations at once only the one whose crossings were stored announces, and each engine tells of its own",
    async run(opened) {
      const clock = new StillClock();
      const [store, other] = await twoStores(opened);
      const second = telling(other, clock);
      const heard: string[] = [];
      // the second evaluates, and announces, while the first is about to commit the same
      const race = beforeCommit(store, async () => {
        await second.milepost.runOnce();
      });
      const first = telling(race, clock);
      for (const [name, { milepost }] of Object.entries({ first, second })) {
        milepost.on("crossing", ({ threshold }) => heard.push(`${name} ${threshold}`));
      }
      await second.milepost.ready();
      const { crossings } = await first.milepost.record({ id: "a", metric, subject, amount: 25 });
      assert.deepEqual(
        crossings.map(({ threshold }) => threshold),
        ["10", "20"],
        "the caller learns of them all the same",
      );
      assert.deepEqual(heard, ["second 10", "second 20"]);
      for (const { milepost } of [first, second]) await milepost.runOnce();
      assert.deepEqual(await facts(first.milepost), ["10 (1) by a", "20 (1) by a"]);
      assert.deepEqual(first.notifier.sent, []);
      assert.deepEqual(second.notifier.sent.map(({ text }) => text).sort(), ["10", "20"]);
    },
  },
  {
    about,
    name: "lago-6130: many evaluations of one trail at once store and say each crossing once",
    async run(opened) {
      const clock = new StillClock();
      const stores = await twoStores(opened);
      const engines = [0, 1, 2, 3].map((i) => telling(stores[i % 2]!, clock));
      await Promise.all(engines.map(({ milepost }) => milepost.ready()));
      const recording = createMilepost({ store: opened.store });
      const expected: string[] = [];
      for (let round = 1; round <= 10; round++) {
        for (const [id, amount] of [
          ["up", 12],
          ["down", -12],
        ] as const) {
          await recording.record({ id: `${round} ${id}`, metric, subject, amount });
        }
        await Promise.all(engines.map(({ milepost }) => milepost.runOnce()));
        expected.push(`10 (${round}) by ${round} up`);
        assert.deepEqual(await facts(recording), expected);
      }
      const sent = engines.flatMap(({ notifier }) => notifier.sent);
      assert.equal(sent.length, 10);
    },
  },
  {
    about,
    name: "lago-lost-wakeup: a counter stays due until its newest value was evaluated, whatever came meanwhile",
    async run(opened) {
      const clock = new StillClock();
      const [store, other] = await twoStores(opened);
      const recording = createMilepost({ store: other });
      const dueAfter: boolean[] = [];
      const race = beforeCommit(store, async () => {
        await recording.record({ id: "meanwhile", metric, subject, amount: 15 });
      });
      const watched: Store = {
        ...race,
        crossings: {
          ...race.crossings,
          async commitEvaluation(input) {
            const results = await race.crossings.commitEvaluation(input);
            dueAfter.push((await store.counters.get({ keys: [key] }))[0]!.due);
            return results;
          },
        },
      };
      const { milepost, notifier } = telling(watched, clock);
      await milepost.ready();
      await milepost.record({ id: "first", metric, subject, amount: 10 });
      assert.deepEqual(dueAfter, [true], "of the event that came meanwhile");
      const { evaluated } = await milepost.runOnce();
      assert.deepEqual([evaluated, dueAfter.at(-1)], [1, false]);
      assert.deepEqual(await facts(milepost), ["10 (1) by first", "20 (1) by meanwhile"]);
      assert.deepEqual(notifier.sent.map(({ text }) => text).sort(), ["10", "20"]);
    },
  },
];
