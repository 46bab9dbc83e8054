import assert from "node:assert/strict";
import type { CounterState } from "../store/counter-repository.js";
import type { CounterBirth } from "../store/definition-repository.js";
import type { ConformanceCase } from "./case.js";
import { about, birth, counter, counterKey, dueCounter, event, events, record } from "./counter-samples.js";
import { evaluation } from "./crossing-samples.js";
import { max } from "./samples.js";

/** Born with these bounds, moved by these amounts in one batch: due or not. */
const journeys: readonly {
  readonly name: string;
  readonly born: Partial<CounterBirth>;
  readonly amounts: readonly number[];
  readonly due: boolean;
}[] = [
  {
    name: "a counter that stays below its upper bound is not due",
    born: { above: 10 },
    amounts: [9],
    due: false,
  },
  { name: "a counter that reaches its upper bound is due", born: { above: 10 }, amounts: [9, 1], due: true },
  { name: "a counter that passes its upper bound is due", born: { above: 10 }, amounts: [11], due: true },
  {
    name: "a counter that stays above its lower bound is not due",
    born: { below: -3 },
    amounts: [-2],
    due: false,
  },
  {
    name: "a counter that reaches its lower bound is due",
    born: { below: -3 },
    amounts: [-2, -1],
    due: true,
  },
  { name: "a counter that passes its lower bound is due", born: { below: -3 }, amounts: [-9], due: true },
  {
    name: "a counter that reached its upper bound on the way and returned is due",
    born: { below: -5, above: 10 },
    amounts: [4, 6, -6],
    due: true,
  },
  {
    name: "a counter that reached its lower bound on the way and returned is due",
    born: { below: -5, above: 10 },
    amounts: [4, -9, 5],
    due: true,
  },
  {
    name: "a counter that never leaves its band on the way is not due, though the amounts alone would",
    born: { below: -5, above: 10 },
    amounts: [9, -13, 13, -9],
    due: false,
  },
  { name: "without a lower bound no value is too low", born: { above: 1 }, amounts: [-max], due: false },
  { name: "without an upper bound no value is too high", born: { below: -1 }, amounts: [max], due: false },
  { name: "without bounds a counter is never due", born: {}, amounts: [max, -max, -max, max], due: false },
  { name: "a bound of zero is a bound: above", born: { above: 0 }, amounts: [-1, 1], due: true },
  { name: "a bound of zero is a bound: below", born: { below: 0 }, amounts: [1, -1], due: true },
  {
    name: "the value before the first event is not on the way",
    born: { below: 0 },
    amounts: [1],
    due: false,
  },
  { name: "an event of amount zero is a value on the way", born: { above: 0 }, amounts: [0], due: true },
  {
    name: "a counter that is born due is due inside its band",
    born: { above: 10, due: true },
    amounts: [1],
    due: true,
  },
  { name: "a counter that is born due is due without bounds", born: { due: true }, amounts: [0], due: true },
];

const journeyCases: readonly ConformanceCase[] = journeys.map(({ name, born, amounts, due }) => ({
  about,
  name,
  async run({ store }) {
    const batch = events("e", amounts, { feeds: [birth(born)] });
    const value = amounts.reduce((sum, amount) => sum + amount, 0);
    const state: CounterState = { ...counterKey(), value, rev: 1, due };
    assert.deepEqual((await record(store, batch)).counters, [state]);
    assert.deepEqual(await store.counters.get({ keys: [counterKey()] }), [state]);
    const trail = [
      {
        rev: 1,
        generation: 1,
        from: 0,
        limitVersion: null,
        ids: batch.map((e) => e.id),
        amounts,
        occurredAts: batch.map((e) => e.occurredAt),
      },
    ];
    assert.deepEqual(
      await dueCounter(store),
      due ? { ...counterKey(), folded: 0, generation: 1, state: {}, trail } : undefined,
    );
  },
}));

/** The same, but for a counter that has a value and a band from an evaluation. */
const laterCases: readonly ConformanceCase[] = journeys
  .filter(({ born }) => !born.due)
  .map(({ name, born, amounts, due }) => ({
    about,
    name: `on a counter that already has a value: ${name}`,
    async run({ store }) {
      const base = amounts.some((amount) => Math.abs(amount) === max) ? 0 : 1000;
      const band = {
        below: born.below == null ? null : born.below + base,
        above: born.above == null ? null : born.above + base,
      };
      await record(store, [event({ id: "base", amount: base, feeds: [birth({ due: true })] })]);
      await store.crossings.commitEvaluation({ evaluations: [evaluation({ band })] });
      const batch = events("e", amounts, { feeds: [birth({ due: true, above: 1 })] });
      const { counters } = await record(store, batch);
      const value = amounts.reduce((sum, amount) => sum + amount, base);
      assert.deepEqual(counters, [{ ...counterKey(), value, rev: 2, due }]);
      const waiting = await dueCounter(store);
      assert.deepEqual(
        waiting?.trail.map((trail) => [trail.rev, trail.from, ...trail.amounts]),
        due ? [[2, base, ...amounts]] : undefined,
      );
      assert.equal(waiting?.folded, due ? 1 : undefined);
    },
  }));

export const counterBandCases: readonly ConformanceCase[] = [
  ...journeyCases,
  ...laterCases,
  {
    about,
    name: "a counter keeps the band it was born with, whatever later events say of its birth",
    async run({ store }) {
      await record(store, events("a", [1], { feeds: [birth({ above: 10 })] }));
      await record(store, events("b", [1], { feeds: [birth({ above: 2, due: true })] }));
      assert.deepEqual(await counter(store), { value: 2, rev: 2, due: false });
      await record(store, events("c", [8], { feeds: [birth()] }));
      assert.deepEqual(await counter(store), { value: 10, rev: 3, due: true });
    },
  },
];
