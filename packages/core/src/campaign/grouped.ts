import { MilepostError } from "../errors.js";
import { compareKeys } from "../text-key.js";

/** What rows are grouped by. */
export type GroupKey = string | number | bigint;

/** The rows of one key, in the order in which they came. */
export interface Group<Row, Key> {
  readonly key: Key;
  /** One or more. */
  readonly rows: readonly Row[];
}

/**
 * Groups rows that are sorted by their key: one pass, O(n), in memory no more than one group. Sorted means rising: texts by
 * their bytes, as `ORDER BY customer COLLATE "C"` does on Postgres and `ORDER BY customer` on SQLite, unless `order` says
 * otherwise. Throws `unsorted_rows` for a key that comes before that of the row before it, as its group may be handed out
 * already. Breaking off closes the source.
 */
export async function* groupedBy<Row, Key extends GroupKey>(
  rows: AsyncIterable<Row> | Iterable<Row>,
  key: (row: Row) => Key,
  order: (a: Key, b: Key) => number = rising,
): AsyncGenerator<Group<Row, Key>, void, undefined> {
  let open: { readonly key: Key; readonly rows: Row[] } | undefined;
  let index = 0;
  for await (const row of rows) {
    const own = key(row);
    const after = open === undefined ? 1 : order(own, open.key);
    // NaN is neither before nor after anything
    if (!(after >= 0)) throw unsorted(index);
    if (open !== undefined && after === 0) open.rows.push(row);
    else {
      if (open !== undefined) yield open;
      open = { key: own, rows: [row] };
    }
    index++;
  }
  if (open !== undefined) yield open;
}

function rising(a: GroupKey, b: GroupKey): number {
  if (typeof a === "string" && typeof b === "string") return compareKeys(a, b);
  if (typeof a === "string" || typeof b === "string") return Number.NaN;
  return a === b ? 0 : a > b ? 1 : a < b ? -1 : Number.NaN;
}

/** By its place alone: keys may name people. */
function unsorted(index: number): MilepostError {
  const expected = "rows sorted by their key";
  return new MilepostError("unsorted_rows", `rows[${index}]: ${expected}`, { path: `rows[${index}]`, expected });
}
