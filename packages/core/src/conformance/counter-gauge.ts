import assert from "node:assert/strict";
import type { AddResult, RecordedEvent, RecordingRules } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import {
  about,
  birth,
  counter,
  definition,
  dueCounter,
  event,
  events,
  record,
  restless,
  rules,
} from "./counter-samples.js";
import { evaluation } from "./crossing-samples.js";
import { kept, retained } from "./event-samples.js";
import { assertRefused, max, start, twoStores } from "./samples.js";

/** Adds a batch whose amounts are values. */
function observe(
  store: Store,
  batch: readonly RecordedEvent[],
  fields: Partial<RecordingRules> = {},
): Promise<AddResult> {
  return record(store, batch, start, { gauge: true, ...fields });
}

const always = [birth({ due: true })];
const month = birth({ period: "month:UTC:2026-11", due: true });

async function steps(store: Store, fields: Parameters<typeof dueCounter>[1] = {}) {
  return (await dueCounter(store, fields))?.trail.map(({ rev, from, ids, amounts }) => [rev, from, ids, amounts]);
}

/** Metrics whose amounts are values: what is kept of them are the steps that lead from one value to the next. */
export const counterGaugeCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an observation of a gauge sets the value, and its trail has the steps that lead there",
    async run(opened) {
      const { store } = opened;
      const first = await observe(store, events("a", [7, 3, -2], { feeds: always }));
      assert.deepEqual(
        first.counters.map(({ value, rev, due }) => [value, rev, due]),
        [[-2, 1, true]],
      );
      await observe(store, events("b", [10], { feeds: always }));
      await observe(store, events("c", [10, 0], { feeds: always }));
      const [, other] = await twoStores(opened);
      assert.deepEqual(await counter(other), { value: 0, rev: 3, due: true });
      assert.deepEqual(await steps(other), [
        [1, 0, ["a-0", "a-1", "a-2"], [7, -4, -5]],
        [2, -2, ["b-0"], [12]],
        [3, 10, ["c-0", "c-1"], [0, -10]],
      ]);
    },
  },
  {
    about,
    name: "every counter that an observation feeds is set to the value, each by its own step",
    async run({ store }) {
      await observe(store, events("a", [100], { feeds: always }));
      await observe(store, [
        event({ id: "b", amount: 60, feeds: [month, ...always] }),
        event({ id: "lifetime only", amount: 10, feeds: always }),
        event({ id: "c", amount: 80, feeds: [...always, month] }),
      ]);
      assert.deepEqual(await steps(store), [
        [1, 0, ["a-0"], [100]],
        [2, 100, ["b", "lifetime only", "c"], [-40, -50, 70]],
      ]);
      assert.deepEqual(await steps(store, { period: month.period }), [[1, 0, ["b", "c"], [60, 20]]]);
      assert.equal((await counter(store, { period: month.period }))?.value, 80);
    },
  },
  {
    about,
    name: "in the band a gauge goes anywhere without a trail, and its next step begins where it stands",
    async run({ store }) {
      const feeds = [birth({ below: -10, above: 10 })];
      for (const [i, value] of [9, -9, 0, 5].entries())
        await observe(store, events(`q${i}`, [value, -value], { feeds }));
      assert.deepEqual(await counter(store), { value: -5, rev: 4, due: false });
      assert.equal(await dueCounter(store), undefined);
      await observe(store, events("r", [10], { feeds }));
      assert.deepEqual(await steps(store), [[5, -5, ["r-0"], [15]]]);
    },
  },
  {
    about,
    name: "every value on the way is looked at: a gauge that leaves its band and returns in one batch is due",
    async run({ store }) {
      const feeds = [birth({ below: -10, above: 10 })];
      await observe(store, [...events("up", [1, 10, 1], { feeds, subject: "up" })]);
      await observe(store, [...events("down", [1, -10, 1], { feeds, subject: "down" })]);
      await observe(store, [...events("in", [9, -9, 9], { feeds, subject: "in" })]);
      for (const [subject, due] of [
        ["up", true],
        ["down", true],
        ["in", false],
      ] as const) {
        assert.equal((await counter(store, { subject }))?.due, due, `${subject}, new`);
      }
      await observe(store, [...events("in-2", [9, -10, 9], { feeds, subject: "in" })]);
      assert.equal((await counter(store, { subject: "in" }))?.due, true, "also one that was there");
      await observe(store, [...events("far", [9], { feeds, subject: "far" })]);
      await observe(store, [...events("far-2", [9], { feeds, subject: "far" })]);
      assert.equal((await counter(store, { subject: "far" }))?.due, false, "values are not added up");
    },
  },
  {
    about,
    name: "a gauge's counter that has not met every milestone is due at its next observation, and folds on from there",
    async run({ store }) {
      await observe(store, events("a", [5]));
      await observe(store, events("b", [5]), { bandsSince: 2 });
      assert.deepEqual(await steps(store), [[2, 5, ["b-0"], [0]]]);
      const evaluated = evaluation({ from: 0, upTo: 2, band: { below: null, above: 9 } });
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: [evaluated] }), ["committed"]);
      await observe(store, events("c", [8, 9]));
      assert.deepEqual(await steps(store), [[3, 5, ["c-0", "c-1"], [3, 1]]]);
    },
  },
  {
    about,
    name: "an id that was observed before sets nothing, and the steps beside it join",
    async run({ store }) {
      const feeds = always;
      await observe(store, events("a", [5, 50], { feeds }));
      const batch = [
        event({ id: "b", amount: 10, feeds }),
        event({ id: "a-0", amount: 1_000, feeds }),
        event({ id: "c", amount: 12, feeds }),
        event({ id: "a-1", amount: -1_000, feeds }),
      ];
      assert.deepEqual((await observe(store, batch)).duplicates, [1, 3]);
      assert.deepEqual(await counter(store), { value: 12, rev: 2, due: true });
      assert.deepEqual((await observe(store, batch)).duplicates, [0, 1, 2, 3]);
      assert.deepEqual(await steps(store), [
        [1, 0, ["a-0", "a-1"], [5, 45]],
        [2, 50, ["b", "c"], [-40, 2]],
      ]);
    },
  },
  {
    about,
    name: "a repeat at the edge of the band does not make a gauge due",
    async run({ store }) {
      const feeds = [birth({ above: 100 })];
      await observe(store, events("a", [5], { feeds }));
      await observe(store, [event({ id: "a-0", amount: 500, feeds }), event({ id: "b", amount: 99, feeds })]);
      assert.deepEqual(await counter(store), { value: 99, rev: 2, due: false });
    },
  },
  {
    about,
    name: "a gauge and a metric that counts share a batch, each by its own rules",
    async run({ store }) {
      const metrics = ["depth", "sent"];
      await store.definitions.install({ definitions: metrics.map((metric) => definition({ metric })) });
      const known = { ...rules("sent", { retain: "events" }), ...rules("depth", { gauge: true }) };
      const batch = (round: number) =>
        [4, 9, 2, 5].map((amount, i) =>
          event({ id: `e${round}-${i}`, metric: metrics[i % 2]!, amount, feeds: [...always, month] }),
        );
      await store.counters.add({ events: batch(1), rules: known, now: start });
      await store.counters.add({ events: [...batch(1).slice(1, 3), ...batch(2)], rules: known, now: start });
      for (const period of ["lifetime", month.period]) {
        assert.deepEqual(await counter(store, { metric: "depth", period }), { value: 2, rev: 2, due: true });
        assert.deepEqual(await counter(store, { metric: "sent", period }), { value: 28, rev: 2, due: true });
        assert.deepEqual(await steps(store, { metric: "depth", period }), [
          [1, 0, ["e1-0", "e1-2"], [4, -2]],
          [2, 2, ["e2-0", "e2-2"], [2, -2]],
        ]);
        assert.deepEqual(await steps(store, { metric: "sent", period }), [
          [1, 0, ["e1-1", "e1-3"], [9, 5]],
          [2, 14, ["e2-1", "e2-3"], [9, 5]],
        ]);
      }
      assert.deepEqual(
        (await kept(store, { metric: "sent" })).map(({ value }) => value),
        [9, 14, 23, 28],
      );
    },
  },
  {
    about,
    name: "of a retained observation the step is kept as its amount, and the observed value",
    async run({ store }) {
      const fields = { retain: "events", purged: true } as const;
      const batch = events("a", [7, -3, -3], { feeds: [month, birth()] });
      await observe(store, batch, fields);
      const more = [event({ id: "b", amount: 10 }), batch[0]!, event({ id: "c", amount: 0 })];
      await observe(store, more, fields);
      const list = await kept(store);
      assert.deepEqual(list, [
        retained({ ...batch[0]!, amount: 7 }, { value: 7, rev: 1, place: 0 }),
        retained({ ...batch[1]!, amount: -10 }, { value: -3, rev: 1, place: 1 }),
        retained({ ...batch[2]!, amount: 0 }, { value: -3, rev: 1, place: 2 }),
        retained({ ...more[0]!, amount: 13 }, { value: 10, rev: 2, place: 0 }),
        retained({ ...more[2]!, amount: -10 }, { value: 0, rev: 2, place: 1 }),
      ]);
      assert.equal(
        list.reduce((sum, { amount }) => sum + amount, 0),
        (await counter(store))?.value,
        "the amounts add up to the value",
      );
    },
  },
  {
    about,
    name: "values at both ends of the safe integers are exact; a step that leaves them refuses the whole batch",
    async run(opened) {
      const { store } = opened;
      const feeds = always;
      await observe(store, events("a", [max, 0, -max, 0, max], { feeds }), { retain: "events" });
      assert.deepEqual(await steps(store), [[1, 0, ["a-0", "a-1", "a-2", "a-3", "a-4"], [max, -max, -max, max, max]]]);
      const wide: readonly (readonly number[])[] = [[-1], [5, -max, 2], [1, max, -2, 1]];
      for (const quiet of [true, false]) {
        const subject = quiet ? "quiet" : "acme";
        const fed = quiet ? [birth()] : feeds;
        if (quiet) await observe(store, events("q", [max], { subject, feeds: fed }));
        for (const [i, values] of wide.entries()) {
          const batch = [
            event({ id: `fresh-${i}`, subject: "fresh", feeds: always }),
            ...events(`far-${i}`, values, { subject, feeds: fed }),
          ];
          await assertRefused(observe(store, batch), "counter_overflow");
          await assertRefused(observe(store, [...batch].reverse()), "counter_overflow");
        }
        const [, other] = await twoStores(opened);
        assert.deepEqual(await counter(other, { subject }), { value: max, rev: 1, due: !quiet });
        assert.equal(await counter(other, { subject: "fresh" }), undefined);
      }
      assert.deepEqual((await observe(store, events("far-0", [0], { feeds }))).duplicates, [], "no id was left");
      assert.equal((await kept(store)).length, 5);
    },
  },
  {
    about,
    name: "a drained observation sets the value like any other, and its row is gone with the same step",
    requires: "hostTransactions",
    async run(opened) {
      const host = await opened.hostTransaction!();
      const waiting = { tenant: "default", metric: "email.delivered", id: "a", subject: "acme", occurredAt: start };
      await opened.store.inbox.enqueue(host.tx, [{ ...waiting, amount: -5, observed: true }]);
      await opened.store.inbox.enqueue(host.tx, [{ ...waiting, id: "b", amount: 5, observed: false }]);
      await host.commit();
      const rows = await opened.store.inbox.list({ refused: false, limit: 10 });
      assert.deepEqual(
        rows.map(({ id, amount, observed }) => [id, amount, observed]),
        [
          ["a", -5, true],
          ["b", 5, false],
        ],
      );
      await observe(opened.store, events("before", [3], { feeds: always }));
      const [, other] = await twoStores(opened);
      await other.counters.add({
        events: [event({ id: "a", amount: -5 })],
        rules: rules("email.delivered", { gauge: true }),
        drained: [rows[0]!.number],
      });
      assert.deepEqual(await steps(opened.store), [
        [1, 0, ["before-0"], [3]],
        [2, 3, ["a"], [-8]],
      ]);
      assert.deepEqual(await opened.store.inbox.list({ refused: false, limit: 10 }), [rows[1]]);
    },
  },
  {
    about,
    name: "many observers at once leave one chain of steps, whose end is the value that was observed last",
    async run(opened) {
      const stores = await twoStores(opened);
      const observers = 60;
      const values = (i: number) => [i * 7, -1 - i, i * 1_000];
      const answers = await Promise.all(
        Array.from({ length: observers }, (_, i) => {
          const feeds = [birth(restless), month];
          return observe(stores[i % 2]!, events(`o${i}`, values(i), { feeds }), { retain: i % 3 ? "ids" : "events" });
        }),
      );
      assert.ok(answers.every(({ duplicates }) => duplicates.length === 0));
      for (const period of ["lifetime", month.period]) {
        const trail = (await dueCounter(opened.store, { period }))!.trail;
        assert.deepEqual(
          trail.map(({ rev }) => rev),
          Array.from({ length: observers }, (_, i) => i + 1),
        );
        let value = 0;
        for (const { from, amounts, ids } of trail) {
          assert.equal(from, value, "each row begins where the one before it ended");
          const observed = values(Number(/\d+/.exec(ids[0]!)![0]));
          for (const [place, amount] of amounts.entries()) {
            value += amount;
            assert.equal(value, observed[place], `${ids[place]} leads to what it observed`);
          }
        }
        assert.equal((await counter(opened.store, { period }))?.value, value);
        for (const { counters } of answers) {
          const { rev, value: answered } = counters.find((each) => each.period === period)!;
          const { from, amounts } = trail[rev - 1]!;
          assert.equal(
            answered,
            amounts.reduce((sum, amount) => sum + amount, from),
            "and so it was answered",
          );
        }
      }
      for (const { amount, value, rev, place } of await kept(opened.store)) {
        const row = (await dueCounter(opened.store))!.trail[rev - 1]!;
        assert.deepEqual(
          [amount, value],
          [row.amounts[place], row.amounts.slice(0, place + 1).reduce((a, b) => a + b, row.from)],
        );
      }
    },
  },
  {
    about,
    name: "a batch of 1,000 observations of many gauges is one step",
    async run({ store }) {
      const batch = Array.from({ length: 1_000 }, (_, i) =>
        event({ id: `e${i}`, subject: `s${i % 50}`, amount: (i * 37) % 101, feeds: [...always, month] }),
      );
      const { counters } = await observe(store, batch);
      assert.equal(counters.length, 100);
      for (const { subject, value } of counters) {
        assert.equal(value, batch.filter((each) => each.subject === subject).at(-1)?.amount);
      }
    },
  },
];
