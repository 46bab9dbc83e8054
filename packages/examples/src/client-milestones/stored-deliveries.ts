import type { DeliveriesTable } from "./deliveries-table.js";
import type { LoggedDelivery } from "./delivery.js";

/** A delivery that is in the table. */
export interface StoredDelivery extends LoggedDelivery {
  /** Its id was there before. */
  readonly known: boolean;
  /**
   * It is a successful delivery, and so was what its id stood for first. True for a known one too: the run that stored
   * it may have died before it was counted, and the engine counts an id once.
   */
  readonly counts: boolean;
}

/** Stage: stores what flows through, batch by batch, and passes it on once it is there. */
export async function* storedDeliveries(
  source: AsyncIterable<LoggedDelivery> | Iterable<LoggedDelivery>,
  table: DeliveriesTable,
  batchSize = 1_000,
): AsyncGenerator<StoredDelivery> {
  let batch: LoggedDelivery[] = [];
  for await (const row of source) {
    batch.push(row);
    if (batch.length < batchSize) continue;
    yield* await stored(batch, table);
    batch = [];
  }
  yield* await stored(batch, table);
}

async function stored(batch: readonly LoggedDelivery[], table: DeliveriesTable): Promise<readonly StoredDelivery[]> {
  if (batch.length === 0) return [];
  const firsts = new Map<string, LoggedDelivery>();
  for (const row of batch) if (!firsts.has(row.delivery.id)) firsts.set(row.delivery.id, row);
  const before = await table.add([...firsts.values()].map(({ delivery }) => delivery));
  return batch.map((row) => {
    const { id, status } = row.delivery;
    const first = firsts.get(id)!;
    const kept = before.get(id) ?? first.delivery.status;
    const known = before.has(id) || first !== row;
    return { ...row, known, counts: status === "delivered" && kept === "delivered" };
  });
}
