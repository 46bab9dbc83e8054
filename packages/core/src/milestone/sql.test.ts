import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MilepostError } from "../errors.js";
import { isSqlStatement, type SqlStatement, type SqlValue, sql } from "./sql.js";

const said = ({ texts, values }: SqlStatement) => ({ texts, values });

/** A template whose texts are not known before. */
function template(texts: readonly string[], ...values: readonly (SqlValue | SqlStatement)[]): SqlStatement {
  return sql(Object.assign([...texts], { raw: texts }), ...values);
}

function refusal(make: () => unknown): { readonly code: string; readonly path: string | undefined } {
  try {
    make();
  } catch (error) {
    if (MilepostError.is(error)) return { code: error.code, path: error.path };
    throw error;
  }
  throw new Error("it was taken");
}

test("values stand apart from the text, in their order and as they were given", () => {
  const at = new Date(0);
  const made = sql`UPDATE shops SET a = ${"x"}, b = ${1}, c = ${2n}, d = ${true}, e = ${at}, f = ${null}`;
  expect(made.values).toEqual(["x", 1, 2n, true, at, null]);
  expect(made.texts).toEqual(["UPDATE shops SET a = ", ", b = ", ", c = ", ", d = ", ", e = ", ", f = ", ""]);
  expect(said(sql`DELETE FROM shops`)).toEqual({ texts: ["DELETE FROM shops"], values: [] });
});

test("a statement inside another becomes a part of it, with its values in their places, however deep", () => {
  const id = sql`id = ${7}`;
  const where = sql`WHERE ${id} AND ${id}`;
  const made = sql`UPDATE ${sql`shops`} SET online = ${false} ${where} OR id = ${8}`;
  expect(said(made)).toEqual({
    texts: ["UPDATE shops SET online = ", " WHERE id = ", " AND id = ", " OR id = ", ""],
    values: [false, 7, 7, 8],
  });
  expect(said(id)).toEqual({ texts: ["id = ", ""], values: [7] });
});

describe("what no column holds is refused, with its place", () => {
  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["NaN", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["an invalid date", new Date(Number.NaN)],
    ["an object", { id: 1 }],
    ["a list", ["a"]],
    ["a function", () => "x"],
    ["a symbol", Symbol("x")],
    ["a promise", Promise.resolve("x")],
    ["what only looks like a statement", JSON.parse(`{"kind":"sql","texts":["1; DROP TABLE shops"],"values":[]}`)],
  ])("%s", (_, value) => {
    const make = () => sql`UPDATE shops SET a = ${1}, b = ${value as never}`;
    expect(refusal(make)).toEqual({ code: "invalid_data", path: "sql[1]" });
  });
});

describe("a statement that begins or ends a transaction is refused", () => {
  test.each([
    ...["BEGIN", "begin", "Start Transaction", "COMMIT", "commit work", "END", "ROLLBACK", "ROLLBACK TO a", "ABORT"],
    ...["SAVEPOINT a", "RELEASE a", "PREPARE TRANSACTION 'a'", "prepare\n\ttransaction 'a'", "COMMIT;", "commit--x"],
    ...["  \n\t COMMIT", ";COMMIT", " ; ; COMMIT", "-- a comment\nCOMMIT", "--\n--\n COMMIT", "/* a */ COMMIT"],
    ...["/* a\n b */--c\n;/**/COMMIT", "/***/COMMIT", "\ufeffCOMMIT", "\u00a0COMMIT", "--\r\nCOMMIT"],
  ])("%j", (text) => {
    expect(refusal(() => template([text]))).toEqual({ code: "invalid_data", path: "sql" });
    const [first, second] = [text.slice(0, -3), text.slice(-3)];
    expect(refusal(() => template([first, second], sql``)).code, "in two parts").toBe("invalid_data");
  });
});

test.each([
  ...[
    "UPDATE commits SET a = 1",
    "INSERT INTO begin_end VALUES (1)",
    "DELETE FROM a -- COMMIT",
    "/* COMMIT */ SELECT 1",
  ],
  ...["SELECT 'COMMIT'", "committed", "endless", "PREPARE a AS SELECT 1", "WITH a AS (SELECT 1) SELECT * FROM a", ""],
])("others are not: %j", (text) => {
  expect(template([text]).texts).toEqual([text]);
});

test("a hostile text never becomes SQL: what is not written in the template is a value", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("'; DROP TABLE shops; --", "COMMIT", "$" + "{1}", "$1", "?", '"', "\\", "/*", "\0", "{counters}"),
  );
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), fc.boolean(), (values, nested) => {
      const texts = ["UPDATE shops SET a = ", ...values.map(() => ", ")];
      const made = nested
        ? template(texts, ...values.map((value) => sql`lower(${value})`))
        : template(texts, ...values);
      expect(made.values).toEqual(values);
      const written = nested ? texts.join("lower()") : texts.join("");
      expect(made.texts.join("")).toBe(written);
      expect(made.texts.length).toBe(values.length + 1);
    }),
  );
});

test("text and values fit together, whatever is inside of what", () => {
  interface Tree {
    readonly texts: readonly string[];
    readonly parts: readonly (Tree | number)[];
  }
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc
      .array(fc.oneof({ maxDepth: 4 }, fc.integer(), tie("tree")), { maxLength: 4 })
      .chain((parts) =>
        fc
          .array(fc.constantFrom("a", "b ", ""), { minLength: parts.length + 1, maxLength: parts.length + 1 })
          .map((texts) => ({ texts, parts: parts as readonly (Tree | number)[] })),
      ),
  }));
  const made = ({ texts, parts }: Tree): SqlStatement =>
    template(texts, ...parts.map((part) => (typeof part === "number" ? part : made(part))));
  const written = ({ texts, parts }: Tree): string =>
    texts.reduce((before, text, i) => {
      const part = parts[i - 1]!;
      return `${before}${typeof part === "number" ? `<${part}>` : written(part)}${text}`;
    });
  fc.assert(
    fc.property(tree, (each) => {
      const { texts, values } = made(each);
      expect(texts.reduce((before, text, i) => `${before}<${String(values[i - 1])}>${text}`)).toBe(written(each));
    }),
  );
});

test("what sql made is known as such, in another copy of this library too; what looks like it is not", () => {
  expect(isSqlStatement(sql`SELECT 1`)).toBe(true);
  for (const other of [null, undefined, "SELECT 1", {}, { kind: "sql", texts: ["SELECT 1"], values: [] }]) {
    expect(isSqlStatement(other)).toBe(false);
  }
  expect(JSON.parse(JSON.stringify(sql`SELECT ${1}`))).toEqual({ kind: "sql", texts: ["SELECT ", ""], values: [1] });
  expect((sql`SELECT 1` as unknown as Record<symbol, unknown>)[Symbol.for("milepost.sql")]).toBe(true);
});
