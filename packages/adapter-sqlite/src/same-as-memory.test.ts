import { memoryStore } from "@milepost/core";
import type {
  CounterEvaluation,
  CounterKey,
  DueCounter,
  NewCrossing,
  RecordedEvent,
  RecordingRules,
  Store,
} from "@milepost/core/store";
import { compareCounterKeys } from "@milepost/core/store";
import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sqliteStore } from "./index.js";
import { definition } from "./store-samples.js";

// Any sequence of recording, looking for due and idle counters, waking and parking them, telling them of levels, committing
// evaluations and forgetting has the same answers here and in the reference store.

const metrics = ["m", "n"] as const;
const subjects = ["a", "B", "ä", "😀", "\uffff", '"'] as const;
const periods = ["lifetime", "month:UTC:2026-11"] as const;
/** When whatever is done in a sequence happens, unless said. */
const noon = new Date("2026-11-05T12:00:00.123Z");
const minutes = (count: number) => new Date(noon.getTime() + count * 60_000);
const counterKey: fc.Arbitrary<CounterKey> = fc.record({
  tenant: fc.constantFrom("t", "u"),
  metric: fc.constantFrom(...metrics),
  subject: fc.constantFrom(...subjects),
  period: fc.constantFrom(...periods),
});
const band = fc.record({
  below: fc.option(fc.integer({ min: -6, max: -1 })),
  above: fc.option(fc.integer({ min: 1, max: 6 })),
});

const event: fc.Arbitrary<RecordedEvent> = fc.record({
  tenant: fc.constantFrom("t", "u"),
  metric: fc.constantFrom(...metrics),
  id: fc.nat({ max: 30 }).map((n) => `e${n}`),
  subject: fc.constantFrom(...subjects),
  amount: fc.oneof(
    { weight: 40, arbitrary: fc.integer({ min: -4, max: 4 }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER) },
  ),
  occurredAt: fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }),
  feeds: fc
    .uniqueArray(fc.record({ period: fc.constantFrom(...periods), due: fc.boolean(), band }), {
      minLength: 1,
      selector: (feed) => feed.period,
    })
    .map((feeds) => feeds.map(({ band, ...feed }) => ({ ...feed, ...band }))),
});

type Command = (store: Store, seen: { due: readonly DueCounter[]; crossings: number }) => Promise<unknown>;

const rule: fc.Arbitrary<RecordingRules> = fc.record({
  generation: fc.oneof({ weight: 9, arbitrary: fc.constant(2) }, { weight: 1, arbitrary: fc.constantFrom(1, 3) }),
  bandsSince: fc.constantFrom(0, 0, 0, 1, 2),
  gauge: fc.boolean(),
  retain: fc.constantFrom("ids", "events"),
  purged: fc.boolean(),
});

const addCommand: fc.Arbitrary<Command> = fc
  .tuple(
    fc.uniqueArray(event, { maxLength: 12, selector: (e) => `${e.tenant} ${e.metric} ${e.id}` }),
    fc.tuple(rule, rule),
    fc.array(fc.nat({ max: 5 })),
  )
  .map(([events, [m, n], drained]) => async (store) => {
    const added = await store.counters.add({ events, rules: { m, n }, drained });
    return { ...added, counters: [...added.counters].sort(compareCounterKeys) };
  });

const dueCommand: fc.Arbitrary<Command> = fc
  .record({
    metrics: fc.subarray([...metrics]),
    limit: fc.integer({ min: 1, max: 5 }),
    trailLimit: fc.integer({ min: 1, max: 3 }),
    keys: fc.uniqueArray(counterKey, { selector: (key) => JSON.stringify(key) }),
    now: fc.integer({ min: 0, max: 3 }).map(minutes),
  })
  .map(({ metrics, limit, trailLimit, keys, now }) => async (store, seen) => {
    // Which ones "have waited longest" is a matter of the clock: without keys, ask for all and compare as a set.
    const all = await store.counters.due({ metrics, limit: 1_000, trailLimit, now });
    seen.due = [...all].sort(compareCounterKeys);
    return {
      all: seen.due,
      among: await store.counters.due({ metrics, limit: limit * 10, trailLimit, keys, now }),
    };
  });

