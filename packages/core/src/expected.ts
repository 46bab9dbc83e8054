import type * as z from "zod";

/** A way to say what would have been accepted; zod's own words tell what was wrong, and name its types. */
type Phrase<Code extends string> = (issue: Extract<z.core.$ZodRawIssue, { readonly code: Code }>) => string;

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  date: "a valid Date",
};

const count = (bound: number | bigint): string => bound.toLocaleString("en");

const least: Readonly<Record<string, (least: string) => string>> = {
  // all numbers with bounds are z.int()
  number: (least) => `a whole number, ${least} or more`,
  string: (least) => (least === "1" ? "a text that is not empty" : `a text of ${least} characters or more`),
  array: (least) => `an array of ${least} items or more`,
};
const most: Readonly<Record<string, (most: string) => string>> = {
  number: (most) => `a whole number up to ${most}`,
  string: (most) => `a text of at most ${most} characters`,
  array: (most) => `an array of at most ${most} items`,
};

const typed: Phrase<"invalid_type"> = ({ expected, path = [] }) =>
  kinds[expected] ?? (path.length === 0 ? "an object with the options" : "an object");

const listed: Phrase<"invalid_value"> = ({ values }) => {
  const quoted = values.map((value) => JSON.stringify(value));
  return quoted.length === 1 ? quoted[0]! : `one of ${quoted.join(", ")}`;
};

/**
 * What a schema without words of its own would have accepted, of the first thing that it refused: "a text", "a whole number
 * up to 1,000", "one of "silent", "notify"". Never echoes the input.
 */
export function expectedOf(issue: z.core.$ZodRawIssue): string {
  const bounded = (phrases: typeof least, bound: number | bigint): string => {
    const { origin } = issue as { readonly origin: string };
    return (phrases[origin] ?? phrases.number!)(count(bound));
  };
  switch (issue.code) {
    case "invalid_type":
      return typed(issue);
    case "invalid_value":
      return listed(issue);
    case "too_small":
      return bounded(least, issue.minimum);
    case "too_big":
      return bounded(most, issue.maximum);
    case "unrecognized_keys":
      return "no such field";
    default:
      return "another value";
  }
}
