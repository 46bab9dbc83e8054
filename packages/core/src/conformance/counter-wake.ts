import assert from "node:assert/strict";
import type { CounterKey, CounterRepository } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import { compareCounterKeys } from "../store/tally.js";
import type { ConformanceCase } from "./case.js";
import { about, birth, counter, counterKey, dueCounter, event, record } from "./counter-samples.js";
import { evaluation } from "./crossing-samples.js";
import { assertOwnClock, at, awkwardKeys, minute, start, twoStores } from "./samples.js";

const metrics = [counterKey().metric];

type Asleep = Partial<CounterKey> & { readonly wakeAt: Date };

/** Counters that counted one event, were evaluated and are to be woken. */
async function asleep(store: Store, ...counters: readonly Asleep[]): Promise<void> {
  for (const { wakeAt, ...fields } of counters) {
    const key = counterKey(fields);
    const id = JSON.stringify(key).slice(-200);
    await record(store, [event({ ...key, id, feeds: [birth({ period: key.period, due: true })] })]);
    const evaluations = [evaluation({ ...key, wakeAt })];
    assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["committed"]);
  }
}

type Wake = Parameters<CounterRepository["wake"]>[0];
async function wake(store: Store, fields: Partial<Wake> = {}): Promise<readonly CounterKey[]> {
  return store.counters.wake({ metrics, limit: 100, now: start, ...fields });
}

async function woken(store: Store, fields: Partial<Wake> = {}): Promise<readonly string[]> {
  return (await wake(store, fields)).map(({ subject }) => subject);
}

