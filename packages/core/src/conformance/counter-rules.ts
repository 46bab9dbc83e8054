import assert from "node:assert/strict";
import type { RecordedEvent, RecordingRules } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import {
  about,
  birth,
  counter,
  counterKey,
  definition,
  dueCounter,
  event,
  events,
  record,
  restless,
  rules,
} from "./counter-samples.js";
import { at, awkwardKeys, start, twoStores } from "./samples.js";

const metric = "email.delivered";

/** Installs generations of a metric up to this one. */
async function installed(store: Store, generation: number, name = metric): Promise<void> {
  for (let each = 1; each <= generation; each++) {
    await store.definitions.install({ definitions: [definition({ metric: name, generation: each })] });
  }
}

/** Adds a batch of one metric under these rules, which are the stored ones. */
async function add(store: Store, batch: readonly RecordedEvent[], fields: Partial<RecordingRules>) {
  const result = await store.counters.add({ events: batch, rules: rules(batch[0]!.metric, fields), now: start });
  assert.deepEqual(result.stale, []);
  return result;
}

/** The generations of what a metric's counters have reached, by subject. */
async function reached(store: Store, name = metric): Promise<Record<string, number>> {
  const { counters } = await store.counters.idle({ metric: name, generation: 1_000, limit: 1_000 });
  const due = await store.counters.due({ metrics: [name], limit: 1_000, trailLimit: 1 });
  return Object.fromEntries([...counters, ...due].map((each) => [each.subject, each.generation]));
}

