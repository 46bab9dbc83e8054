import { deepEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { expect, it } from "vitest";
import { hostileNames } from "../conformance/hostile-names.js";
import { MilepostError } from "../errors.js";
import { tableNamer } from "./table-names.js";

const name = fc.oneof(
  fc
    .array(fc.oneof(fc.constantFrom(...hostileNames), fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 6 })
    .map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 70 }),
);

/** Reads one quoted identifier at `from`, as the SQL standard says: up to a quote that no second one follows. */
function readIdentifier(sql: string, from: number): { readonly name: string; readonly end: number } {
  let read = "";
  if (sql[from] !== '"') throw new Error(`no identifier at ${from}: ${sql}`);
  for (let i = from + 1; i < sql.length; i++) {
    if (sql[i] !== '"') read += sql[i];
    else if (sql[i + 1] === '"') read += sql[i++];
    else return { name: read, end: i + 1 };
  }
  throw new Error(`an identifier without an end: ${sql}`);
}

/** What stands in `sql`: the names of identifiers, and everything between them. */
function read(sql: string): { readonly names: string[]; readonly rest: string } {
  const names: string[] = [];
  let rest = "";
  for (let at = 0; at < sql.length; ) {
    if (sql[at] !== '"') {
      rest += sql[at++];
      continue;
    }
    const { name, end } = readIdentifier(sql, at);
    names.push(name);
    at = end;
  }
  return { names, rest };
}

const bytes = (text: string): number => new TextEncoder().encode(text).length;
const writable = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

it("makes of any schema and prefix exactly that name, or refuses it with its path", { timeout: 60_000 }, () => {
  const seen = { refused: 0, filled: 0 };
  fc.assert(
    fc.property(fc.option(name, { nil: undefined }), name, (schema, tablePrefix) => {
      const schemaIsOne = schema === undefined || (schema !== "" && writable(schema) && bytes(schema) <= 63);
      const prefixIsOne = writable(tablePrefix) && bytes(tablePrefix) <= 23;
      const fill = () => tableNamer({ tablePrefix, ...(schema !== undefined && { schema }) })("A {counters} {#m_due};");
      if (schemaIsOne && prefixIsOne) {
        const qualifier = schema === undefined ? [] : [schema];
        const rest = schema === undefined ? "A  ;" : "A . ;";
        deepEqual(read(fill()), { names: [...qualifier, `${tablePrefix}counters`, `${tablePrefix}m_due`], rest });
        seen.filled++;
      } else {
        const path = prefixIsOne ? "schema" : "tablePrefix";
        throws(fill, (error) => MilepostError.is(error) && error.code === "invalid_options" && error.path === path);
        seen.refused++;
      }
    }),
    { numRuns: 100_000 },
  );
  expect(Math.min(seen.refused, seen.filled)).toBeGreaterThan(10_000);
});

it.each([5, null, {}, ["a"], Symbol("s")])("refuses what is no text: %s", (given) => {
  const refusal = (path: string) => expect.objectContaining({ code: "invalid_options", path });
  const naming = (input: object) => () => tableNamer(input as never)("{counters}");
  expect(naming({ schema: given, tablePrefix: "" })).toThrow(refusal("schema"));
  expect(naming({ schema: "s", tablePrefix: given })).toThrow(refusal("tablePrefix"));
});
