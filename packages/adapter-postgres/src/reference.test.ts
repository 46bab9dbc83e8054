import { memoryStore } from "@milepost/core";
import type { CounterEvaluation, CounterKey, InstalledDefinition, RecordedEvent, Store } from "@milepost/core/store";
import { compareCounterKeys } from "@milepost/core/store";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";

const metric = "m";
const births = [
  { period: "lifetime", below: null, above: 5, due: false },
  { period: "month:UTC:2026-11", below: -3, above: 4, due: false },
  { period: "year:UTC:2026", below: null, above: null, due: true },
];

const subjects = ["a", 'b"\\,{}', "ü💥"] as const;
const event = fc.record({
  id: fc.integer({ min: 0, max: 12 }),
  subject: fc.constantFrom(...subjects),
  amount: fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constantFrom(2 ** 53 - 1, 1 - 2 ** 53)),
  // the lifetime counter is always fed
  feeds: fc.subarray(births.slice(1)).map((calendar) => [births[0]!, ...calendar]),
});
/** Sums beyond the safe integers within one batch have a conformance case of their own. */
const batch = fc
  .uniqueArray(event, { selector: ({ id }) => id, maxLength: 8 })
  .filter((events) => events.reduce((sum, { amount }) => sum + Math.abs(amount), 0) <= Number.MAX_SAFE_INTEGER);
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      add: batch,
      rule: fc.record({
        generation: fc.constantFrom(3, 3, 3, 3, 2),
        bandsSince: fc.constantFrom(0, 0, 2, 3),
        gauge: fc.boolean(),
        retain: fc.constantFrom("ids", "events"),
        purged: fc.boolean(),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      evaluate: fc.record({
        limit: fc.integer({ min: 1, max: 4 }),
        trailLimit: fc.integer({ min: 1, max: 3 }),
        generation: fc.constantFrom(3, 3, 3, 2),
        reached: fc.constantFrom(1, 2, 3),
        band: fc.record({ below: fc.constantFrom(null, -5), above: fc.constantFrom(null, 3, 9) }),
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      adopt: fc.record({ generation: fc.integer({ min: 1, max: 4 }), limit: fc.integer({ min: 1, max: 3 }) }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ purge: fc.integer({ min: 0, max: 13 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Everything a step answers, and everything that can be read after it. */
async function play(store: Store, steps: readonly Step[]): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (const generation of [1, 2, 3]) {
    const definition: InstalledDefinition = {
      ...{ metric, generation, births, decrements: true, gauge: false, retain: "events" },
      ...{ eventRetention: 1, rememberedSince: null },
      ...{ milestones: [], former: [], removed: [], adopted: 0 },
    };
    seen.push(await store.definitions.install({ definitions: [definition] }));
  }
  for (const each of steps) {
    if ("add" in each) {
      const events = each.add.map(({ id, ...rest }): RecordedEvent => {
        return { ...rest, id: `e${id}`, tenant: "t", metric, occurredAt: new Date(Date.UTC(2026, 10, 1, 0, 0, 0, id)) };
      });
      const added = await store.counters.add({ events, rules: { [metric]: each.rule } }).then(
        (result) => ({ ...result, counters: sorted(result.counters) }),
        ({ code }) => code,
      );
      seen.push(added);
    } else if ("purge" in each) {
      const now = new Date(Date.UTC(2026, 10, 1, 0, 0, 1));
      // a limit would let each store choose which
      seen.push(await store.events.purge({ metric, generation: 3, age: 1000 - each.purge, limit: 1000, now }));
    } else if ("adopt" in each) {
      const { generation, limit } = each.adopt;
      let after: CounterKey | undefined;
      do {
        const { counters, next } = await store.counters.idle({ metric, generation, limit, ...(after && { after }) });
        const evaluations = counters.map(({ value: _, rev, folded, ...counter }, i): CounterEvaluation => {
          const band = { below: null, above: 9 };
          const stale = i % 3 === 2 ? 1 : 0;
          return {
            ...counter,
            generation: 3,
            reached: 3,
            rev: rev - stale,
            from: folded,
            upTo: rev,
            band,
            crossings: [],
          };
        });
        seen.push(counters, next, await store.crossings.commitEvaluation({ evaluations }));
        after = next ?? undefined;
      } while (after !== undefined);
    } else {
      const { limit, trailLimit, generation, reached, band } = each.evaluate;
      const keys = sorted((await store.counters.list({ tenant: "t", limit: 100 })).filter(({ due }) => due));
      const due = await store.counters.due({ metrics: [metric], keys, limit, trailLimit });
      const evaluations = due.map(({ trail, folded: from, state, ...key }): CounterEvaluation => {
        const upTo = trail.at(-1)?.rev ?? 0;
        return { ...key, generation, reached, from, upTo, band, state: { ...state, at: upTo }, crossings: [] };
      });
      seen.push(due, await store.crossings.commitEvaluation({ evaluations: [...evaluations, ...evaluations] }));
    }
    seen.push(await store.counters.list({ tenant: "t", limit: 100 }));
    for (const subject of subjects) seen.push(await store.events.list({ tenant: "t", metric, subject, limit: 1000 }));
  }
  return seen;
}

function sorted<T extends CounterKey>(counters: readonly T[]): T[] {
  return [...counters].sort(compareCounterKeys);
}

test("recording and evaluation answer exactly what the reference store answers", { timeout: 60_000 }, async () => {
  const sandbox = new Sandbox(inject("databaseUrl"));
  try {
    const store = sandbox.store();
    await store.migrate();
    const admin = sandbox.pool({ max: 1 });
    const tables = ["definitions", "events", "retained_events", "counters", "trail", "crossings"];
    const truncate = `TRUNCATE ${tables.map((table) => `"${sandbox.schema}".${table}`).join(", ")}`;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        await admin.query(truncate);
        expect(await play(store, steps)).toEqual(await play(memoryStore(), steps));
      }),
      { numRuns: 60 },
    );
  } finally {
    await sandbox.dispose();
  }
});
