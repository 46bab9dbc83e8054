import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { SlowModel } from "../milestone/check/slow-model.js";
import { milestone } from "../milestone/milestone.js";
import { lifetime, type Period, spanAt } from "../milestone/period.js";
import { fallingBelow } from "../milestone/policies/falling-below.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { MilestonePolicy } from "../milestone/policy.js";
import type { Observation } from "../recording/event.js";
import { seeded } from "../seeded.js";
import type { Store } from "../store/store.js";

/** Observations of a few subjects, cut into calls that are made side by side. */
export interface ObservingScenario {
  /** Rising ones, each with how far below it arms again; null: never. */
  readonly rising: readonly { readonly at: number; readonly back: number | null }[];
  /** Falling ones, each with how far above it arms again; null: never. */
  readonly falling: readonly { readonly at: number; readonly back: number | null }[];
  readonly observations: readonly Observation[];
  /** Sizes of the calls, in the order of the observations; 1 = `observe()`, more = `observeMany()`. */
  readonly calls: readonly number[];
  /** How many calls are under way at once. */
  readonly callers: number;
}

const metric = "queue.depth";
const month = "month:UTC";

/**
 * Observes the scenario and compares with a slow model that looks at every level in every step, in the order in which the
 * store applied the observations: the same crossings, each with its event, its arming, and the values before and after.
 * The order is read back from what is retained, which must be one chain: each amount leads from the value before it to the
 * one that was observed.
 */
export async function checkSequentialObservations(store: Store, scenario: ObservingScenario): Promise<void> {
  const policies: Readonly<Record<string, MilestonePolicy>> = {
    high: thresholds(...scenario.rising.map(({ at, back }) => (back === null ? at : { at, rearmAt: { below: back } }))),
    low: fallingBelow(
      ...scenario.falling.map(({ at, back }) => (back === null ? at : { at, rearmAt: { above: back } })),
    ),
  };
  const watched = Object.entries(policies).flatMap(([name, policy]) => [
    { name, policy, period: lifetime as Period },
    { name: `monthly ${name}`, policy, period: month as Period },
  ]);
  const milepost = createMilepost({
    store,
    milestones: watched.map((each) => milestone({ ...each, metric })),
    metrics: { [metric]: { gauge: true, retain: "events" } },
  });
  await observeSideBySide(milepost, scenario);
  await milepost.runOnce();

  const values = new Map(scenario.observations.map(({ id, value }) => [id, value]));
  const expected: string[] = [];
  for (const subject of new Set(scenario.observations.map((each) => each.subject))) {
    const effects = await milepost.events.list({ metric, subject, limit: 10_000 });
    const ids = scenario.observations.flatMap((each) => (each.subject === subject ? each.id : []));
    assert.deepEqual(new Set(effects.map(({ id }) => id)), new Set(ids), "every observation has an effect");
    let before = 0;
    for (const { id, amount, value } of effects) {
      assert.equal(value, values.get(id), "what is retained is the observed value");
      assert.equal(before + amount, value, "and the step that led to it");
      before = value;
    }
    const counter = await milepost.counters.get({ metric, subject });
    assert.deepEqual(
      [counter?.value, counter?.due],
      [before, false],
      `the counter of ${subject} is what was observed last`,
    );

    for (const { name, policy, period } of watched) {
      const everywhere = { tenant: "default", subject, period };
      const spans = new Map<string, { readonly model: SlowModel; value: number }>();
      for (const { id, value, occurredAt } of effects) {
        const { key } = spanAt(period, occurredAt);
        const levels = policy.levels({ from: -1_000, to: 1_000 }, everywhere);
        const span = spans.get(key) ?? { model: new SlowModel(levels, 0), value: 0 };
        spans.set(key, span);
        for (const { threshold, arming } of span.model.step(span.value, value).passed) {
          expected.push([name, subject, key, threshold, arming, id, span.value, value].join(" "));
        }
        span.value = value;
      }
    }
  }
  const crossings = await milepost.crossings.list({ limit: 10_000 });
  const found = crossings.map(({ milestone, subject, period, threshold, arming, eventId, previous, value }) =>
    [milestone, subject, period, threshold, arming, eventId, previous, value].join(" "),
  );
  assert.deepEqual(found.sort(), expected.sort());
  await milepost.close();
}

async function observeSideBySide(
  milepost: Milepost,
  { observations, calls, callers }: ObservingScenario,
): Promise<void> {
  const queue: (readonly Observation[])[] = [];
  let start = 0;
  for (const size of calls) {
    queue.push(observations.slice(start, start + size));
    start += size;
  }
  queue.push(observations.slice(start));
  const caller = async () => {
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) {
      const [first] = call;
      if (first === undefined) continue;
      if (call.length > 1) await milepost.observeMany(call);
      else {
        const { counted, value } = await milepost.observe(first);
        if (counted) assert.equal(value, first.value, "a counted observation answers its own value");
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

/** A scenario drawn from a seed: a level that swings around 0, leaps, repeated ids, two months, calls of every size. */
export function randomObservations(seed: number): ObservingScenario {
  const below = seeded(seed);
  const levels = () => [...new Set(Array.from({ length: 1 + below(4) }, () => below(40) - 10))];
  const rearming = (at: number) => ({ at, back: below(3) === 0 ? null : 1 + below(8) });
  const size = 1 + below(100);
  const fresh: Observation[] = [];
  let value = below(20);
  for (let n = 0; n < size; n++) {
    value = below(10) === 0 ? below(80) - 40 : value + below(13) - 6;
    const occurredAt = new Date(Date.UTC(2026, 9 + below(2), 1 + below(28)));
    fresh.push({ id: `e${n}`, metric, subject: `s${n % 3}`, value, occurredAt });
  }
  return {
    rising: levels().map(rearming),
    falling: levels().map(rearming),
    observations: fresh.map((each, n) => (n > 0 && below(6) === 0 ? fresh[below(n)]! : each)),
    calls: Array.from({ length: size }, () => 1 + below(below(3) === 0 ? 30 : 3)),
    callers: [1, 1, 4, 16][below(4)]!,
  };
}