export const counterWakeCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a woken counter gets a trail row without events that says when, is due, and is not woken again",
    async run(opened) {
      const { store } = opened;
      await asleep(store, { wakeAt: at(-1) });
      assert.deepEqual(await wake(store, { at: at(7) }), [counterKey()]);
      const [, other] = await twoStores(opened);
      const nothing = { limitVersion: null, ids: [], amounts: [], occurredAts: [] };
      const row = { rev: 2, generation: 1, from: 1, ...nothing, mark: { wokenAt: at(7).toISOString() } };
      assert.deepEqual(await dueCounter(other), {
        ...counterKey(),
        folded: 1,
        generation: 1,
        state: {},
        trail: [row],
      });
      assert.deepEqual(await counter(other), { value: 1, rev: 2, due: true });
      assert.deepEqual(await wake(other, { at: at(7) }), [], "a repeat wakes nobody");
      await record(other, [event({ id: "next", amount: 5 })]);
      const marks = (await dueCounter(other))?.trail.map(({ rev, from, mark }) => [rev, from, mark]);
      assert.deepEqual(marks, [
        [2, 1, row.mark],
        [3, 1, undefined],
      ]);
    },
  },
  {
    about,
    name: "a counter is woken at its time to the millisecond, and one without a time never",
    async run({ store }) {
      await asleep(store, { wakeAt: at(1000) });
      await record(store, [event({ subject: "never", id: "never" })]);
      assert.deepEqual(await woken(store, { at: at(999) }), []);
      assert.deepEqual(await woken(store, { now: at(999) }), [], "without a time: now");
      assert.deepEqual(await counter(store), { value: 1, rev: 1, due: false });
      assert.deepEqual(await woken(store, { now: at(1000) }), ["acme"]);
      assert.deepEqual((await dueCounter(store))?.trail[0]?.mark, { wokenAt: at(1000).toISOString() });
      assert.deepEqual(await woken(store, { at: at(1e12) }), []);
    },
  },
  {
    about,
    name: "each evaluation replaces the time, and one without a time takes it back",
    async run({ store }) {
      await asleep(store, { wakeAt: at(1000) });
      for (const [i, wakeAt] of [at(2000), undefined].entries()) {
        await record(store, [event({ id: `e${i}` })]);
        const evaluations = [evaluation({ from: i + 1, upTo: i + 2, ...(wakeAt && { wakeAt }) })];
        assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["committed"]);
        assert.deepEqual(await woken(store, { at: at(1999) }), []);
      }
      assert.deepEqual(await woken(store, { at: at(1e12) }), []);
      const lost = [evaluation({ from: 9, upTo: 9, wakeAt: start })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: lost }), ["lost"]);
      assert.deepEqual(await woken(store, { at: at(1e12) }), [], "a lost one sets none");
    },
  },
  {
    about,
    name: "those that were to be woken first are, at most limit",
    async run({ store }) {
      const subjects = ["c", "a", "d", "b"];
      await asleep(store, ...subjects.map((subject, i) => ({ subject, wakeAt: at(i * 10) })));
      assert.deepEqual([...(await woken(store, { at: at(25), limit: 2 }))].sort(), ["a", "c"]);
      assert.deepEqual(await woken(store, { at: at(25), limit: 2 }), ["d"]);
      assert.deepEqual(await woken(store, { at: at(30), limit: 2 }), ["b"]);
    },
  },
  {
    about,
    name: "a counter that is due already is woken too, after what it has counted, and keeps its place among those that wait",
    async run({ store }) {
      await asleep(store, { subject: "first", wakeAt: start }, { subject: "second", wakeAt: start });
      for (const [i, subject] of ["first", "second"].entries()) {
        const evaluations = [evaluation({ subject, from: 1, upTo: 1, band: { below: 1, above: null }, wakeAt: start })];
        assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["committed"]);
        await record(store, [event({ subject, id: `late ${subject}`, amount: -5 })], at(i * 1000));
      }
      await wake(store, { at: at(1), now: at(5000), subject: { tenant: "default", subject: "first" } });
      const trail = (await dueCounter(store, { subject: "first" }))?.trail ?? [];
      assert.deepEqual(
        trail.map(({ rev, from, ids, mark }) => [rev, from, ids, mark]),
        [
          [2, 1, ["late first"], undefined],
          [3, -4, [], { wokenAt: at(1).toISOString() }],
        ],
      );
      const [longest] = await store.counters.due({ metrics, limit: 1, trailLimit: 1 });
      assert.equal(longest?.subject, "first");
    },
  },
  {
    about,
    name: "only counters of these metrics, and of this subject and tenant where one is given, are woken",
    async run({ store }) {
      const wakeAt = start;
      const periods = ["day:UTC:2026-11-05", "lifetime"];
      await asleep(
        store,
        ...periods.map((period) => ({ period, wakeAt })),
        { metric: "ad.spend", wakeAt },
        { subject: "globex", wakeAt },
        { tenant: "other", wakeAt },
      );
      assert.deepEqual(await wake(store, { metrics: [] }), []);
      assert.deepEqual(await wake(store, { metrics: ["nothing"] }), []);
      assert.deepEqual(await wake(store, { subject: { tenant: "default", subject: "nobody" } }), []);
      const mine = await wake(store, { subject: { tenant: "default", subject: "acme" } });
      const expected = periods.map((period) => counterKey({ period }));
      assert.deepEqual([...mine].sort(compareCounterKeys), expected);
      const theirs = await wake(store, { subject: { tenant: "other", subject: "acme" } });
      assert.deepEqual(theirs, [counterKey({ tenant: "other" })]);
      assert.deepEqual(await woken(store), ["globex"]);
      assert.deepEqual(await wake(store, { metrics: ["ad.spend"] }), [counterKey({ metric: "ad.spend" })]);
    },
  },
  {
    about,
    name: "any counter can be woken, whatever its key",
    async run({ store }) {
      await asleep(store, ...awkwardKeys.map((key) => ({ subject: key, period: key, wakeAt: start })));
      assert.deepEqual([...(await woken(store))].sort(), [...awkwardKeys].sort());
    },
  },
  {
    about,
    name: "callers at once wake each counter once",
    async run(opened) {
      const stores = await twoStores(opened);
      const subjects = Array.from({ length: 24 }, (_, i) => `s-${i}`);
      await asleep(stores[0], ...subjects.map((subject) => ({ subject, wakeAt: start })));
      const got = await Promise.all(Array.from({ length: 6 }, (_, i) => woken(stores[i % 2]!, { limit: 10 })));
      const all = [...got.flat(), ...(await woken(stores[0]))];
      assert.deepEqual(all.sort(), [...subjects].sort());
      for (const subject of subjects) {
        assert.deepEqual(await counter(stores[1], { subject }), { value: 1, rev: 2, due: true });
      }
    },
  },
  {
    about,
    name: "beside events and an evaluation a woken counter loses nothing of its trail",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let i = 0; i < 12; i++) {
        const subject = `s-${i}`;
        await record(one, [event({ subject, id: `born ${i}`, feeds: [birth({ due: true })] })]);
        await one.crossings.commitEvaluation({ evaluations: [evaluation({ subject, wakeAt: start })] });
        await record(one, [event({ subject, id: `more ${i}` })]);
        const [keys] = await Promise.all([
          wake(one, { subject: { tenant: "default", subject } }),
          record(two, [event({ subject, id: `beside ${i}` })]),
          two.crossings.commitEvaluation({ evaluations: [evaluation({ subject, from: 1, upTo: 2, wakeAt: at(9) })] }),
        ]);
        const waiting = await dueCounter(one, { subject });
        const marked = waiting?.trail.filter(({ mark }) => mark !== undefined) ?? [];
        assert.equal(marked.length, keys.length, "told exactly if it was woken");
        assert.equal((await counter(two, { subject }))?.rev, 3 + keys.length);
      }
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides who is woken, and says when",
    async run({ store }) {
      const fromNow = (minutes: number) => new Date(Date.now() + minutes * minute);
      await asleep(store, { wakeAt: fromNow(10) }, { subject: "globex", wakeAt: fromNow(-10) });
      await assertOwnClock(async () => {
        const keys = await store.counters.wake({ metrics, limit: 10 });
        assert.deepEqual(keys, [counterKey({ subject: "globex" })]);
        const mark = (await dueCounter(store, { subject: "globex" }))?.trail[0]?.mark;
        return mark && "wokenAt" in mark ? new Date(mark.wokenAt) : null;
      });
    },
  },
];
