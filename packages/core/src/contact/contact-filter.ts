import { createHash } from "node:crypto";
import * as z from "zod";
import { MilepostError } from "../errors.js";
import { plainJson } from "../json.js";
import { type Agrees, joinPath, keySchema, listOf, parseInput, shownKey } from "../validation.js";

/** What a field of a contact is compared with. */
export type FieldValue = string | number | boolean | null;

/** A range of times; ends that are left out are open. ISO 8601 texts with an offset, or Dates. */
export interface TimeRange {
  readonly before?: string | Date;
  /** From this time on. */
  readonly after?: string | Date;
}

/** Of whole numbers. */
export interface NumberRange {
  readonly is?: number;
  readonly gt?: number;
  readonly gte?: number;
  readonly lt?: number;
  readonly lte?: number;
}

/** What a field must be; where several are said, all must hold. Values of different types are neither equal nor ordered. */
export interface FieldCondition {
  /** Names of objects within each other, joined by dots: `plan.code`. Members of arrays have no name. */
  readonly field: string;
  readonly is?: FieldValue;
  readonly in?: readonly FieldValue[];
  /** Numbers by size, texts by their bytes of UTF-8. */
  readonly gt?: number | string;
  readonly gte?: number | string;
  readonly lt?: number | string;
  readonly lte?: number | string;
  /** Whether it is there, null or not. */
  readonly exists?: boolean;
  readonly startsWith?: string;
}

/**
 * Which contacts are meant, as data: JSON that can be stored, sent and shown, and never SQL. {@link matches} is what it
 * says; every store answers the same.
 */
export type ContactFilter =
  /** All of them; every contact where there are none. */
  | { readonly all: readonly ContactFilter[] }
  /** One of them or more; no contact where there are none. */
  | { readonly any: readonly ContactFilter[] }
  | { readonly not: ContactFilter }
  | { readonly id: string }
  | { readonly ids: readonly string[] }
  | { readonly tag: string }
  | { readonly channel: string }
  /** One of these texts; null: has none. */
  | { readonly source: string | readonly string[] | null }
  | { readonly locale: string | readonly string[] | null }
  | { readonly zone: string | readonly string[] | null }
  | FieldCondition
  /** Who was never emailed lies in no range. */
  | { readonly lastEmailed: TimeRange | "never" }
  | { readonly bounces: NumberRange }
  /** Whether its address must not be written to: messages of `scope`, or, where none is said, any message. */
  | { readonly suppressed: boolean; readonly scope?: string }
  /** Whether it agreed to messages of a scope, or, where it said nothing of that one, to all. */
  | { readonly consent: string };

const text = z
  .string()
  .max(10_000, { abort: true })
  .refine((value) => value.isWellFormed() && !value.includes("\0"), "text without NUL and lone surrogates");
const short = text.max(200, { abort: true });
const number = z.number("a finite number");
const orderable = z.union([number, text], "a number or a text");
const value = z.union([text, number, z.boolean(), z.null()], "a text, a number, true, false or null");
const texts = z.union([short, listOf(short, 1_000), z.null()], "a text, up to 1,000 texts, or null");

const isoSchema = z.iso
  .datetime({ offset: true, error: "a Date, or ISO 8601 text with an offset" })
  .refine((given) => !Number.isNaN(Date.parse(given)), "a time that exists")
  .transform((given) => new Date(given).toISOString());

const oneOrMore = <Schema extends z.ZodType>(schema: Schema, from: number): Schema =>
  schema.refine(
    (given) => Object.values(given as object).filter((each) => each !== undefined).length > from,
    "at least one condition",
  ) as Schema;

