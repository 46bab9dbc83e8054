import * as z from "zod";
import { type ErrorCode, MilepostError } from "./errors.js";
import { expectedOf } from "./expected.js";
import { redact } from "./redact.js";
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
  .max(1_000, { abort: true })
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "text without NUL and lone surrogates");

/**
 * A Date, told by what it holds and copied: a subclass may answer anything, and the host may go on using its own. Of a year
 * that calendars and stores can write: an amount that stands for a time by mistake would stop whoever comes across it.
 */
export const dateSchema: z.ZodType<Date, Date> = z
  .custom<Date>((value) => !Number.isNaN(timeOf(value)), "a valid Date")
  .transform((date) => new Date(timeOf(date)))
  .refine((date) => year(date) >= 1 && year(date) <= 9999, "a date between the years 1 and 9999");

const year = (date: Date): number => date.getUTCFullYear();

/** The milliseconds a Date holds; NaN for an invalid one, and for what is none, as a Proxy of one. */
export function timeOf(value: unknown): number {
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return Number.NaN;
  }
}

/**
 * Reads data from outside. A getter or a proxy's trap is code of a stranger: what it throws becomes `code`, with `path`
 * and the thrown value as `cause`.
 */
export function reading<T>(code: ErrorCode, path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (MilepostError.is(cause)) throw cause;
    const expected = "data that can be read";
    throw new MilepostError(code, path === "" ? `Expected ${expected}` : `${path}: ${expected}`, {
      path,
      expected,
      cause,
    });
  }
}

/**
 * The items of an array from outside, one by one: a copy, or a walk by map(), of an array with the length 2^32 - 1 and no
 * items would take hours. Throws `code` for what is no array.
 */
export function itemsOf(
  input: unknown,
  code: ErrorCode,
  path: string,
): Iterable<readonly [index: number, item: unknown]> {
  if (!reading(code, path, () => Array.isArray(input))) {
    throw new MilepostError(code, `${path}: expected an array`, { path, expected: "an array" });
  }
  const items = input as readonly unknown[];
  return (function* () {
    for (let i = 0; i < reading(code, path, () => items.length); i++) {
      yield [i, reading(code, `${path}[${i}]`, () => items[i])] as const;
    }
  })();
}

/**
 * An array of at most `max` items. Its length is looked at before its items: zod's own `max` comes after them, and a
 * sparse array, or 10 MB of `[1,1,…]`, would have cost the process its memory by then.
 */
export function listOf<Item extends z.ZodType>(
  item: Item,
  max: number,
): z.ZodType<readonly z.output<Item>[], readonly z.input<Item>[]> {
  return z
    .custom<z.input<Item>[]>((value) => Array.isArray(value) && value.length <= max, `an array of at most ${max} items`)
    .pipe(z.array(item));
}

/** Runs `input` through `schema`, or throws `code` with the path of the first field that is wrong. Never echoes values. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, code: ErrorCode, path = ""): T {
  // with the issue's message: zod writes it when it is asked for, and looks at the input once more
  const parsed = reading(code, path, () => {
    const { data, error } = schema.safeParse(input, { error: expectedOf });
    const [issue] = error?.issues ?? [];
    return issue === undefined ? { data: data as T } : { issue, message: issue.message };
  });
  if (parsed.issue === undefined) return parsed.data;
  const { issue, message } = parsed;
  const keys = issue.code === "unrecognized_keys" ? [...issue.path, shownKey(issue.keys[0]!)] : issue.path;
  const at = joinPath(path, keys);
  throw new MilepostError(code, at === "" ? `Expected ${message}` : `${at}: ${message}`, {
    path: at,
    expected: message,
  });
}

/** {@link parseInput} for a written interface with optional fields: those that are undefined are left out. */
export function parsePresent<T extends object>(schema: z.ZodType, input: unknown, code: ErrorCode, path = ""): T {
  return present(parseInput(schema, input, code, path) as T);
}

/** An object without its fields that are undefined. */
export function present<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
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

/** A key that a host chose, as a path names it: one of a list by address would tell whose it is. */
export function shownKey(key: string): string {
  return plainWord.test(key) ? key : redact(key.slice(0, 1_000)).slice(0, 80);
}

/** Nearly every key: looking at it more closely would take longer than copying what it is of. */
const plainWord = /^[A-Za-z_$]{1,40}[0-9]{0,3}$/;

export function joinPath(path: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((joined, key) => {
    if (typeof key === "number") return `${joined}[${key}]`;
    return joined === "" ? String(key) : `${joined}.${String(key)}`;
  }, path);
}

/** An object of the host's that has a method of this name. */
export const withMethod = <T>(name: string): z.ZodType<T> =>
  z.custom<T>(
    (value) => typeof value === "object" && value !== null && typeof (value as never)[name] === "function",
    `an object with a method ${name}()`,
  );
