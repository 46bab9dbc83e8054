import type { Verdict } from "../scenario/verdict.js";
import type { Tables } from "./tables.js";

export interface CountingExpectation {
  /** Per subject the ids of its events, each of amount 1. */
  readonly events: ReadonlyMap<string, ReadonlySet<string>>;
  readonly levels: readonly number[];
}

/** Counters against the events that were recorded, and crossings against the counters. */
export function checkCounting({ counters, crossings }: Tables, wanted: CountingExpectation, verdict: Verdict): void {
  const values = new Map(counters.map(({ subject, value }) => [subject, value]));
  let lost = 0;
  let surplus = 0;
  for (const subject of new Set([...values.keys(), ...wanted.events.keys()])) {
    const difference = (values.get(subject) ?? 0) - (wanted.events.get(subject)?.size ?? 0);
    if (difference < 0) lost -= difference;
    else surplus += difference;
  }
  verdict.exactly("lostEvents", lost, 0);
  verdict.exactly("surplusEvents", surplus, 0);

  const reached = new Set<string>();
  for (const [subject, ids] of wanted.events) {
    for (const level of wanted.levels) if (level <= ids.size) reached.add(`${subject} ${level}`);
  }
  const found = crossings.map(({ subject, threshold }) => `${subject} ${threshold}`);
  const distinct = new Set(found);
  verdict.exactly("crossings", crossings.length, reached.size);
  verdict.exactly("duplicateCrossings", found.length - distinct.size, 0);
  verdict.exactly("missingCrossings", [...reached].filter((key) => !distinct.has(key)).length, 0);
  verdict.exactly("unexpectedCrossings", [...distinct].filter((key) => !reached.has(key)).length, 0);

  // amounts are 1: the event that passes a level takes the counter from one below it exactly to it, and passes no other
  const named = new Set<string>();
  const wrong = crossings.filter(({ subject, at, threshold, previous, value, eventId }) => {
    const repeated = named.has(eventId);
    named.add(eventId);
    const exact = threshold === String(at) && previous === at - 1 && value === at;
    return repeated || !exact || wanted.events.get(subject)?.has(eventId) !== true;
  });
  verdict.exactly("crossingsOfWrongEvent", wrong.length, 0);
}
