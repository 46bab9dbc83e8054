import type { CounterBirth, CounterKey, RecordedEvent, RecordingRules } from "@milepost/core/store";
import type { Value } from "./driver.js";
import { plainArray, textArray, time } from "./values.js";

// A batch of counters.add as it is handed to the statement: numbered, and summed up as far as that can be known before.

type Rules = Readonly<Record<string, RecordingRules>>;

/** A counter of the batch, with the sums that hold if no event of it is a duplicate. */
export interface PlacedCounter extends CounterKey, CounterBirth {
  total: number;
  dip: number;
  peak: number;
}

export interface Batch {
  readonly counters: PlacedCounter[];
  /** Which event feeds which counter, by place. */
  readonly feedEvents: number[];
  readonly feedCounters: number[];
}

/** What `rules` are for: a gauge's amounts are values, from which it starts at 0. */
export function placed(events: readonly RecordedEvent[], rules: Rules): Batch {
  const batch: Batch = { counters: [], feedEvents: [], feedCounters: [] };
  const places = new Map<string, number>();
  events.forEach(({ tenant, metric, subject, amount, feeds }, index) => {
    const { gauge } = rules[metric]!;
    for (const { period, below, above, due } of feeds) {
      const key = `${tenant}\0${metric}\0${subject}\0${period}`;
      let place = places.get(key);
      if (place === undefined) {
        const sums = { total: 0, dip: Infinity, peak: -Infinity };
        place = batch.counters.push({ tenant, metric, subject, period, below, above, due, ...sums });
        places.set(key, place);
      }
      const counter = batch.counters[place - 1] as PlacedCounter;
      counter.total = gauge ? amount : counter.total + amount;
      counter.dip = Math.min(counter.dip, counter.total);
      counter.peak = Math.max(counter.peak, counter.total);
      batch.feedEvents.push(index + 1);
      batch.feedCounters.push(place);
    }
  });
  return batch;
}

/** $1 to $26 of the statement. */
export function parameters(
  events: readonly RecordedEvent[],
  { counters, feedEvents, feedCounters }: Batch,
  rules: Rules,
  now: Date | undefined,
): Value[] {
  // Beyond the safe integers these sums are no longer exact; the statement's own are.
  const exact = counters.every(({ dip, peak }) => Number.isSafeInteger(dip) && Number.isSafeInteger(peak));
  const sums = (sum: (counter: PlacedCounter) => number) => plainArray(exact ? counters.map(sum) : []);
  return [
    textArray(Object.keys(rules)),
    plainArray(Object.values(rules).map((rule) => rule.generation)),
    textArray(events.map((event) => event.tenant)),
    textArray(events.map((event) => event.metric)),
    textArray(events.map((event) => event.id)),
    plainArray(events.map((event) => event.amount)),
    plainArray(events.map((event) => event.occurredAt.getTime())),
    events.length,
    plainArray(feedEvents),
    plainArray(feedCounters),
    feedEvents.length,
    textArray(counters.map((counter) => counter.tenant)),
    textArray(counters.map((counter) => counter.metric)),
    textArray(counters.map((counter) => counter.subject)),
    textArray(counters.map((counter) => counter.period)),
    plainArray(counters.map((counter) => counter.below)),
    plainArray(counters.map((counter) => counter.above)),
    plainArray(counters.map((counter) => counter.due)),
    sums((counter) => counter.total),
    sums((counter) => counter.dip),
    sums((counter) => counter.peak),
    counters.length,
    time(now),
    exact,
    plainArray(counters.map(({ metric }) => rules[metric]!.generation)),
    plainArray(counters.map(({ metric }) => rules[metric]!.bandsSince)),
  ];
}