const commitCommand: fc.Arbitrary<Command> = fc
  .array(
    fc.record({
      pick: fc.nat(),
      cut: fc.nat(),
      stray: fc.constantFrom(0, 0, 0, 1),
      generation: fc.constantFrom(2, 2, 2, 1),
      reached: fc.constantFrom(1, 2),
      rev: fc.constantFrom(undefined, undefined, 0, 1),
      band,
      threshold: fc.constantFrom("1", "2"),
      more: fc.record(
        {
          wakeAt: fc.integer({ min: 0, max: 3 }).map(minutes),
          levelsSeen: fc.array(
            fc.record({
              milestone: fc.constant("ms"),
              subject: fc.constantFrom("", "a"),
              applied: fc.constantFrom(0, 0, 0, 1, 2),
            }),
            { maxLength: 2 },
          ),
        },
        { requiredKeys: [] },
      ),
      notice: fc.option(fc.record({ number: fc.constantFrom(1, 2), kind: fc.constantFrom("reminder", "resolved") })),
    }),
    { maxLength: 4 },
  )
  .map((choices) => async (store, seen) => {
    const evaluations = choices.flatMap(
      ({ pick, cut, stray, generation, reached, rev, band, threshold, more, notice }): CounterEvaluation[] => {
        const due = seen.due[pick % (seen.due.length || 1)];
        const last = due?.trail[cut % due.trail.length];
        if (due === undefined || last === undefined) return [];
        const { tenant, metric, subject, period } = due;
        const crossing: NewCrossing = {
          tenant,
          metric,
          subject,
          period,
          milestone: "ms",
          threshold,
          limitVersion: 0,
          arming: 1,
          id: `c${++seen.crossings}`,
          at: 1,
          previous: 0,
          value: 1,
          eventId: "e",
          reachedAt: new Date(5),
          direction: "rising",
          ...{ code: null, severity: null, limitAmount: null, skipped: 0 },
          state: "pending",
        };
        const span = { from: due.folded + stray, upTo: last.rev };
        const state = { cut };
        const met = { generation, reached, ...(rev !== undefined && { rev: last.rev + rev }) };
        const said = { tenant, crossing: `${subject} ${period}`, milestone: "ms", value: 1, noticedAt: new Date(5) };
        const notices = notice === null ? [] : [{ ...said, id: `n${seen.crossings}`, ...notice }];
        const found = { crossings: [crossing], notices, ...more };
        return [{ tenant, metric, subject, period, ...met, band, ...span, state, ...found }];
      },
    );
    return [
      await store.crossings.commitEvaluation({ evaluations, now: noon }),
      await store.crossings.list({ tenant: "t", limit: 1_000 }),
      await store.notices.list({ tenant: "t", limit: 1_000 }),
    ];
  });

const wakeCommand: fc.Arbitrary<Command> = fc
  .record(
    {
      metrics: fc.subarray([...metrics]),
      subject: fc.record({ tenant: fc.constantFrom("t", "u"), subject: fc.constantFrom(...subjects) }),
      at: fc.integer({ min: 0, max: 3 }).map(minutes),
    },
    { requiredKeys: ["metrics"] },
  )
  .map((input) => async (store) => {
    // Of one time in any order: all of them, as a set.
    const keys = await store.counters.wake({ ...input, limit: 1_000, now: minutes(1) });
    return [...keys].sort(compareCounterKeys);
  });

const parkingCommand: fc.Arbitrary<Command> = fc
  .record({
    pick: fc.nat(),
    stray: fc.constantFrom(0, 0, 0, 1),
    retryIn: fc.constantFrom(0, 60_000, 150_000),
    release: fc.constantFrom(undefined, undefined, true, false),
    other: fc.option(counterKey),
  })
  .map(({ pick, stray, retryIn, release, other }) => async (store, seen) => {
    const due = seen.due[pick % (seen.due.length || 1)];
    const { tenant, metric, subject, period } = other ?? due ?? { tenant: "t", metric: "m", subject: "a", period: "x" };
    const key = { tenant, metric, subject, period };
    const why = { reason: "effect_failed", detail: `${pick}` } as const;
    if (release === undefined) {
      await store.parking.park({ ...key, from: (due?.folded ?? 0) + stray, ...why, retryIn, now: noon });
    }
    const act = { by: "b", why: "w", now: noon };
    const released =
      release !== undefined && (await store.parking.release({ ...key, withoutEffects: release, ...act }));
    return [released, await store.parking.list({ tenant: "t", limit: 1_000 })];
  });

