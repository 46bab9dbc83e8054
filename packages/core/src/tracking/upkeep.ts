import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import type { TrackingOptions } from "./tracking-options.js";

/** Months for which there is room beyond the present one: so long may all workers be away. */
const monthsAhead = 3;
const hour = 3_600_000;
const matchLimit = 500;
const purgeLimit = 10_000;
/** Steps in one go, so that deliveries are not held up. */
const maxSteps = 50;

/** What a worker's sweep does for delivery events: finds their notifications, makes room, forgets what is over. */
export class TrackingUpkeep {
  readonly #store: Store;
  readonly #runtime: Runtime;
  readonly #options: TrackingOptions;
  readonly #clockTolerance: number;
  #preparedAt = Number.NEGATIVE_INFINITY;

  constructor(store: Store, runtime: Runtime, options: TrackingOptions, clockTolerance: number) {
    this.#store = store;
    this.#runtime = runtime;
    this.#options = options;
    this.#clockTolerance = clockTolerance;
  }

  /** Answers how many events were forgotten. */
  async run(stop: AbortSignal): Promise<number> {
    const { deliveryEvents } = this.#store;
    const { retention, softBounces } = this.#options;
    const now = storeNow(this.#runtime);
    for (let step = 0; step < maxSteps && !stop.aborted; step++) {
      if ((await deliveryEvents.match({ limit: matchLimit, softBounces, ...now })) < matchLimit) break;
    }
    if (this.#runtime.monotonic() - this.#preparedAt >= hour) {
      await deliveryEvents.prepare({ months: monthsAhead, ...now });
      this.#preparedAt = this.#runtime.monotonic();
    }
    if (retention === null) return 0;
    // so much longer than events are accepted, because of clocks that are behind
    const age = retention + 2 * this.#clockTolerance;
    let forgotten = 0;
    for (let step = 0; step < maxSteps && !stop.aborted; step++) {
      const gone = await deliveryEvents.purge({ age, limit: purgeLimit, ...now });
      forgotten += gone;
      if (gone === 0) break;
    }
    return forgotten;
  }
}
