import { Temporal } from "temporal-polyfill";
import * as z from "zod";
import type { Agrees } from "../validation.js";
import { present } from "../validation.js";
import { type Hours, openingAt } from "./hours.js";
import { hoursSchema } from "./local-hours.js";
import { instantOf } from "./wall-clock.js";
import { type ZoneChoice, zoneChoiceFields } from "./zone.js";

/** When messages of a campaign may go out, by the clocks of each recipient's zone or of a named one. */
export interface Window extends ZoneChoice {
  /** From this time on, as a wall clock shows it: `"2026-12-01T09:00"`. At once unless said. */
  readonly start?: string;
  /** Not at this time any more: what was not sent is `expired`. */
  readonly end?: string;
  /** Only within these hours. */
  readonly hours?: Hours;
}

const localTime = z
  .string()
  .max(19, { abort: true })
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/, "a wall clock's date and time, as in 2026-12-01T09:00")
  .refine(isDateTime, "a date that the calendar has");

const windowFields = z.strictObject({
  start: localTime.optional(),
  end: localTime.optional(),
  hours: hoursSchema.optional(),
  ...zoneChoiceFields,
});

true satisfies Agrees<typeof windowFields, Window>;

export const windowSchema: z.ZodType<Window, Window> = windowFields
  .refine(({ start, end }) => start === undefined || end === undefined || start < end, {
    path: ["end"],
    error: "a time after start",
  })
  .transform(present) as z.ZodType<Window, Window>;

/** When a window begins for the first of all recipients; null without a start. The earliest clocks are those of UTC+14. */
export function beginOf({ start, zone }: Window): Date | null {
  if (start === undefined) return null;
  return new Date(localInstant(start, zone === "recipient" ? "Etc/GMT-14" : zone));
}

/** When a window is over for the last of all recipients; null without an end. The latest clocks are those of UTC-12. */
export function endOf({ end, zone }: Window): Date | null {
  if (end === undefined) return null;
  return new Date(localInstant(end, zone === "recipient" ? "Etc/GMT+12" : zone));
}

/** A window as instants, in milliseconds since the epoch. */
export interface Span {
  readonly notBefore: number;
  /** When its hours close; null without hours. */
  readonly openUntil: number | null;
  /** Null without an end. */
  readonly expiresAt: number | null;
}

/**
 * The first span of a window that is not over at `from`. Where the window ends before its hours open again, the span is
 * empty (`notBefore` is `expiresAt`): the message expires. `start` and `end` are the first instants at which the zone's
 * clocks show that time or a later one.
 */
export function spanFrom({ start, end, hours }: Window, zone: string, from: number): Span {
  const begin = start === undefined ? from : Math.max(from, localInstant(start, zone));
  const expiresAt = end === undefined ? null : localInstant(end, zone);
  if (hours === undefined) return { notBefore: begin, openUntil: null, expiresAt };
  const { opens, closes } = openingAt(hours, zone, begin);
  if (expiresAt !== null && opens >= expiresAt) return { notBefore: expiresAt, openUntil: closes, expiresAt };
  return { notBefore: opens, openUntil: closes, expiresAt };
}

function isDateTime(text: string): boolean {
  try {
    Temporal.PlainDateTime.from(text);
    return true;
  } catch {
    return false;
  }
}

function localInstant(local: string, zone: string): number {
  return instantOf(Temporal.PlainDateTime.from(local), zone);
}
