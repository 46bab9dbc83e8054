import assert from "node:assert/strict";
import type { CounterEvaluation, EvaluationResult } from "../store/crossing-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import {
  birth,
  counter,
  counterKey,
  definition,
  dueCounter,
  event,
  record,
  restless,
  rules,
} from "./counter-samples.js";
import { about, crossing, due, evaluation, listed, stored } from "./crossing-samples.js";
import { start, twoStores } from "./samples.js";

const metric = "email.delivered";

/** Installs the definitions of the sample metric that follow the first, up to this generation. */
async function changed(store: Store, generation: number): Promise<void> {
  for (let each = 2; each <= generation; each++) {
    await store.definitions.install({ definitions: [definition({ generation: each })] });
  }
}

async function commit(store: Store, fields: Partial<CounterEvaluation>): Promise<EvaluationResult> {
  const evaluations = [evaluation(fields)];
  return (await store.crossings.commitEvaluation({ evaluations, now: start }))[0]!;
}

/** The generation that the sample counter has reached, if it is in its band. */
async function reached(store: Store): Promise<number | undefined> {
  const { counters } = await store.counters.idle({ metric, generation: 1_000, limit: 10 });
  return counters[0]?.generation;
}

/** The generation of the definition that an evaluation was made with, and the one its counter has afterwards. */
export const crossingCommitReachedCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an evaluation leaves its counter with the generation it reached",
    async run(opened) {
      const { store } = opened;
      await due(store);
      await changed(store, 3);
      assert.equal(await commit(store, { generation: 3, reached: 3 }), "committed");
      const [, other] = await twoStores(opened);
      assert.equal(await reached(other), 3);
      assert.deepEqual(await other.counters.idle({ metric, generation: 3, limit: 10 }), { counters: [], next: null });
    },
  },
  {
    about,
    name: "an evaluation that did not read the trail to its end may reach less than its generation",
    async run(opened) {
      const { store } = opened;
      const feeds = [birth({ due: true })];
      await record(store, [event({ id: "e1", feeds })]);
      for (const generation of [2, 3]) {
        await changed(store, generation);
        const known = rules(metric, { generation });
        await store.counters.add({ events: [event({ id: `e${generation}`, feeds })], rules: known });
      }
      const [, other] = await twoStores(opened);
      for (const [from, to] of [
        [0, 1],
        [1, 2],
      ] as const) {
        assert.equal(await commit(store, { generation: 3, reached: to, from, upTo: to }), "committed");
        const waiting = await dueCounter(other);
        assert.deepEqual([waiting?.generation, waiting?.folded], [to, to]);
        assert.deepEqual(
          waiting?.trail.map((each) => each.generation),
          [2, 3].slice(to - 1),
        );
      }
      assert.equal(await commit(store, { generation: 3, reached: 3, from: 2, upTo: 3 }), "committed");
      assert.equal(await dueCounter(other), undefined);
      assert.equal(await reached(other), 3);
    },
  },
  {
    about,
    name: "a counter whose band is of less than the generation since which bands hold is due with the next event",
    async run({ store }) {
      await due(store);
      await changed(store, 3);
      assert.equal(await commit(store, { generation: 3, reached: 2 }), "committed");
      assert.equal(await reached(store), 2);
      const add = (id: string, bandsSince: number) =>
        store.counters.add({ events: [event({ id })], rules: rules(metric, { generation: 3, bandsSince }) });
      await add("q", 2);
      assert.deepEqual(await counter(store), { value: 2, rev: 2, due: false });
      await add("r", 3);
      assert.deepEqual(await counter(store), { value: 3, rev: 3, due: true });
      assert.equal(await commit(store, { generation: 3, reached: 3, from: 1, upTo: 3 }), "committed");
      await add("s", 3);
      assert.deepEqual(await counter(store), { value: 4, rev: 4, due: false });
    },
  },
  {
    about,
    name: "an evaluation with a definition that was replaced meanwhile is lost and stores nothing",
    async run({ store }) {
      await due(store);
      await changed(store, 2);
      const before = await dueCounter(store);
      for (const generation of [1, 3]) {
        const fields = { generation, reached: generation, band: restless, state: { x: 1 }, crossings: [crossing()] };
        assert.equal(await commit(store, fields), "lost");
      }
      assert.deepEqual(await listed(store), []);
      assert.deepEqual(await dueCounter(store), before);
      assert.equal(await commit(store, { generation: 2, reached: 2, crossings: [crossing()] }), "committed");
      assert.deepEqual(await listed(store), [stored(crossing())]);
    },
  },
  {
    about,
    name: "beside a change of the definition an evaluation is whole, with the old generation, or lost",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let round = 0; round < 12; round++) {
        const key = { metric: `metric-${round}` };
        await record(one, [event({ ...key, feeds: [birth({ due: true })] })]);
        const found = crossing({ ...key, id: `cro-${round}`, threshold: `${round}` });
        const [, [answer]] = await Promise.all([
          one.definitions.install({ definitions: [definition({ ...key, generation: 2 })] }),
          two.crossings.commitEvaluation({ evaluations: [evaluation({ ...key, crossings: [found] })], now: start }),
        ]);
        const committed = answer === "committed";
        assert.deepEqual(await counter(one, key), { value: 1, rev: 1, due: !committed });
        const crossings = await one.crossings.list({ tenant: "default", metric: key.metric, limit: 10 });
        assert.deepEqual(crossings, committed ? [stored(found)] : []);
        const input = { ...counterKey(key), generation: 1 };
        assert.deepEqual(await one.crossings.commitEvaluation({ evaluations: [evaluation(input)] }), ["lost"]);
      }
    },
  },
];
