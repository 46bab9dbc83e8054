import * as z from "zod";
import { type Agrees, keySchema, parseInput } from "../validation.js";

/** Where a secret is stored: what opens it in one place opens it in no other. */
export interface SecretPlace {
  readonly tenant: string;
  /** A name of its own for the table: one that stays when the table is renamed or gets a prefix. */
  readonly table: string;
  readonly column: string;
  /** The row's key; parts of a composite one joined so that no two rows have one text. Up to 1,000 characters. */
  readonly row: string;
}

const placeSchema = z.strictObject({
  tenant: keySchema,
  table: keySchema,
  column: keySchema,
  row: z.string().min(1).max(1_000),
});

true satisfies Agrees<typeof placeSchema, SecretPlace>;

/** Throws `invalid_options` for a place that is none. */
export function parsePlace(place: SecretPlace): SecretPlace {
  return parseInput(placeSchema, place, "invalid_options", "place");
}

/** What a sealed text is authenticated with, beside its content. JSON, so that no two places have the same. */
export function authenticated(header: string, { tenant, table, column, row }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([header, tenant, table, column, row]));
}
