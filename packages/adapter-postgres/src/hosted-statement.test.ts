import { sql } from "@milepost/core";
import { expect, test } from "vitest";
import { hostedStatement } from "./hosted-statement.js";

test("values become numbered parameters, in the order in which they stand", () => {
  const where = sql`WHERE id = ${"acme"} AND "it's" <> '$1'`;
  expect(hostedStatement(sql`UPDATE shops SET online = ${false}, seen = ${7} ${where}`)).toEqual({
    text: `UPDATE shops SET online = $1, seen = $2 WHERE id = $3 AND "it's" <> '$1'`,
    values: [false, 7, "acme"],
  });
  expect(hostedStatement(sql`SELECT 1`)).toEqual({ text: "SELECT 1", values: [] });
});

test("a parameter never runs together with what stands beside it", () => {
  expect(hostedStatement(sql`SELECT é${1}AS a, ${2}0, $$${3}$$ LIMIT${4}`).text).toBe(
    "SELECT é $1 AS a, $2 0, $$ $3$$ LIMIT $4",
  );
  expect(hostedStatement(sql`SELECT (${1}),${2}::text,${3}${4}`).text).toBe("SELECT ($1),$2::text,$3 $4");
});

test("times are ISO text, bigints text, the rest as it is", () => {
  const date = new Date("2026-11-05T12:00:00.123Z");
  const { values } = hostedStatement(sql`SELECT ${date}, ${9_007_199_254_740_993n}, ${null}, ${1.5}, ${true}, ${"x"}`);
  expect(values).toEqual(["2026-11-05T12:00:00.123Z", "9007199254740993", null, 1.5, true, "x"]);
});
