import assert from "node:assert/strict";
import type { CounterKey, IdleCounter } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import { compareCounterKeys } from "../store/tally.js";
import type { ConformanceCase } from "./case.js";
import { about, birth, counterKey, definition, event, events, quiet, record, rules } from "./counter-samples.js";
import { evaluation } from "./crossing-samples.js";
import { awkwardKeys, max, twoStores } from "./samples.js";

const metric = "email.delivered";

interface Walked {
  readonly counters: readonly IdleCounter[];
  /** How many were answered by each call. */
  readonly pages: readonly number[];
}

/** Walks a metric's counters from the first to the last, `limit` at a time. */
async function walked(store: Store, generation: number, limit: number): Promise<Walked> {
  const counters: IdleCounter[] = [];
  const pages: number[] = [];
  let after: CounterKey | undefined;
  for (;;) {
    const page = await store.counters.idle({ metric, generation, limit, ...(after && { after }) });
    counters.push(...page.counters);
    pages.push(page.counters.length);
    if (page.next === null) return { counters, pages };
    assert.ok(after === undefined || compareCounterKeys(page.next, after) > 0, "a walk goes on");
    after = page.next;
  }
}

const subjects = (counters: readonly IdleCounter[]): string[] => counters.map((each) => each.subject);

export const counterIdleCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a counter in its band is answered as it stands, if it has met less than the generation",
    async run(opened) {
      const { store } = opened;
      await record(store, [event({ amount: max - 5, feeds: [birth({ due: true })] })]);
      const state = { "emails-delivered": { high: max, list: [1, "é"] } };
      await store.crossings.commitEvaluation({ evaluations: [evaluation({ band: quiet, state })] });
      await record(store, events("more", [1, 2]));
      const [, other] = await twoStores(opened);
      const idle = { ...counterKey(), value: max - 2, rev: 2, folded: 1, generation: 1, state };
      for (const generation of [2, 3, max]) {
        const found = await other.counters.idle({ metric, generation, limit: 10 });
        assert.deepEqual(found, { counters: [idle], next: null });
      }
      for (const generation of [0, 1]) {
        const found = await other.counters.idle({ metric, generation, limit: 10 });
        assert.deepEqual(found, { counters: [], next: null });
      }
    },
  },
  {
    about,
    name: "an unknown metric has no counters to look at",
    async run({ store }) {
      await record(store, [event()]);
      const found = await store.counters.idle({ metric: "nothing", generation: 2, limit: 10 });
      assert.deepEqual(found, { counters: [], next: null });
    },
  },
  {
    about,
    name: "a walk meets every counter of the metric once, in the order of the keys, under any key and in any tenant",
    async run(opened) {
      const keys = awkwardKeys.filter((_, i) => i % 3 === 0);
      const batch = keys.flatMap((key, i) => {
        const feeds = [birth(), birth({ period: key })];
        const next = keys[(i + 1) % keys.length]!;
        return [
          event({ tenant: key, id: `a${i}`, feeds }),
          event({ tenant: key, id: `b${i}`, subject: next, feeds }),
          event({ tenant: key, id: `c${i}`, subject: key, metric: `${metric}.other`, feeds }),
          event({ tenant: key, id: `d${i}`, subject: key, metric: "a", feeds }),
        ];
      });
      const { counters } = await record(opened.store, batch);
      const expected = counters.filter((each) => each.metric === metric).sort(compareCounterKeys);
      const [, other] = await twoStores(opened);
      for (const limit of [1, 2, 7, 1000]) {
        const { counters: found, pages } = await walked(other, 2, limit);
        assert.deepEqual(
          found.map(({ tenant, subject, period }) => [tenant, subject, period]),
          expected.map(({ tenant, subject, period }) => [tenant, subject, period]),
        );
        assert.ok(
          pages.every((each) => each <= limit),
          "more than the limit",
        );
      }
    },
  },
  {
    about,
    name: "a walk goes on through many tenants that have no counter of the metric",
    async run({ store }) {
      const tenants = Array.from({ length: 700 }, (_, i) => `t-${String(i).padStart(3, "0")}`);
      const having = ["t-000", "t-350", "t-699"];
      const batch = tenants.map((tenant) => event({ tenant, metric: having.includes(tenant) ? metric : "another" }));
      await record(store, batch);
      for (const limit of [1, 2, 100]) {
        const { counters } = await walked(store, 2, limit);
        assert.deepEqual(
          counters.map((each) => each.tenant),
          having,
        );
      }
    },
  },
  {
    about,
    name: "a walk looks at limit counters a call, whether it answers them or not, and ends with null",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(
        store,
        ["a", "b", "c", "d", "e", "f", "g"].map((subject, i) =>
          event({ subject, id: subject, ...(i % 3 === 1 && { feeds }) }),
        ),
      );
      const look = (limit: number, after?: string) =>
        store.counters.idle({
          metric,
          generation: 2,
          limit,
          ...(after !== undefined && { after: counterKey({ subject: after }) }),
        });
      const first = await look(3);
      assert.deepEqual([subjects(first.counters), first.next], [["a", "c"], counterKey({ subject: "c" })]);
      const second = await look(2, "c");
      assert.deepEqual([subjects(second.counters), second.next], [["d"], counterKey({ subject: "e" })]);
      const third = await look(3, "e");
      assert.deepEqual([subjects(third.counters), third.next], [["f", "g"], null]);
      const beyond = await look(3, "g");
      assert.deepEqual([beyond.counters, beyond.next], [[], null]);
      const between = await look(2, "bb");
      assert.deepEqual(subjects(between.counters), ["c", "d"]);
      const due = await look(1, "a");
      assert.deepEqual([due.counters, due.next], [[], counterKey({ subject: "b" })]);
    },
  },
  {
    about,
    name: "a walk goes on after counters that have met the generation already",
    async run({ store }) {
      await record(store, [event({ subject: "b" }), event({ subject: "d", id: "evt-2" })]);
      await store.definitions.install({ definitions: [definition({ generation: 2 })] });
      const fresh = ["a", "c", "e"].map((subject) => event({ subject, id: subject }));
      await store.counters.add({ events: fresh, rules: rules(metric, { generation: 2, bandsSince: 2 }) });
      for (const limit of [1, 2, 3, 10]) {
        const { counters } = await walked(store, 2, limit);
        assert.deepEqual(
          counters.map((each) => [each.subject, each.generation]),
          [
            ["b", 1],
            ["d", 1],
          ],
        );
      }
    },
  },
  {
    about,
    name: "a walk ends where its last call met fewer counters than its limit, and otherwise one call later at most",
    async run({ store }) {
      await record(
        store,
        Array.from({ length: 6 }, (_, i) => event({ subject: `s-${i}`, id: `e-${i}` })),
      );
      for (const limit of [1, 2, 3, 6]) {
        const { counters, pages } = await walked(store, 2, limit);
        assert.equal(counters.length, 6);
        assert.ok(pages.length <= 6 / limit + 1, "more calls than it takes");
      }
      assert.deepEqual((await walked(store, 2, 4)).pages, [4, 2]);
      assert.deepEqual((await walked(store, 2, 7)).pages, [6]);
    },
  },
  {
    about,
    name: "looking changes nothing and waits for nobody",
    async run(opened) {
      const stores = await twoStores(opened);
      await record(opened.store, [event()]);
      const input = { metric, generation: 2, limit: 10 };
      const answers = await Promise.all([0, 1, 2, 3].map((n) => stores[n % 2]!.counters.idle(input)));
      for (const each of answers) assert.deepEqual(each, answers[0]);
      assert.deepEqual(await record(opened.store, [event({ id: "evt-2" })]), {
        stale: [],
        duplicates: [],
        counters: [{ ...counterKey(), value: 2, rev: 2, due: false }],
      });
    },
  },
];
