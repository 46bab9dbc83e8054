import { Temporal } from "temporal-polyfill";

/** A week of ISO 8601, as `2026-W53`: it begins on Monday, and is of the year in which its Thursday is. */
export type Week = `${number}-W${string}`;

const pattern = /^(\d{4})-W(\d\d)$/;

/** The week that a date is in. A year has 52 of them or 53. */
function weekOf(date: Temporal.PlainDate): Week {
  return `${date.yearOfWeek!}-W${String(date.weekOfYear!).padStart(2, "0")}`;
}

/** Whether there is such a week: `2026-W53` there is, `2025-W53` there is not. */
export function isWeek(text: string): text is Week {
  const [, year, week] = pattern.exec(text) ?? [];
  return year !== undefined && weekOf(mondayOf(Number(year), Number(week))) === text;
}

/** The `count` weeks after the one that an instant is in, by the clocks of GMT. */
export function weeksAfter(at: Date, count: number): readonly Week[] {
  const date = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO("UTC").toPlainDate();
  return Array.from({ length: count }, (_, i) => weekOf(date.add({ weeks: i + 1 })));
}

/** 4 January is always in the first week. */
function mondayOf(year: number, week: number): Temporal.PlainDate {
  const january4 = Temporal.PlainDate.from({ year, month: 1, day: 4 });
  return january4.subtract({ days: january4.dayOfWeek - 1 }).add({ weeks: week - 1 });
}
