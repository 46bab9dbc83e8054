// Some clients in one process, each with an engine and a connection of its own, recording batches for a while.
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, MilepostError } from "@milepost/core";
import { type OnDriverError, watchedDatabase, watchedPool } from "../fault/watched-driver.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { silentMilestone } from "../workload/announced-milestone.js";
import { type BaitShape, batchAt } from "../workload/bait-batches.js";

export interface BatchClientInput {
  readonly place: Place;
  readonly shape: BaitShape;
  /** The clients of this process. */
  readonly clients: readonly number[];
  readonly levels: readonly number[];
  readonly milliseconds: number;
}

export interface BatchClientReport {
  readonly client: number;
  /** All of them committed: the client goes on with the next only then. */
  readonly batches: number;
  /** Milliseconds of each batch, its retries by the caller included. */
  readonly latencies: readonly number[];
  /** How often the caller was refused, by code; `raw <code>` for what is no MilepostError. */
  readonly refusals: Readonly<Record<string, number>>;
  /** What the driver threw, by its own code, whether or not the caller ever heard of it. */
  readonly driverErrors: Readonly<Record<string, number>>;
}

await runProgram<BatchClientInput>(async ({ place, shape, clients, levels, milliseconds }, link) => {
  const go = new Promise<void>((resolve) => link.onMessage(() => resolve()));

  async function work(client: number): Promise<() => Promise<void>> {
    const driverErrors: Record<string, number> = {};
    const refusals: Record<string, number> = {};
    const onError: OnDriverError = (code) => count(driverErrors, code);
    const opened = openPlace(place, {
      connections: 1,
      wrapPool: (pool) => watchedPool(pool, onError),
      wrapDatabase: (db) => watchedDatabase(db, onError),
    });
    const milepost = createMilepost({ store: opened.store, milestones: [silentMilestone(levels)] });
    await milepost.ready();
    return async () => {
      const latencies: number[] = [];
      const end = performance.now() + milliseconds;
      let batch = 0;
      for (; performance.now() < end; batch++) {
        const events = batchAt(shape, client, batch);
        const started = performance.now();
        for (let committed = false; !committed; ) {
          try {
            await milepost.recordMany(events);
            committed = true;
          } catch (error) {
            const known = MilepostError.is(error);
            count(refusals, known ? error.code : `raw ${(error as { code?: string }).code}`);
            if (known && !["store_busy", "store_unavailable"].includes(error.code)) throw error;
            await sleep(5);
          }
        }
        latencies.push(Math.round((performance.now() - started) * 10) / 10);
      }
      await milepost.close();
      await opened.close();
      link.send({ client, batches: batch, latencies, refusals, driverErrors } satisfies BatchClientReport);
    };
  }

  const ready = await Promise.all(clients.map(work));
  link.send({ ready: true });
  await go;
  await Promise.all(ready.map((run) => run()));
});

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