const idSchema = z.strictObject({ id: keySchema });
const idsSchema = z.strictObject({ ids: listOf(keySchema, 10_000) });
const tagSchema = z.strictObject({ tag: keySchema });
const channelSchema = z.strictObject({ channel: short });
const sourceSchema = z.strictObject({ source: texts });
const localeSchema = z.strictObject({ locale: texts });
const zoneSchema = z.strictObject({ zone: texts });
const fieldSchema = oneOrMore(
  z.strictObject({
    field: text
      .max(1_000, { abort: true })
      .refine((path) => path.split(".").length <= 8, "at most 8 names joined by dots"),
    is: value.optional(),
    in: listOf(value, 1_000).optional(),
    ...{ gt: orderable.optional(), gte: orderable.optional(), lt: orderable.optional(), lte: orderable.optional() },
    exists: z.boolean().optional(),
    startsWith: text.optional(),
  }),
  1,
);
const timeSchema = z.preprocess((given) => (given instanceof Date ? given.toISOString() : given), isoSchema).optional();
const emailedSchema = z.strictObject({
  lastEmailed: z.union(
    [z.literal("never"), oneOrMore(z.strictObject({ before: timeSchema, after: timeSchema }), 0)],
    '"never", or a range with before, after or both',
  ),
});
const bouncesSchema = z.strictObject({
  bounces: oneOrMore(
    z.strictObject({
      ...{ is: z.int().optional(), gt: z.int().optional(), gte: z.int().optional() },
      ...{ lt: z.int().optional(), lte: z.int().optional() },
    }),
    0,
  ),
});
const suppressedSchema = z.strictObject({ suppressed: z.boolean(), scope: keySchema.optional() });
const consentSchema = z.strictObject({ consent: keySchema });

true satisfies Agrees<typeof fieldSchema, FieldCondition>;

/** The condition that a filter is, by the one name that tells it. */
const conditions: Readonly<Record<string, z.ZodType>> = {
  id: idSchema,
  ids: idsSchema,
  tag: tagSchema,
  channel: channelSchema,
  source: sourceSchema,
  locale: localeSchema,
  zone: zoneSchema,
  field: fieldSchema,
  lastEmailed: emailedSchema,
  bounces: bouncesSchema,
  suppressed: suppressedSchema,
  consent: consentSchema,
};

const maxDepth = 10;
const maxConditions = 200;

/**
 * Checks a filter and copies it, or throws `invalid_filter` with the path of what is wrong: a name that no condition has,
 * more than 10 levels, 200 conditions, or 1 MB.
 */
export function parseFilter(input: unknown, path = "filter"): ContactFilter {
  let count = 0;
  const refuse = (at: string, expected: string): never => {
    throw new MilepostError("invalid_filter", `${at}: ${expected}`, { path: at, expected });
  };
  function node(given: unknown, at: string, depth: number): ContactFilter {
    if (typeof given !== "object" || given === null || Array.isArray(given)) return refuse(at, "a filter: an object");
    if (depth > maxDepth) return refuse(at, `at most ${maxDepth} levels`);
    if (++count > maxConditions) return refuse(at, `at most ${maxConditions} conditions`);
    const keys = Object.keys(given);
    const kind = ["all", "any", "not"].find((name) => Object.hasOwn(given, name));
    if (kind !== undefined) {
      const other = keys.find((key) => key !== kind);
      if (other !== undefined) return refuse(joinPath(at, [shownKey(other)]), "no key beside it");
      const inner = (given as Record<string, unknown>)[kind];
      if (kind === "not") return { not: node(inner, `${at}.not`, depth + 1) };
      if (!Array.isArray(inner)) return refuse(`${at}.${kind}`, "a list of filters");
      const nodes = inner.map((each, i) => node(each, `${at}.${kind}[${i}]`, depth + 1));
      return kind === "all" ? { all: nodes } : { any: nodes };
    }
    const name = Object.keys(conditions).find((each) => Object.hasOwn(given, each));
    if (name !== undefined) return parseInput(conditions[name]!, given, "invalid_filter", at) as ContactFilter;
    const [unknown] = keys;
    const expected = `one of all, any, not, ${Object.keys(conditions).join(", ")}`;
    return refuse(unknown === undefined ? at : joinPath(at, [shownKey(unknown)]), expected);
  }
  // a copy first: bounded, and without getters; Dates are ISO texts in it
  return node(plainJson(input, path, "invalid_filter", { maxBytes: 1_048_576, maxDepth: 2 * maxDepth + 4 }), path, 1);
}

/** What an act on the contacts of a filter is recorded under: the contact where it names one, else a digest of the filter. */
export function filterEntity(filter: ContactFilter): string {
  if ("id" in filter) return filter.id;
  return `filter:${createHash("sha256").update(JSON.stringify(filter)).digest("hex").slice(0, 32)}`;
}
