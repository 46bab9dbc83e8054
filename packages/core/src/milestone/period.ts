import { Temporal } from "temporal-polyfill";
import * as z from "zod";
import { keyProblem } from "../text-key.js";

export const lifetime = "lifetime" as const;

/** Calendar spans; a week is an ISO 8601 one, Monday to Sunday. */
export const calendarUnits = ["day", "week", "month", "quarter", "year"] as const;
export type CalendarUnit = (typeof calendarUnits)[number];

/**
 * The span a counter covers: `"lifetime"`, or a calendar span in a zone, as in `"month:Europe/Berlin"`. Zones are IANA
 * names as the zone database spells them, or `UTC`.
 */
export type Period = typeof lifetime | `${CalendarUnit}:${string}`;

/** One span of a period. An instant is in it when `start <= instant < end`, in milliseconds since the epoch. */
export interface Span {
  /** `lifetime`, or unit, zone and date: `month:Europe/Berlin:2026-11`, `week:UTC:2026-W53`, `quarter:UTC:2026-Q4`. */
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

const everything: Span = {
  key: lifetime,
  start: Number.NEGATIVE_INFINITY,
  end: Number.POSITIVE_INFINITY,
};

/** Why a text is no period; undefined for one that is. */
export function periodProblem(text: string): string | undefined {
  if (text === lifetime) return undefined;
  const { unit, zone } = partsOf(text);
  if (!calendarUnits.includes(unit as CalendarUnit)) {
    return `"lifetime", or one of ${calendarUnits.join(", ")} with a zone, as in "month:Europe/Berlin"`;
  }
  try {
    // an alias in another case would be another key for the same counters
    const known = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone).timeZoneId;
    return known === zone ? undefined : `a zone as the zone database spells it: "${unit}:${known}"`;
  } catch {
    return `a unit with a zone that this machine knows, as in "${unit}:Europe/Berlin"`;
  }
}

export const periodSchema: z.ZodType<Period, Period> = z
  .custom<Period>((value) => typeof value === "string", { error: "a text", abort: true })
  .check((context) => {
    const message = keyProblem(context.value) ?? periodProblem(context.value);
    if (message !== undefined) context.issues.push({ code: "custom", message, input: "" });
  });

/** The spans asked for last, of each period: finding one takes Temporal 60 us, and a store's hot step none. */
const recent = new Map<string, readonly Span[]>();
const recentSpans = 64;

/** The span of a period that an instant is in. */
export function spanAt(period: string, instant: Date): Span {
  if (period === lifetime) return everything;
  const time = instant.getTime();
  return remembered(
    period,
    ({ start, end }) => start <= time && time < end,
    (_, zone) => Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(zone).toPlainDate(),
  );
}

/** The span that a counter's key names. */
export function spanOf(key: string): Span {
  if (key === lifetime) return everything;
  const period = periodOf(key);
  return remembered(
    period,
    (span) => span.key === key,
    (unit) => firstDay(unit, key.slice(period.length + 1)),
  );
}

function remembered(
  period: string,
  isIt: (span: Span) => boolean,
  dateOf: (unit: CalendarUnit, zone: string) => Temporal.PlainDate,
): Span {
  const known = recent.get(period) ?? [];
  const found = known.find(isIt);
  if (found !== undefined) return found;
  const { unit: text, zone } = partsOf(period);
  const unit = text as CalendarUnit;
  const date = dateOf(unit, zone);
  const { first, length } = calendar[unit](date);
  const named = spanOfDate(unit, zone, date);
  // a clock that is set back after midnight shows a day again that has ended: the next one has begun
  const span = isIt(named) ? named : spanOfDate(unit, zone, first.add(length));
  recent.set(period, [span, ...known].slice(0, recentSpans));
  return span;
}

/** The period that a counter's key is a span of. */
export function periodOf(key: string): string {
  return key === lifetime ? key : key.slice(0, key.lastIndexOf(":"));
}

function partsOf(period: string): { unit: string; zone: string } {
  const colon = period.indexOf(":");
  const unit = colon < 0 ? period : period.slice(0, colon);
  return { unit, zone: period.slice(unit.length + 1) };
}

/**
 * A day begins with its first instant, whatever a clock change does to midnight; a span ends where the next one begins,
 * so that every instant is in exactly one.
 */
function spanOfDate(unit: CalendarUnit, zone: string, date: Temporal.PlainDate): Span {
  const { first, length, name } = calendar[unit](date);
  const startOf = (day: Temporal.PlainDate) => day.toZonedDateTime(zone).epochMilliseconds;
  return { key: `${unit}:${zone}:${name}`, start: startOf(first), end: startOf(first.add(length)) };
}

interface CalendarSpan {
  readonly first: Temporal.PlainDate;
  readonly length: Temporal.DurationLike;
  readonly name: string;
}

const padded = (number: number, digits: number): string => String(number).padStart(digits, "0");
const yearName = (year: number): string => padded(year, 4);
const monthName = ({ year, month }: Temporal.PlainDate): string => `${yearName(year)}-${padded(month, 2)}`;

const calendar: Readonly<Record<CalendarUnit, (date: Temporal.PlainDate) => CalendarSpan>> = {
  day: (date) => ({ first: date, length: { days: 1 }, name: `${monthName(date)}-${padded(date.day, 2)}` }),
  week(date) {
    const name = `${yearName(date.yearOfWeek!)}-W${padded(date.weekOfYear!, 2)}`;
    return { first: date.subtract({ days: date.dayOfWeek - 1 }), length: { weeks: 1 }, name };
  },
  month: (date) => ({ first: date.with({ day: 1 }), length: { months: 1 }, name: monthName(date) }),
  quarter(date) {
    const quarter = Math.ceil(date.month / 3);
    const first = date.with({ month: quarter * 3 - 2, day: 1 });
    return { first, length: { months: 3 }, name: `${yearName(date.year)}-Q${quarter}` };
  },
  year: (date) => ({ first: date.with({ month: 1, day: 1 }), length: { years: 1 }, name: yearName(date.year) }),
};

/** The first day of the span that a key's date names. */
function firstDay(unit: CalendarUnit, name: string): Temporal.PlainDate {
  const [year, part = 1, day = 1] = name.split(/-[QW]?/).map(Number) as [number, number?, number?];
  if (unit === "quarter") return new Temporal.PlainDate(year, part * 3 - 2, 1);
  if (unit !== "week") return new Temporal.PlainDate(year, part, day);
  // January 4th is always in the first ISO week
  const fourth = new Temporal.PlainDate(year, 1, 4);
  return fourth.subtract({ days: fourth.dayOfWeek - 1 }).add({ weeks: part - 1 });
}