const levelsCommand: fc.Arbitrary<Command> = fc
  .record({
    subject: fc.constantFrom("", "a"),
    version: fc.integer({ min: 1, max: 3 }),
    metric: fc.constantFrom(...metrics),
    period: fc.constantFrom("lifetime", "month:UTC"),
    limit: fc.integer({ min: 1, max: 3 }),
    add: fc.boolean(),
  })
  .map(({ subject, version, metric, period, limit, add }) => async (store) => {
    const owner = { tenant: "t", milestone: "ms", subject };
    if (add) await store.levels.add({ ...owner, levels: { version }, by: "b", why: "w", now: noon });
    const told: (readonly CounterKey[])[] = [];
    let after: CounterKey | null = null;
    do {
      const input = { ...owner, version, metric, period, limit, now: noon, ...(after && { after }) };
      const page: Awaited<ReturnType<typeof store.levels.apply>> = await store.levels.apply(input);
      told.push(page.counters);
      after = page.next;
    } while (after !== null);
    const owners = [
      { ...owner, subject: "" },
      { ...owner, subject: "a" },
    ];
    return [told.flat(), await store.levels.of({ owners })];
  });

const idleCommand: fc.Arbitrary<Command> = fc
  .record({
    metric: fc.constantFrom(...metrics, "unknown"),
    generation: fc.constantFrom(1, 2, 3),
    limit: fc.integer({ min: 1, max: 4 }),
  })
  .map((input) => async (store) => {
    const pages: unknown[] = [];
    let after: CounterKey | null = null;
    do {
      const page: Awaited<ReturnType<typeof store.counters.idle>> = await store.counters.idle({
        ...input,
        ...(after && { after }),
      });
      pages.push(page);
      after = page.next;
    } while (after !== null);
    return pages;
  });

const eventsCommand: fc.Arbitrary<Command> = fc
  .record({
    metric: fc.constantFrom(...metrics),
    subject: fc.constantFrom(...subjects),
    after: fc.option(fc.record({ rev: fc.nat({ max: 5 }), place: fc.nat({ max: 3 }) }), { nil: undefined }),
    limit: fc.integer({ min: 1, max: 5 }),
    age: fc.option(fc.integer({ min: 0, max: 130 * 365 * 86_400_000 })),
  })
  .map(({ metric, subject, after, limit, age }) => async (store) => {
    const now = new Date("2100-01-01");
    // Which ones go first is not said: all that are old enough, so that both forget the same.
    const purged = age === null ? null : await store.events.purge({ metric, generation: 1, age, limit: 10_000, now });
    return [purged, await store.events.list({ tenant: "t", metric, subject, limit, ...(after && { after }) })];
  });

async function answers(store: Store, commands: readonly Command[]): Promise<unknown[]> {
  await store.migrate();
  for (const generation of [1, 2]) {
    await store.definitions.install({ definitions: metrics.map((metric) => definition({ metric, generation })) });
  }
  const seen = { due: [], crossings: 0 };
  const results: unknown[] = [];
  for (const command of commands) {
    results.push(await command(store, seen).catch((error: { code: string }) => error.code));
    results.push(await store.counters.list({ tenant: "t", limit: 1_000 }));
  }
  return results;
}

test("random sequences of add, due, idle, wake, park, levels, commitEvaluation, list and purge have the answers of memoryStore()", {
  timeout: 60_000,
}, async () => {
  const command = fc.oneof(
    { weight: 3, arbitrary: addCommand },
    { weight: 2, arbitrary: dueCommand },
    { weight: 2, arbitrary: commitCommand },
    { weight: 1, arbitrary: idleCommand },
    { weight: 1, arbitrary: eventsCommand },
    { weight: 1, arbitrary: wakeCommand },
    { weight: 1, arbitrary: parkingCommand },
    { weight: 1, arbitrary: levelsCommand },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
      const db = new Database(":memory:");
      try {
        expect(await answers(sqliteStore(db), commands)).toEqual(await answers(memoryStore(), commands));
      } finally {
        db.close();
      }
    }),
    { numRuns: 150 },
  );
});
