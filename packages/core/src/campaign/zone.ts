import * as z from "zod";

/** Whose clocks a time is meant by. */
export interface ZoneChoice {
  /** `"recipient"`: of each recipient's own zone. Else an IANA name, or `UTC`. */
  readonly zone: string;
  /** With `"recipient"`: for those whose zone is missing, or is none. `UTC` unless said. */
  readonly otherwise?: string;
}

export function zoneOf({ zone, otherwise = "UTC" }: ZoneChoice, recipientZone: string | undefined): string {
  if (zone !== "recipient") return zone;
  return recipientZone !== undefined && isZone(recipientZone) ? recipientZone : otherwise;
}

export const zoneSchema: z.ZodString = z
  .string()
  .max(64, { abort: true })
  .refine(isZone, "a zone that this machine knows, as in Europe/Berlin");

/** The fields of a {@link ZoneChoice}. */
export const zoneChoiceFields: {
  readonly zone: z.ZodUnion<readonly [z.ZodLiteral<"recipient">, z.ZodString]>;
  readonly otherwise: z.ZodOptional<z.ZodString>;
} = { zone: z.union([z.literal("recipient"), zoneSchema]), otherwise: zoneSchema.optional() };

const zones = new Map<string, boolean>();

/** Whether this machine knows a zone by that name. */
function isZone(name: string): boolean {
  let known = zones.get(name);
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat("en", { timeZone: name });
      known = true;
    } catch {
      known = false;
    }
    // names come from outside, without end
    if (zones.size >= 2_000) zones.clear();
    zones.set(name, known);
  }
  return known;
}
