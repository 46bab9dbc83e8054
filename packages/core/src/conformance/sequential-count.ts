import assert from "node:assert/strict";
import { seeded } from "../seeded.js";
import type { Store } from "../store/store.js";
import { metric, setUp } from "./engine-setup.js";

/** Events for a few subjects, cut into calls that are made side by side. */
export interface CountingScenario {
  readonly thresholds: readonly number[];
  readonly events: readonly { readonly id: string; readonly subject: string; readonly amount: number }[];
  /** Sizes of the calls, in the order of the events; 1 = `record()`, more = `recordMany()`. */
  readonly calls: readonly number[];
  /** How many calls are under way at once. */
  readonly callers: number;
}

/**
 * Records the scenario and compares with a plain count in the order in which the store applied it: the same values,
 * and the same crossings, each once and each naming the event that passed it. Any batch split and any number of callers
 * must agree. The order of effect is read back from the answers: each event's own value says where it stood.
 */
export async function checkSequentialCount(store: Store, scenario: CountingScenario): Promise<void> {
  const { milepost } = setUp(store, { values: scenario.thresholds, decrements: true });
  const calls: (readonly CountingScenario["events"][number][])[] = [];
  let start = 0;
  for (const size of scenario.calls) {
    calls.push(scenario.events.slice(start, start + size));
    start += size;
  }
  calls.push(scenario.events.slice(start));

  const answered = new Map<string, readonly { readonly threshold: string }[]>();
  const queue = calls.filter((call) => call.length > 0);
  const caller = async () => {
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) {
      if (call.length === 1) {
        const { id, subject, amount } = call[0]!;
        const answer = await milepost.record({ id, metric, subject, amount });
        if (answer.counted) answered.set(`${subject}/${id}`, answer.crossings);
      } else {
        await milepost.recordMany(call.map(({ id, subject, amount }) => ({ id, metric, subject, amount })));
      }
    }
  };
  await Promise.all(Array.from({ length: scenario.callers }, caller));
  await milepost.runOnce();

  const unique = new Map(scenario.events.map((event) => [event.id, event]));
  const crossings = await milepost.crossings.list({ limit: 10_000 });
  for (const subject of new Set(scenario.events.map((event) => event.subject))) {
    const own = [...unique.values()].filter((event) => event.subject === subject);
    const total = own.reduce((sum, event) => sum + event.amount, 0);
    const counter = await milepost.counters.get({ metric, subject });
    assert.equal(counter?.value, total, `the counter of ${subject} is the sum of its unique events`);
    assert.equal(counter.due, false, `the counter of ${subject} waits for nothing`);

    const found = crossings.filter((crossing) => crossing.subject === subject);
    const names = found.map((crossing) => crossing.threshold);
    assert.equal(new Set(names).size, names.length, "no threshold crosses twice");
    for (const crossing of found) {
      const event = unique.get(crossing.eventId);
      assert.equal(event?.subject, subject, "a crossing names an event of its subject");
      assert.equal(crossing.value - crossing.previous, event.amount, "and lies where that event moved the value");
      assert.ok(crossing.previous < crossing.at && crossing.at <= crossing.value, "previous < at <= value");
      const told = answered.get(`${subject}/${crossing.eventId}`);
      if (told !== undefined)
        assert.ok(
          told.some((c) => c.threshold === crossing.threshold),
          "its record() told it",
        );
    }
    // with one caller the order of effect is the order of the events, so the whole answer is known
    if (scenario.callers === 1) {
      const { crossed } = plainCount(scenario, subject);
      assert.deepEqual(new Map(found.map((c) => [c.threshold, c.eventId])), crossed, `the crossings of ${subject}`);
    } else if (own.every((event) => event.amount >= 0)) {
      const expected = scenario.thresholds.filter((at) => 0 < at && at <= total).map(String);
      assert.deepEqual(new Set(names), new Set(expected), `the thresholds ${subject} has passed`);
    }
  }
  await milepost.close();
}

/** The slow, obvious count of one subject: which event took it past which threshold. */
function plainCount(scenario: CountingScenario, subject: string): { readonly crossed: Map<string, string> } {
  const seen = new Set<string>();
  const crossed = new Map<string, string>();
  let value = 0;
  for (const event of scenario.events) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    if (event.subject !== subject) continue;
    const previous = value;
    value += event.amount;
    for (const at of scenario.thresholds) {
      if (previous < at && at <= value && !crossed.has(String(at))) crossed.set(String(at), event.id);
    }
  }
  return { crossed };
}

/** A scenario drawn from a seed: repeated ids, jumps, ways down, calls of every size. */
export function randomScenario(seed: number): CountingScenario {
  const below = seeded(seed);
  const size = 1 + below(120);
  const down = below(2) === 1;
  const events = Array.from({ length: size }, (_, i) => {
    const repeat = i > 0 && below(6) === 0;
    const n = repeat ? below(i) : i;
    return { id: `e${n}`, subject: `s${n % 3}`, amount: amountOf(seed, n, down) };
  });
  return {
    events,
    thresholds: [...new Set(Array.from({ length: 1 + below(6) }, () => 1 + below(60)))],
    calls: Array.from({ length: size }, () => 1 + below(below(3) === 0 ? 30 : 3)),
    callers: [1, 1, 4, 16][below(4)]!,
  };
}

/** The same for every repeat of an event. */
function amountOf(seed: number, n: number, down: boolean): number {
  const below = seeded(seed * 1_000 + n);
  return below(12) === 0 ? below(50) : below(4) - (down ? 1 : 0);
}
