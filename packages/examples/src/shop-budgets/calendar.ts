import { Temporal } from "temporal-polyfill";

/** A day of a month, in somebody's zone. The day is `start <= instant < end`. */
export interface Day {
  /** `2020-06-30`. */
  readonly date: string;
  readonly start: Date;
  readonly end: Date;
}

/** Whether a text is a month such as `2020-06`. */
export function isMonth(text: string): boolean {
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(text);
}

/** A zone as the zone database spells it; undefined for one that this machine does not know. */
export function zoneNamed(text: string): string | undefined {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text).timeZoneId;
  } catch {
    return undefined;
  }
}

/** The days of a month, the first one first. */
export function daysOf(month: string, zone: string): readonly Day[] {
  const { daysInMonth } = Temporal.PlainYearMonth.from(month);
  return Array.from({ length: daysInMonth }, (_, i) => dayOf(`${month}-${String(i + 1).padStart(2, "0")}`, zone));
}

/** Throws a `RangeError` for what is no date. */
export function dayOf(date: string, zone: string): Day {
  const day = Temporal.PlainDate.from(date);
  const startOf = (each: Temporal.PlainDate) => new Date(each.toZonedDateTime(zone).epochMilliseconds);
  return { date: day.toString(), start: startOf(day), end: startOf(day.add({ days: 1 })) };
}

export function monthStart(month: string, zone: string): Date {
  return dayOf(`${month}-01`, zone).start;
}

export function monthEnd(month: string, zone: string): Date {
  return monthStart(Temporal.PlainYearMonth.from(month).add({ months: 1 }).toString(), zone);
}

/** The date of an instant, as in `2020-06-30`. */
export function dateIn(zone: string, instant: Date): string {
  return Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(zone).toPlainDate().toString();
}

/** `June 2020`. */
export function monthName(month: string): string {
  const [year] = month.split("-");
  const name = new Date(`${month}-01T00:00:00Z`).toLocaleString("en-US", { month: "long", timeZone: "UTC" });
  return `${name} ${year}`;
}
