// A comment, a text and a quoted name are passed over; a word directly before a parenthesis is a function.
const token = /--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<![\w.])([a-z_][a-z0-9_]*)(?=\()/g;

/** These look like functions and are syntax: no schema can have one of its own. */
const syntax: ReadonlySet<string> = new Set(["coalesce", "greatest", "least", "nullif"]);

/**
 * Puts `pg_catalog.` before every function of an SQL text of ours, in which nothing else stands directly before a
 * parenthesis: `count(*)` is a call, `AS k (metric)` and `VALUES ($1)` are none.
 *
 * A host's search_path usually ends in `public`, where others may create functions, and one with exactly the arguments'
 * types is taken before a more general one of Postgres' own: `public.unnest(text[])` before `unnest(anyarray)`. For
 * operators the same is avoided by giving both sides the types that Postgres' own operator has, as in
 * `$1::float8 * interval '1 millisecond'` and `value ->> 'name'::text`.
 */
export function qualifyFunctions(sql: string): string {
  return sql.replace(token, (found, name?: string) =>
    name === undefined || syntax.has(name) ? found : `pg_catalog.${found}`,
  );
}
