import type { CounterState, Crossing, Notification, Store } from "@milepost/core";

/** What a store holds of one tenant, read through its public face. */
export interface Tables {
  readonly counters: readonly CounterState[];
  readonly crossings: readonly Crossing[];
  readonly notifications: readonly Notification[];
}

export const tenant = "default";
/** Rows of a page. */
export const limit = 1_000;

export async function readTables(store: Store): Promise<Tables> {
  return {
    counters: await everyPage((after: CounterState | undefined) =>
      store.counters.list({ tenant, limit, ...(after !== undefined && { after }) }),
    ),
    crossings: await everyPage((after: Crossing | undefined) =>
      store.crossings.list({ tenant, limit, ...(after !== undefined && { after: after.id }) }),
    ),
    notifications: await everyPage((after: Notification | undefined) =>
      store.notifications.list({ tenant, limit, ...(after !== undefined && { after: after.id }) }),
    ),
  };
}

async function everyPage<Row>(page: Page<Row>): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const row of rowsOf(page)) rows.push(row);
  return rows;
}

/** The rows after one, or the first ones; fewer than `limit` at the end. */
export type Page<Row> = (after: Row | undefined) => Promise<readonly Row[]>;

/** For more rows than are to be held at once. */
export async function* rowsOf<Row>(page: Page<Row>): AsyncGenerator<Row> {
  for (let rows = await page(undefined); ; rows = await page(rows.at(-1))) {
    yield* rows;
    if (rows.length < limit) return;
  }
}

/** Whether nothing is left to do: every crossing and every notification has come to where only a person would move it. */
export async function atRest(store: Store): Promise<boolean> {
  const [open] = await store.crossings.list({ tenant, states: ["pending", "leased"], limit: 1 });
  if (open !== undefined) return false;
  const states = ["pending", "leased", "sending", "ambiguous"] as const;
  return (await store.notifications.list({ tenant, states, limit: 1 })).length === 0;
}
