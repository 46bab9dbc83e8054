import { MilepostError } from "@milepost/core";
import type * as z from "zod";

/**
 * Runs options through a schema, or throws `invalid_options` with the path of the first that is wrong; never echoes one.
 * Those that are undefined are left out.
 */
export function parseOptions<T extends object>(schema: z.ZodType, options: unknown): T {
  const { data, error } = schema.safeParse(options, { error: expectedOf });
  const [issue] = error?.issues ?? [];
  if (issue === undefined) {
    return Object.fromEntries(Object.entries(data as object).filter(([, value]) => value !== undefined)) as T;
  }
  const keys = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0]!.slice(0, 80)] : issue.path;
  const path = keys.map(String).join(".");
  const expected = issue.message;
  throw new MilepostError("invalid_options", path === "" ? `Expected ${expected}` : `${path}: ${expected}`, {
    path,
    expected,
  });
}

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  boolean: "true or false",
  int: "a whole number",
  number: "a whole number",
};

/** What a field without words of its own would have accepted. */
function expectedOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return kinds[issue.expected] ?? "an object";
    case "invalid_value":
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_small":
      return issue.origin === "string" ? "a text that is not empty" : `a whole number, ${issue.minimum} or more`;
    case "too_big":
      return issue.origin === "string"
        ? `a text of at most ${issue.maximum} characters`
        : `a whole number up to ${issue.maximum}`;
    case "unrecognized_keys":
      return "no such option";
    default:
      return "another value";
  }
}

/** Fields without the difference between an absent one and an undefined one, which zod does not make. */
type Fields<T> = { [Key in keyof T]-?: Field<Exclude<T[Key], undefined>> };
type Field<T> = T extends readonly unknown[] | ((...args: never) => unknown) ? T : T extends object ? Fields<T> : T;

/** `true` where a schema takes exactly what a written interface says, else no value at all; as core's own. */
export type Agrees<Schema extends z.ZodType, Written> = [Fields<z.input<Schema>>] extends [Fields<Written>]
  ? [Fields<Written>] extends [Fields<z.input<Schema>>]
    ? true
    : never
  : never;
