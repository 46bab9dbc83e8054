import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import type { WorkerRecord } from "../store/worker-repository.js";
import { storeNow } from "../store-clock.js";

/** A worker of any process, as its last heartbeat told. */
export interface WorkerState extends WorkerRecord {
  /** It has missed three beats: its process died, hangs, or cannot reach the database. Forgotten after a day. */
  readonly gone: boolean;
}

export interface Workers {
  /** Started workers that have not stopped, of all processes, by when they were started. */
  list(): Promise<readonly WorkerState[]>;
}

export function workersOver(store: Store, runtime: Runtime): Workers {
  return {
    async list() {
      const { now, workers } = await store.workers.list(storeNow(runtime));
      return workers.map((worker) => {
        return { ...worker, gone: now.getTime() - worker.seenAt.getTime() > 3 * worker.beatsEvery };
      });
    },
  };
}
