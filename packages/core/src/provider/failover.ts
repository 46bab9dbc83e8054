import type { Runtime } from "../runtime.js";
import type { StrandedLane } from "../store/provider-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";

const lanesPerLook = 100;
const rowsPerStep = 500;

/** Moves what accounts cannot send on to others that can, chunk by chunk; answers how many rows that were. */
export async function moveStranded(store: Store, runtime: Runtime, stop: AbortSignal): Promise<number> {
  let moved = 0;
  for (let after: StrandedLane | null = null; !stop.aborted; ) {
    const lanes: readonly StrandedLane[] = await store.providers.stranded({
      after,
      limit: lanesPerLook,
      ...storeNow(runtime),
    });
    for (const lane of lanes) moved += await moveLane(store, runtime, lane, stop);
    if (lanes.length < lanesPerLook) break;
    after = lanes.at(-1)!;
  }
  return moved;
}

/** Until none is left that may go, or none of the tenant's accounts has room. */
async function moveLane(store: Store, runtime: Runtime, lane: StrandedLane, stop: AbortSignal): Promise<number> {
  let moved = 0;
  let full: string | null = null;
  while (!stop.aborted) {
    const step = await store.providers.failover({ ...lane, limit: rowsPerStep, ...storeNow(runtime) });
    moved += step.moved;
    if (step.to === null || step.to === full || step.moved === 0) break;
    full = step.moved < rowsPerStep ? step.to : null;
  }
  return moved;
}
