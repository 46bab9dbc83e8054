import { Cron } from "croner";
import { Temporal } from "temporal-polyfill";
import { hasDate, instantOf, shownAt } from "./wall-clock.js";

/** When something is done again and again. */
export interface Timetable {
  /** Five fields: minute, hour, day of the month, month, weekday. */
  readonly cron: string;
  /** An IANA name, or `UTC`: whose clocks the expression is about. */
  readonly zone: string;
}

export interface Occurrence {
  /** The date and time that the expression means, in the timetable's zone: `2026-11-21T09:00`. Names the occurrence. */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Why a text is no cron expression that has an occurrence; undefined for one that is. */
export function cronProblem(text: string): string | undefined {
  const expected = "five fields as in cron (minute, hour, day of the month, month, weekday), as in 0 9 * * 6";
  // croner takes a date, too
  if (!/^(@[a-z]+|\S+(\s+\S+){4})$/i.test(text.trim())) return expected;
  try {
    return patternOf(text).nextRun(new Date(0)) === null ? "a date that the calendar has" : undefined;
  } catch {
    return expected;
  }
}

/**
 * The occurrences after `after`, up to and with `until`, in their order. The expression is read as times of the zone's
 * wall clock. One that a clock change skips occurs at the change, one that is shown twice the first time it is shown, and
 * one on a date that the zone skipped never. Several at one instant are one: the first of them gives it its key.
 */
export function* occurrences(
  { cron, zone }: Timetable,
  { after, until }: { readonly after: number; readonly until: number },
): Generator<Occurrence, void> {
  const pattern = patternOf(cron);
  // croner only reads and counts: as if the wall clock were UTC, which skips and repeats nothing
  let shown: Date | null = asUtc(shownAt(after, zone));
  let last = after;
  for (;;) {
    shown = pattern.nextRun(shown);
    if (shown === null) return;
    const local = Temporal.Instant.fromEpochMilliseconds(shown.getTime()).toZonedDateTimeISO("UTC").toPlainDateTime();
    if (!hasDate(local.toPlainDate(), zone)) continue;
    const at = instantOf(local, zone);
    if (at > until) return;
    if (at <= last) continue;
    last = at;
    yield { key: local.toString({ smallestUnit: "minute" }), at };
  }
}

/** Throws croner's error for what is no expression of five fields. */
function patternOf(cron: string): Cron {
  return new Cron(cron, { timezone: "UTC", mode: "5-part", paused: true });
}

function asUtc(local: Temporal.PlainDateTime): Date {
  return new Date(local.toZonedDateTime("UTC").epochMilliseconds);
}
