import type { Database, Run, Statement, Value } from "./driver.js";

/**
 * Runs a batch statement whose first parameter is the items as JSON, each with its index as `n`; answers its rows by `n`.
 *
 * One statement, unless the batch names a row more than once: a statement sees each row as it was before it, so such
 * repeats follow in further statements of one transaction.
 */
export async function runBatch<Item extends object, Row extends { readonly n: number }>(
  database: Database,
  statement: Statement,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  further: readonly Value[],
): Promise<ReadonlyMap<number, Row>> {
  const numbered = items.map((item, n) => ({ ...item, n }));
  const once = new Set(items.map(keyOf)).size === items.length;
  if (once) return runBatchIn(database.run, statement, numbered, keyOf, further);
  return database.transaction((run) => runBatchIn(run, statement, numbered, keyOf, further));
}

/** The same for items that have their numbers, with a transaction's `run` if one of them is named more than once. */
export async function runBatchIn<Item extends { readonly n: number }, Row extends { readonly n: number }>(
  run: Run,
  statement: Statement,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  further: readonly Value[],
): Promise<ReadonlyMap<number, Row>> {
  const parts: Item[][] = [];
  const seen = new Map<string, number>();
  for (const item of items) {
    const key = keyOf(item);
    const part = seen.get(key) ?? 0;
    seen.set(key, part + 1);
    parts[part] ??= [];
    parts[part].push(item);
  }
  const rows = new Map<number, Row>();
  for (const part of parts) {
    for (const row of await run<Row>(statement, [JSON.stringify(part), ...further])) rows.set(row.n, row);
  }
  return rows;
}

export function rowKey({ tenant, id }: { readonly tenant: string; readonly id: string }): string {
  return `${tenant}\0${id}`;
}
