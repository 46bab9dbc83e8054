import * as z from "zod";
import { type ErrorCode, MilepostError } from "./errors.js";
import { keyProblem } from "./text-key.js";

/** A text key: 1 to 200 UTF-8 bytes without NUL or lone surrogates. */
export const keySchema: z.ZodString = z.string().check((context) => {
  const problem = keyProblem(context.value);
  if (problem !== undefined) context.issues.push({ code: "custom", message: problem, input: "" });
});

/** Why a person did something: kept with the act. */
export const whySchema: z.ZodString = z
  .string()
  .min(1)
  .max(1_000)
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "text without NUL and lone surrogates");

/** Runs `input` through `schema`, or throws `code` with the path of the first field that is wrong. Never echoes values. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, code: ErrorCode, path = ""): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const keys = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0]!.slice(0, 80)] : issue.path;
  const at = joinPath(path, keys);
  const expected = issue.code === "unrecognized_keys" ? "no such field" : issue.message;
  throw new MilepostError(code, `${at === "" ? "input" : at}: ${expected}`, { path: at, expected });
}

/** {@link parseInput} for a written interface with optional fields: those that are undefined are left out. */
export function parsePresent<T extends object>(schema: z.ZodType, input: unknown, code: ErrorCode, path = ""): T {
  const fields = Object.entries(parseInput(schema, input, code, path) as object);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as T;
}

/** What every query may say: whose rows, and which page of them. */
export const pageFields: {
  readonly tenant: z.ZodDefault<z.ZodString>;
  readonly limit: z.ZodDefault<z.ZodInt>;
} = { tenant: keySchema.default("default"), limit: z.int().min(1).max(10_000).default(100) };

/** Fields without the difference between an absent one and an undefined one, which zod does not make. */
type Fields<T> = { [Key in keyof T]-?: Field<Exclude<T[Key], undefined>> };
type Field<T> = T extends readonly (infer Item)[] ? readonly Fields<Item>[] : T;

/**
 * `true` where a schema takes exactly what a written interface says, else no value at all, so that
 * `true satisfies Agrees<typeof schema, Written>` does not compile when one of the two changes alone. Interfaces are
 * written because isolatedDeclarations forbids inferring an exported type.
 */
export type Agrees<Schema extends z.ZodType, Written> = [Fields<z.input<Schema>>] extends [Fields<Written>]
  ? [Fields<Written>] extends [Fields<z.input<Schema>>]
    ? true
    : never
  : never;

export function joinPath(path: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((joined, key) => {
    if (typeof key === "number") return `${joined}[${key}]`;
    return joined === "" ? String(key) : `${joined}.${String(key)}`;
  }, path);
}
