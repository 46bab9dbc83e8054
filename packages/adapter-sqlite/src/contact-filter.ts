import {
  type Comparison,
  type ContactFilter,
  type FieldTest,
  type FilterDialect,
  filterSql,
  sql,
} from "@milepost/core/store";
import { list } from "./conditions.js";
import type { SqlValue } from "./driver.js";
import { hostedStatement } from "./hosted-statement.js";

const comparisons: Readonly<Record<Comparison, ReturnType<typeof sql>>> = {
  gt: sql`>`,
  gte: sql`>=`,
  lt: sql`<`,
  lte: sql`<=`,
};

// json_each and no path: a path of SQLite's cannot name every key, and reads a text that looks like JSON.
const dialect: FilterDialect = {
  anyOf: (column, texts) => sql`${column} IN (SELECT value FROM json_each(${list(texts)}))`,
  tagged: (tag) =>
    sql`EXISTS (SELECT 1 FROM {contact_tags} t WHERE t.tenant = c.tenant AND t.tag = ${tag} AND t.number = c.number)`,
  field(test) {
    const [first, ...further] = test.path;
    const found = further.reduce(
      (inside, name) =>
        sql`SELECT f.type, f.atom, f.value FROM (${inside}) o, json_each(CASE o.type WHEN 'object' THEN o.value ELSE '{}' END) f
          WHERE f.key = ${name}`,
      sql`SELECT f.type, f.atom, f.value FROM json_each(c.fields) f WHERE f.key = ${first!}`,
    );
    return sql`EXISTS (SELECT 1 FROM (${found}) m WHERE ${passed(test)})`;
  },
};

function passed(test: FieldTest): ReturnType<typeof sql> {
  if (test.op === "exists") return sql`1 = 1`;
  if (test.op === "in") {
    // the values as JSON too: both sides are read by SQLite, which may read a number otherwise than JavaScript
    const values = JSON.stringify(test.values);
    return sql`EXISTS (SELECT 1 FROM json_each(${values}) v WHERE v.type = m.type AND v.atom IS m.atom)`;
  }
  if (test.op === "startsWith") {
    return sql`m.type = 'text' AND substr(m.atom, 1, length(${test.value})) = ${test.value}`;
  }
  const by = comparisons[test.op];
  if (typeof test.value === "string") return sql`m.type = 'text' AND m.atom ${by} ${test.value}`;
  const value = JSON.stringify([test.value]);
  return sql`m.type IN ('integer', 'real') AND m.atom ${by} (SELECT v.atom FROM json_each(${value}) v)`;
}

/** Whether a row `c` is one that a filter means; every row for none. */
export function meant(filter: ContactFilter | null): { readonly where: string; readonly values: readonly SqlValue[] } {
  if (filter === null) return { where: "1 = 1", values: [] };
  const statement = hostedStatement(filterSql(filter, dialect));
  return { where: statement.sql, values: statement.values as readonly SqlValue[] };
}