/** What a batch knows of its metrics: under which generation it counts, and since when the bands of counters hold. */
export const counterRulesCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a counter is born with the generation it is counted under, and keeps it when it is counted on",
    async run(opened) {
      const { store } = opened;
      await installed(store, 1);
      const born = [event({ subject: "quiet" }), event({ subject: "due", id: "d", feeds: [birth({ due: true })] })];
      await add(store, born, { generation: 1 });
      await installed(store, 3);
      await add(store, [event({ subject: "later", id: "l" })], { generation: 3 });
      await add(store, [event({ subject: "quiet", id: "q2" }), event({ subject: "due", id: "d2" })], { generation: 3 });
      const [, other] = await twoStores(opened);
      assert.deepEqual(await reached(other), { quiet: 1, due: 1, later: 3 });
    },
  },
  {
    about,
    name: "every counter that an event gives birth to has the generation, whatever its period",
    async run({ store }) {
      await installed(store, 2);
      const feeds = ["lifetime", "day:UTC:2026-11-05", "year:UTC:2026"].map((period) => birth({ period }));
      await add(store, [event({ feeds })], { generation: 2, bandsSince: 2 });
      const { counters } = await store.counters.idle({ metric, generation: 3, limit: 10 });
      assert.deepEqual(
        counters.map((each) => [each.period, each.generation, each.value]),
        [
          ["day:UTC:2026-11-05", 2, 1],
          ["lifetime", 2, 1],
          ["year:UTC:2026", 2, 1],
        ],
      );
    },
  },
  {
    about,
    name: "a counter that has not met what came since becomes due inside its band, from the value it had",
    async run(opened) {
      const { store } = opened;
      await record(store, events("a", [5, 6], { feeds: [birth({ below: -100, above: 100 })] }));
      await installed(store, 2);
      const batch = events("b", [2, -1], { feeds: [birth({ above: 100 })] });
      const { counters } = await add(store, batch, { generation: 2, bandsSince: 2 });
      assert.deepEqual(counters, [{ ...counterKey(), value: 12, rev: 2, due: true }]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await dueCounter(other), {
        ...counterKey(),
        folded: 0,
        generation: 1,
        state: {},
        trail: [
          {
            rev: 2,
            generation: 2,
            from: 11,
            ids: ["b-0", "b-1"],
            limitVersion: null,
            amounts: [2, -1],
            occurredAts: [at(0), at(1)],
          },
        ],
      });
    },
  },
  {
    about,
    name: "an event of amount zero makes a counter due that has not met what came since, also one without bounds",
    async run({ store }) {
      await record(store, [event()]);
      await installed(store, 2);
      await add(store, [event({ id: "zero", amount: 0 })], { generation: 2, bandsSince: 2 });
      assert.deepEqual(await counter(store), { value: 1, rev: 2, due: true });
    },
  },
  {
    about,
    name: "a counter of the generation since which bands hold, or a later one, stays quiet inside its band",
    async run({ store }) {
      await record(store, [event()]);
      await installed(store, 5);
      await add(store, [event({ id: "b" })], { generation: 5, bandsSince: 1 });
      assert.deepEqual(await counter(store), { value: 2, rev: 2, due: false });
      await add(store, [event({ id: "new", subject: "new" })], { generation: 5, bandsSince: 5 });
      await add(store, [event({ id: "new-2", subject: "new" })], { generation: 5, bandsSince: 5 });
      assert.deepEqual(await counter(store, { subject: "new" }), { value: 2, rev: 2, due: false });
      await installed(store, 6);
      await add(store, [event({ id: "new-3", subject: "new" })], { generation: 6, bandsSince: 3 });
      assert.deepEqual(await counter(store, { subject: "new" }), { value: 3, rev: 3, due: false });
      assert.equal(await dueCounter(store, { subject: "new" }), undefined);
      await add(store, [event({ id: "c" })], { generation: 6, bandsSince: 2 });
      assert.deepEqual(await counter(store), { value: 3, rev: 3, due: true });
    },
  },
  {
    about,
    name: "duplicates alone make no counter due, whatever it has not met",
    async run({ store }) {
      await record(store, [event()]);
      await installed(store, 2);
      const { duplicates } = await add(store, [event()], { generation: 2, bandsSince: 2 });
      assert.deepEqual(duplicates, [0]);
      assert.deepEqual(await counter(store), { value: 1, rev: 1, due: false });
    },
  },
  {
    about,
    name: "one trail holds rows of several generations in the order of their revs, each with its own",
    async run(opened) {
      const { store } = opened;
      const feeds = [birth(restless)];
      for (const generation of [1, 2, 3]) {
        await installed(store, generation);
        for (const n of [1, 2]) await add(store, [event({ id: `${generation}-${n}`, feeds })], { generation });
      }
      const [, other] = await twoStores(opened);
      const due = await dueCounter(other);
      assert.equal(due?.generation, 1);
      assert.deepEqual(
        due?.trail.map((each) => [each.rev, each.generation, each.from, ...each.ids]),
        [
          [1, 1, 0, "1-1"],
          [2, 1, 1, "1-2"],
          [3, 2, 2, "2-1"],
          [4, 2, 3, "2-2"],
          [5, 3, 4, "3-1"],
          [6, 3, 5, "3-2"],
        ],
      );
    },
  },
  {
    about,
    name: "each metric of a batch is counted by its own rules",
    async run({ store }) {
      const metrics = ["first", "second", "third"];
      const batch = (id: string) => metrics.map((name) => event({ metric: name, id }));
      await record(store, batch("a"));
      for (const [i, name] of metrics.entries()) await installed(store, i + 1, name);
      const known = {
        ...rules("first"),
        ...rules("second", { generation: 2, bandsSince: 1 }),
        ...rules("third", { generation: 3, bandsSince: 3 }),
      };
      const fresh = metrics.map((name) => event({ metric: name, id: "new", subject: "new" }));
      const result = await store.counters.add({ events: [...batch("b"), ...fresh], rules: known });
      assert.deepEqual([result.stale, result.duplicates, result.counters.length], [[], [], 6]);
      for (const [i, name] of metrics.entries()) {
        assert.deepEqual(await counter(store, { metric: name }), { value: 2, rev: 2, due: name === "third" });
        assert.deepEqual(await reached(store, name), { acme: 1, new: i + 1 });
      }
      assert.equal((await dueCounter(store, { metric: "third" }))?.trail[0]?.generation, 3);
    },
  },
  {
    about,
    name: "where one metric's rules are stale nothing of the batch is stored, and the same ids count later",
    async run(opened) {
      const { store } = opened;
      const metrics = ["first", "second", "third"];
      for (const name of metrics) await installed(store, 2, name);
      const feeds = [birth({ due: true })];
      const batch = metrics.map((name) => event({ metric: name, feeds }));
      for (const stale of metrics) {
        for (const generation of [0, 1, 3]) {
          const fields = { generation: 2, bandsSince: 2, retain: "events", purged: true } as const;
          const known = { ...rules(metrics, fields), ...rules(stale, { ...fields, generation }) };
          const result = await store.counters.add({ events: batch, rules: known, now: start });
          assert.deepEqual(result, { stale: [stale], duplicates: [], counters: [] });
        }
      }
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.counters.list({ tenant: "default", limit: 10 }), []);
      assert.deepEqual(await other.counters.due({ metrics, limit: 10, trailLimit: 10 }), []);
      for (const name of metrics) {
        assert.deepEqual(await other.events.list({ tenant: "default", metric: name, subject: "acme", limit: 10 }), []);
      }
      const { duplicates } = await other.counters.add({ events: batch, rules: rules(metrics, { generation: 2 }) });
      assert.deepEqual(duplicates, []);
    },
  },
  {
    about,
    name: "many callers at once on a counter that has not met what came since leave an unbroken trail from its value",
    async run(opened) {
      const stores = await twoStores(opened);
      await record(opened.store, [event({ id: "first", amount: 7 })]);
      await installed(opened.store, 2);
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          add(stores[i % 2]!, events(`b${i}`, [1, i]), { generation: 2, bandsSince: 2 }),
        ),
      );
      const { trail } = (await dueCounter(opened.store))!;
      let value = 7;
      for (const [i, each] of trail.entries()) {
        assert.deepEqual([each.rev, each.generation, each.from], [i + 2, 2, value]);
        value = each.amounts.reduce((sum, amount) => sum + amount, value);
      }
      assert.deepEqual(await counter(opened.store), { value, rev: 21, due: true });
      assert.equal(trail.length, 20);
    },
  },
  {
    about,
    name: "rules are known by any metric's name",
    async run({ store }) {
      const batch = awkwardKeys.map((name) => event({ metric: name }));
      await store.definitions.install({ definitions: awkwardKeys.map((name) => definition({ metric: name })) });
      const fields = { retain: "events", purged: true } as const;
      assert.equal((await store.counters.add({ events: batch, rules: rules(awkwardKeys, fields) })).stale.length, 0);
      for (const name of awkwardKeys) {
        const kept = await store.events.list({ tenant: "default", metric: name, subject: "acme", limit: 10 });
        assert.deepEqual(
          kept.map((each) => each.metric),
          [name],
        );
      }
      const later = rules(awkwardKeys, { generation: 2 });
      const { stale } = await store.counters.add({ events: batch, rules: later });
      assert.deepEqual([...stale].sort(), [...awkwardKeys].sort());
    },
  },
];
