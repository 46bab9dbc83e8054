import {
  type Comparison,
  type ContactFilter,
  type FieldTest,
  type FilterDialect,
  filterSql,
  sql,
} from "@milepost/core/store";
import type { Value } from "./driver.js";
import { hostedStatement } from "./hosted-statement.js";
import { textArray } from "./values.js";

const comparisons: Readonly<Record<Comparison, ReturnType<typeof sql>>> = {
  gt: sql`>`,
  gte: sql`>=`,
  lt: sql`<`,
  lte: sql`<=`,
};

const dialect: FilterDialect = {
  anyOf: (column, texts) => sql`${column} = ANY (${textArray(texts)}::text[])`,
  tagged: (tag) => sql`c.tags OPERATOR(pg_catalog.@>) ${textArray([tag])}::text[]`,
  field(test) {
    // with a text on its right -> looks into objects only
    const found = test.path.reduce((inside, name) => sql`${inside} -> ${name}::text`, sql`c.fields`);
    return passed(sql`(${found})`, test);
  },
};

function passed(found: ReturnType<typeof sql>, test: FieldTest): ReturnType<typeof sql> {
  if (test.op === "exists") return sql`${found} IS NOT NULL`;
  if (test.op === "in") {
    const values = JSON.stringify(test.values);
    return sql`coalesce(${found} IN (SELECT v.value FROM jsonb_array_elements(${values}::jsonb) v), false)`;
  }
  const text = sql`(${found} #>> '{}'::text[]) COLLATE "C"`;
  const ofType = (type: ReturnType<typeof sql>, holds: ReturnType<typeof sql>) =>
    // CASE, and not AND: only so is nothing of another type cast
    sql`CASE jsonb_typeof(${found}) WHEN ${type} THEN ${holds} ELSE false END`;
  if (test.op === "startsWith") return ofType(sql`'string'`, sql`starts_with(${text}, ${test.value}::text)`);
  const by = comparisons[test.op];
  if (typeof test.value === "string") return ofType(sql`'string'`, sql`${text} ${by} ${test.value}::text`);
  return ofType(sql`'number'`, sql`${found}::numeric ${by} ${String(test.value)}::numeric`);
}

/** Whether a row `c` is one that a filter means, its values numbered after those `before`; every row for none. */
export function meant(
  filter: ContactFilter | null,
  before: readonly Value[],
): { readonly where: string; readonly values: readonly Value[] } {
  if (filter === null) return { where: "true", values: before };
  const { text, values } = hostedStatement(filterSql(filter, dialect), before.length);
  return { where: text, values: [...before, ...values] };
}
