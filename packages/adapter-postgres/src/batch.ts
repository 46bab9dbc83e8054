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
  const parts: (Item & { readonly n: number })[][] = [];
  const seen = new Map<string, number>();
  items.forEach((item, n) => {
    const key = keyOf(item);
    const part = seen.get(key) ?? 0;
    seen.set(key, part + 1);
    parts[part] ??= [];
    parts[part].push({ ...item, n });
  });
  const runPart = (run: Run, part: readonly object[]) => run<Row>(statement, [JSON.stringify(part), ...further]);
  const [only, ...repeats] = parts;
  if (only === undefined) return new Map();
  const rows =
    repeats.length === 0
      ? await runPart(database.run, only)
      : await database.transaction(async (run) => {
          const all: Row[] = [];
          for (const part of parts) all.push(...(await runPart(run, part)));
          return all;
        });
  return new Map(rows.map((row) => [row.n, row]));
}

export function rowKey({ tenant, id }: { readonly tenant: string; readonly id: string }): string {
  return `${tenant}\0${id}`;
}
