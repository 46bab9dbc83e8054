import type { Milepost } from "@milepost/core";
import type { Problems } from "../problems.js";
import type { DeliveriesTable } from "./deliveries-table.js";
import type { LoggedDelivery } from "./delivery.js";
import { deliveredEmails } from "./email-milestones.js";
import { type StoredDelivery, storedDeliveries } from "./stored-deliveries.js";

/** What one run made of its input. */
export interface IngestReport {
  readonly read: number;
  /** Successful deliveries that were counted by this run. */
  readonly counted: number;
  /** Deliveries whose id was known before. */
  readonly duplicates: number;
  readonly bounced: number;
  readonly failed: number;
  readonly seconds: number;
}

export interface IngestInput {
  readonly source: AsyncIterable<LoggedDelivery> | Iterable<LoggedDelivery>;
  readonly table: DeliveriesTable;
  readonly problems: Problems;
  /** Stops reading; what was read is still counted. */
  readonly signal: AbortSignal;
  /** Called after each batch with the deliveries that are done. */
  readonly onProgress: (done: number) => void;
}

/** Producer -> stages -> consumer: a log, the example's own table and directory check, and the engine. */
export async function ingest(milepost: Milepost, input: IngestInput): Promise<IngestReport> {
  const { table, problems, signal, onProgress } = input;
  const startedAt = performance.now();
  const seen = { read: 0, known: 0, bounced: 0, failed: 0 };

  const stored = storedDeliveries(input.source, table);
  const known = withKnownClients(stored, milepost, problems);
  const consumed = await milepost.consume(known, {
    signal,
    toEvent: ({ delivery, counts }) =>
      counts
        ? {
            id: delivery.id,
            metric: deliveredEmails,
            subject: delivery.client,
            ...(delivery.deliveredAt && { occurredAt: delivery.deliveredAt }),
          }
        : null,
    onRefused: ({ line }, error) => problems.add(line, error.message),
    acknowledge(batch) {
      for (const { known, counts, delivery } of batch) {
        seen.read++;
        if (counts) continue;
        if (known) seen.known++;
        else if (delivery.status === "bounced") seen.bounced++;
        else seen.failed++;
      }
      onProgress(seen.read);
    },
  });

  const { read, bounced, failed } = seen;
  const { counted, duplicates } = consumed;
  const seconds = (performance.now() - startedAt) / 1_000;
  return { read, counted, duplicates: duplicates + seen.known, bounced, failed, seconds };
}

/** Stage: says once of each client that nobody knows it. Its deliveries count all the same; it may be added later. */
async function* withKnownClients(
  source: AsyncIterable<StoredDelivery>,
  milepost: Milepost,
  problems: Problems,
): AsyncGenerator<StoredDelivery> {
  const looked = new Set<string>();
  for await (const row of source) {
    const { client } = row.delivery;
    if (!looked.has(client)) {
      looked.add(client);
      if ((await milepost.subjects.get({ id: client })) === null) {
        problems.add(row.line, `client "${client}" is not in the directory: counted, but there is nobody to tell`);
      }
    }
    yield row;
  }
}
