import { compareKeys } from "../text-key.js";
import type { CounterKey, RecordedEvent } from "./counter-repository.js";
import type { Band, CounterBirth } from "./definition-repository.js";

/** What a batch of accepted events does to one counter. */
export interface CounterChange extends CounterKey {
  readonly birth: CounterBirth;
  readonly total: number;
  /** The lowest and highest running sum on the way, each after at least one event. */
  readonly dip: number;
  readonly peak: number;
  readonly ids: readonly string[];
  readonly amounts: readonly number[];
  readonly occurredAts: readonly Date[];
}

/** A counter's key as one text; keys hold no NUL. */
export function counterKeyText(key: CounterKey): string {
  return `${key.tenant}\0${key.metric}\0${key.subject}\0${key.period}`;
}

export function compareCounterKeys(a: CounterKey, b: CounterKey): number {
  return (
    compareKeys(a.tenant, b.tenant) ||
    compareKeys(a.metric, b.metric) ||
    compareKeys(a.subject, b.subject) ||
    compareKeys(a.period, b.period)
  );
}

/** Folds events, in the order of their effect, into one change per counter, ordered by counter key. */
export function tally(events: readonly RecordedEvent[]): CounterChange[] {
  const changes = new Map<string, { -readonly [K in keyof CounterChange]: CounterChange[K] } & Lists>();
  for (const event of events) {
    for (const birth of event.feeds) {
      const key = { tenant: event.tenant, metric: event.metric, subject: event.subject, period: birth.period };
      const text = counterKeyText(key);
      let change = changes.get(text);
      if (change === undefined) {
        change = { ...key, birth, total: 0, dip: Infinity, peak: -Infinity, ids: [], amounts: [], occurredAts: [] };
        changes.set(text, change);
      }
      change.total += event.amount;
      change.dip = Math.min(change.dip, change.total);
      change.peak = Math.max(change.peak, change.total);
      change.ids.push(event.id);
      change.amounts.push(event.amount);
      change.occurredAts.push(event.occurredAt);
    }
  }
  return [...changes.values()].sort(compareCounterKeys);
}

interface Lists {
  ids: string[];
  amounts: number[];
  occurredAts: Date[];
}

/** Whether a counter at `value` leaves its band anywhere on the way. A missing bound never makes due. */
export function leavesBand(
  value: number,
  change: { readonly dip: number; readonly peak: number },
  band: Band,
): boolean {
  return (
    (band.below !== null && value + change.dip <= band.below) ||
    (band.above !== null && value + change.peak >= band.above)
  );
}
