import * as z from "zod";
import type { Recipient } from "../recipient/recipient.js";
import { type Agrees, listOf, present } from "../validation.js";
import { type Hours, openingAt, type ZonedHours } from "./hours.js";
import { type ZoneChoice, zoneChoiceFields, zoneOf } from "./zone.js";

/** The hours within which messages may go out, by the clocks of each recipient's zone or of a named one. */
export interface LocalHours extends Hours, ZoneChoice {}

const time = (pattern: RegExp, message: string) => z.string().max(5, { abort: true }).regex(pattern, message);

const hoursFields = {
  from: time(/^([01]\d|2[0-3]):[0-5]\d$/, "hours and minutes, as in 09:00"),
  to: time(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, "hours and minutes up to 24:00, as in 18:00"),
  days: listOf(z.int().min(1).max(7), 7).optional(),
};
const hours = z.strictObject(hoursFields);
const localHours = z.strictObject({ ...hoursFields, ...zoneChoiceFields });

true satisfies Agrees<typeof hours, Hours>;
true satisfies Agrees<typeof localHours, LocalHours>;

function refined<H extends Hours>(schema: z.ZodType): z.ZodType<H, H> {
  return (schema as z.ZodType<H, H>)
    .refine(({ from, to }) => from !== to, {
      path: ["to"],
      error: "another time than from; from 00:00 to 24:00 is a whole day",
    })
    .refine(({ days }) => days === undefined || days.length > 0, { path: ["days"], error: "at least one weekday" })
    .transform(present);
}

export const hoursSchema: z.ZodType<Hours, Hours> = refined<Hours>(hours);
export const localHoursSchema: z.ZodType<LocalHours, LocalHours> = refined<LocalHours>(localHours);

/** When the hours of a message to `recipient` are open first, from `from` on; as its notification has it. */
export function firstOpening(
  hours: LocalHours | null,
  { zone: own }: Recipient,
  from: Date,
): { readonly notBefore: Date | null; readonly hours: ZonedHours | null; readonly openUntil: Date | null } {
  if (hours === null) return { notBefore: null, hours: null, openUntil: null };
  const { from: begin, to, days } = hours;
  const zone = zoneOf(hours, own);
  const { opens, closes } = openingAt(hours, zone, from.getTime());
  return {
    notBefore: new Date(opens),
    hours: { from: begin, to, ...(days && { days }), zone },
    openUntil: new Date(closes),
  };
}
