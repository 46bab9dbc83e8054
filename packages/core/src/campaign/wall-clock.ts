import { Temporal } from "temporal-polyfill";

/**
 * The first instant, in milliseconds since the epoch, at which the clocks of `zone` show `local` or a later time. So a time
 * that a clock change skips is the moment of the change, and of one that is shown twice it is the first.
 */
export function instantOf(local: Temporal.PlainDateTime, zone: string): number {
  const shown = local.toZonedDateTime(zone, { disambiguation: "compatible" });
  if (shown.toPlainDateTime().equals(local)) return shown.epochMilliseconds;
  const before = local.toZonedDateTime(zone, { disambiguation: "earlier" });
  return before.getTimeZoneTransition("next")!.epochMilliseconds;
}

/** What the clocks of `zone` show at an instant. */
export function shownAt(instant: number, zone: string): Temporal.PlainDateTime {
  return Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone).toPlainDateTime();
}

/** Whether the calendar of `zone` has this date at all: Samoa went from 29 to 31 December 2011. */
export function hasDate(date: Temporal.PlainDate, zone: string): boolean {
  return date.toZonedDateTime(zone).toPlainDate().equals(date);
}

/** A stretch of time in which the clocks of a zone run evenly: `shown = instant + offset`, in milliseconds. */
export interface EvenStretch {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
}

/** The stretches between `from` and `to`, in their order and without a gap. */
export function* evenStretches(zone: string, from: number, to: number): Generator<EvenStretch, void> {
  let at = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(zone);
  while (at.epochMilliseconds < to) {
    const next = at.getTimeZoneTransition("next");
    const end = Math.min(next?.epochMilliseconds ?? to, to);
    yield { from: at.epochMilliseconds, to: end, offset: at.offsetNanoseconds / 1e6 };
    if (next === null) return;
    at = next;
  }
}
