import { MilepostError } from "../errors.js";

/** Postgres truncates longer identifiers silently; two names that agree in their first 63 bytes would collide. */
const maxIdentifierBytes = 63;
/** The longest name that an adapter may give to a table, index or constraint, without the prefix. */
const longestOwnName = 40;

export interface TableNaming {
  readonly schema?: string;
  readonly tablePrefix: string;
}

/** An SQL identifier in double quotes, or `invalid_options` when no quoting can make it one. */
export function quoteIdentifier(name: string, path: string): string {
  refuseUnwritable(name, path, maxIdentifierBytes);
  if (name === "") throw refusal(path, maxIdentifierBytes);
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Fills table names into SQL: `{counters}` becomes the qualified, quoted table, `{#counters_due}` the quoted bare name
 * with its prefix, for indexes and constraints. A schema or prefix that cannot be one is refused with its path.
 */
export function tableNamer(naming: TableNaming): (sql: string) => string {
  refuseUnwritable(naming.tablePrefix, "tablePrefix", maxIdentifierBytes - longestOwnName);
  const schema = naming.schema === undefined ? "" : `${quoteIdentifier(naming.schema, "schema")}.`;
  const bare = (name: string): string => quoteIdentifier(naming.tablePrefix + name, "tablePrefix");
  // by a function: in a replacement text, `$&` and the like of a schema or prefix would mean something
  return (sql) =>
    sql.replace(/\{(#?)([a-z][a-z_]*)\}/g, (_, mark: string, name: string) =>
      mark === "#" ? bare(name) : schema + bare(name),
    );
}

function refuseUnwritable(text: unknown, path: string, maxBytes: number): void {
  const writable =
    typeof text === "string" && Buffer.byteLength(text) <= maxBytes && !text.includes("\0") && text.isWellFormed();
  if (!writable) throw refusal(path, maxBytes);
}

function refusal(path: string, maxBytes: number): MilepostError {
  const expected = `${path === "tablePrefix" ? "at most" : "1 to"} ${maxBytes} bytes of UTF-8 without NUL`;
  return new MilepostError("invalid_options", `${path}: ${expected}`, { path, expected });
}
