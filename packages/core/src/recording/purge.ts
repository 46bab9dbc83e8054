import type { Registry } from "../milestone/registry.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import type { Admission } from "./admission.js";

const batchSize = 1_000;
/** Batches of one metric in one go, so that deliveries are not held up: 50,000 ids a sweep. */
const maxBatches = 50;

/** Forgets events whose retention is over, in small steps; answers how many that were. */
export async function purge(
  store: Store,
  registry: Registry,
  admission: Admission,
  runtime: Runtime,
  stop: AbortSignal,
): Promise<number> {
  let purged = 0;
  for (const { metric, generation } of registry.all) {
    const age = admission.keptFor(metric);
    for (let batch = 0; age !== null && batch < maxBatches && !stop.aborted; batch++) {
      const gone = await store.events.purge({ metric, generation, age, limit: batchSize, ...storeNow(runtime) });
      purged += gone;
      if (gone < batchSize) break;
    }
  }
  return purged;
}
