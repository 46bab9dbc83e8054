import { MilepostError } from "../errors.js";

/** Postgres truncates longer identifiers silently; two names that agree in their first 63 bytes would collide. */
const maxIdentifierBytes = 63;
/** The longest name this project gives to a table or index, without the prefix. */
const longestOwnName = 40;

export interface TableNaming {
  readonly schema?: string;
  readonly tablePrefix: string;
}

/** An SQL identifier in double quotes, or `invalid_options` when no quoting can make it one. */
export function quoteIdentifier(name: string, path: string): string {
  if (name === "" || name.includes("\0") || !name.isWellFormed() || Buffer.byteLength(name) > maxIdentifierBytes) {
    const expected = `1 to ${maxIdentifierBytes} bytes of UTF-8 without NUL`;
    throw new MilepostError("invalid_options", `${path}: ${expected}`, { path, expected });
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Fills table names into SQL: `{counters}` becomes the qualified, quoted table, `{#counters_due}` the quoted bare name
 * with its prefix, for indexes and constraints.
 */
export function tableNamer(naming: TableNaming): (sql: string) => string {
  if (Buffer.byteLength(naming.tablePrefix) > maxIdentifierBytes - longestOwnName) {
    const expected = `at most ${maxIdentifierBytes - longestOwnName} bytes of UTF-8`;
    throw new MilepostError("invalid_options", `tablePrefix: ${expected}`, { path: "tablePrefix", expected });
  }
  const schema = naming.schema === undefined ? "" : `${quoteIdentifier(naming.schema, "schema")}.`;
  const bare = (name: string): string => quoteIdentifier(naming.tablePrefix + name, "tablePrefix");
  return (sql) =>
    sql.replace(/\{(#?)([a-z][a-z_]*)\}/g, (_, mark: string, name: string) =>
      mark === "#" ? bare(name) : schema + bare(name),
    );
}
