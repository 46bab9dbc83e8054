import assert from "node:assert/strict";
import type { CounterKey } from "../store/counter-repository.js";
import type { ConformanceCase } from "./case.js";
import { about, birth, counterKey, dueCounter, event, record, restless } from "./counter-samples.js";
import { evaluation } from "./crossing-samples.js";
import { at, twoStores } from "./samples.js";

export const counterDueCases: readonly ConformanceCase[] = [
  {
    about,
    name: "due answers counters of the given metrics only, and only those that are due",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, [
        event({ feeds }),
        event({ id: "evt-2", subject: "quiet" }),
        event({ metric: "ad.spend", feeds }),
        event({ tenant: "other", feeds }),
      ]);
      const all = { limit: 10, trailLimit: 10 };
      const subjects = async (input: { metrics: string[]; keys?: CounterKey[] }) =>
        (await store.counters.due({ ...input, ...all })).map((each) => `${each.tenant}/${each.metric}`).sort();
      assert.deepEqual(await subjects({ metrics: ["email.delivered"] }), [
        "default/email.delivered",
        "other/email.delivered",
      ]);
      assert.deepEqual(await subjects({ metrics: ["ad.spend", "nothing"] }), ["default/ad.spend"]);
      assert.deepEqual(await subjects({ metrics: [] }), []);
      assert.deepEqual(await subjects({ metrics: ["email.delivered"], keys: [] }), []);
      const keys = [counterKey(), counterKey({ metric: "ad.spend" }), counterKey({ subject: "quiet" })];
      assert.deepEqual(await subjects({ metrics: ["email.delivered"], keys }), ["default/email.delivered"]);
    },
  },
  {
    about,
    name: "without keys due answers those that have waited longest, at most limit of them",
    async run({ store }) {
      const feeds = [birth(restless)];
      for (const [i, subject] of ["c", "a", "d", "b"].entries()) {
        await record(store, [event({ subject, id: subject, feeds })], at(i * 1000));
      }
      await record(store, [event({ subject: "c", id: "c2", feeds })], at(9000));
      const waiting = async (limit: number) =>
        (await store.counters.due({ metrics: ["email.delivered"], limit, trailLimit: 10 })).map((each) => each.subject);
      assert.deepEqual((await waiting(2)).sort(), ["a", "c"]);
      assert.deepEqual((await waiting(3)).sort(), ["a", "c", "d"]);
      const evaluations = [evaluation({ subject: "a", band: restless })];
      await store.crossings.commitEvaluation({ evaluations, now: at(10_000) });
      await record(store, [event({ subject: "a", id: "a2", feeds })], at(11_000));
      assert.deepEqual((await waiting(3)).sort(), ["b", "c", "d"], "one that was evaluated waits anew");
    },
  },
  {
    about,
    name: "due answers at most trailLimit rows of each counter, the first ones",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      for (let i = 0; i < 4; i++) {
        await record(store, [event({ id: `a${i}`, feeds }), event({ id: `b${i}`, subject: "b", feeds })]);
      }
      const due = await store.counters.due({ metrics: ["email.delivered"], limit: 10, trailLimit: 3 });
      assert.deepEqual(
        due.map((each) => each.trail.map((trail) => trail.rev)),
        [
          [1, 2, 3],
          [1, 2, 3],
        ],
      );
      const evaluations = [evaluation({ upTo: 3, band: restless })];
      await store.crossings.commitEvaluation({ evaluations });
      assert.deepEqual(
        (await dueCounter(store))?.trail.map((trail) => trail.rev),
        [4],
      );
    },
  },
  {
    about,
    name: "due locks nothing and a repeat answers the same",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await record(one, [event({ feeds: [birth({ due: true })] })]);
      const [first, second] = await Promise.all([dueCounter(one), dueCounter(two)]);
      assert.deepEqual(first, second);
      assert.deepEqual(await dueCounter(one), first);
    },
  },
];
