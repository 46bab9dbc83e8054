import { type SqlStatement, sql } from "../milestone/sql.js";
import { everything } from "../recipient/suppression.js";
import type { ContactFilter } from "./contact-filter.js";
import { type FieldTest, fieldTests } from "./matches.js";

/** What databases write differently of a filter. Each condition is true or false, never NULL: it may stand inside a `not`. */
export interface FilterDialect {
  /** Whether a column, which is not NULL, is one of these texts. */
  anyOf(column: SqlStatement, texts: readonly string[]): SqlStatement;
  /** Whether the contact `c` has a tag. */
  tagged(tag: string): SqlStatement;
  /** Whether a member of `c.fields` passes a test; `exists` is always true here. */
  field(test: FieldTest): SqlStatement;
}

/**
 * A filter as a condition on a row `c` of `{contacts}`, its values apart. Tables are named in braces, for
 * `tableNamer()`; names of columns are the same in every SQL store.
 */
export function filterSql(filter: ContactFilter, dialect: FilterDialect): SqlStatement {
  const of = (each: ContactFilter) => filterSql(each, dialect);
  if ("all" in filter) return joined(filter.all.map(of), sql` AND `, sql`1 = 1`);
  if ("any" in filter) return joined(filter.any.map(of), sql` OR `, sql`1 = 0`);
  if ("not" in filter) return sql`NOT (${of(filter.not)})`;
  if ("id" in filter) return sql`c.id = ${filter.id}`;
  if ("ids" in filter) return dialect.anyOf(sql`c.id`, filter.ids);
  if ("tag" in filter) return dialect.tagged(filter.tag);
  if ("channel" in filter) return sql`c.channel = ${filter.channel}`;
  if ("source" in filter) return textSql(sql`c.source`, filter.source, dialect);
  if ("locale" in filter) return textSql(sql`c.locale`, filter.locale, dialect);
  if ("zone" in filter) return textSql(sql`c.zone`, filter.zone, dialect);
  if ("field" in filter)
    return joined(
      fieldTests(filter).map((test) => testSql(test, dialect)),
      sql` AND `,
      sql`1 = 1`,
    );
  if ("lastEmailed" in filter) {
    if (filter.lastEmailed === "never") return sql`c.last_emailed_at IS NULL`;
    const { before, after } = filter.lastEmailed;
    const ends = [sql`c.last_emailed_at IS NOT NULL`];
    if (before !== undefined) ends.push(sql`c.last_emailed_at < ${new Date(before)}`);
    if (after !== undefined) ends.push(sql`c.last_emailed_at >= ${new Date(after)}`);
    return joined(ends, sql` AND `, sql`1 = 1`);
  }
  if ("bounces" in filter) {
    const { is, gt, gte, lt, lte } = filter.bounces;
    const ends = [];
    if (is !== undefined) ends.push(sql`c.bounces = ${is}`);
    if (gt !== undefined) ends.push(sql`c.bounces > ${gt}`);
    if (gte !== undefined) ends.push(sql`c.bounces >= ${gte}`);
    if (lt !== undefined) ends.push(sql`c.bounces < ${lt}`);
    if (lte !== undefined) ends.push(sql`c.bounces <= ${lte}`);
    return joined(ends, sql` AND `, sql`1 = 1`);
  }
  if ("suppressed" in filter) {
    const found = sql`EXISTS (SELECT 1 FROM {suppressions} s WHERE s.tenant = c.tenant
      AND s.recipient_key = c.recipient_key AND s.scope IN (${filter.scope ?? everything}, ${everything}))`;
    return filter.suppressed ? found : sql`NOT ${found}`;
  }
  return sql`coalesce(${grantedSql(filter.consent)}, ${grantedSql(everything)}, false)`;
}

function grantedSql(scope: string): SqlStatement {
  return sql`(SELECT k.granted FROM {consents} k WHERE k.tenant = c.tenant AND k.recipient_key = c.recipient_key
    AND k.scope = ${scope})`;
}

function testSql(test: FieldTest, dialect: FilterDialect): SqlStatement {
  if (test.op !== "exists") return dialect.field(test);
  const found = dialect.field({ ...test, exists: true });
  return test.exists ? found : sql`NOT (${found})`;
}

function textSql(
  column: SqlStatement,
  wanted: string | readonly string[] | null,
  dialect: FilterDialect,
): SqlStatement {
  if (wanted === null) return sql`${column} IS NULL`;
  return sql`(${column} IS NOT NULL AND ${dialect.anyOf(column, typeof wanted === "string" ? [wanted] : wanted)})`;
}

function joined(parts: readonly SqlStatement[], by: SqlStatement, none: SqlStatement): SqlStatement {
  const [first, ...rest] = parts;
  if (first === undefined) return none;
  return sql`(${rest.reduce((before, part) => sql`${before}${by}${part}`, first)})`;
}
