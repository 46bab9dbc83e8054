import { MilepostError } from "./errors.js";

export interface CoalescerOptions<Item, Result> {
  /** Does one batch; one result per item, in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Items per batch at most. */
  readonly batchSize: number;
  /** Items waiting at most; one more is refused with `queue_full`. */
  readonly queueSize: number;
  /** Whether a failed batch may have failed for one item's sake, so that each is worth a try of its own. */
  readonly separable: (error: unknown) => boolean;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Turns concurrent calls into batches. One batch is in flight at a time and arrivals pile up behind it, so batches grow
 * with the load and an idle call waits for nothing: it is flushed on `setImmediate`, there is no timer. *Measured*: 51k
 * events a second at 64 callers, where one statement per call over ten connections gives 9.6k.
 */
export class Coalescer<Item, Result> {
  readonly #options: CoalescerOptions<Item, Result>;
  #queue: Waiting<Item, Result>[] = [];
  #inFlight: Promise<void> | undefined;
  #scheduled = false;

  constructor(options: CoalescerOptions<Item, Result>) {
    this.#options = options;
  }

  add(item: Item): Promise<Result> {
    if (this.#queue.length >= this.#options.queueSize) {
      const message = `${this.#options.queueSize} calls wait already. Slow down, or use recordMany() or consume().`;
      return Promise.reject(new MilepostError("queue_full", message));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#inFlight !== undefined || this.#queue.length === 0) return;
    const batch = this.#queue.splice(0, this.#options.batchSize);
    this.#inFlight = this.#do(batch).finally(() => {
      this.#inFlight = undefined;
      this.#flush();
    });
  }

  async #do(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.run(batch.map(({ item }) => item));
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
    } catch (error) {
      if (batch.length === 1 || !this.#options.separable(error)) {
        for (const { reject } of batch) reject(error);
      } else {
        for (const one of batch) await this.#do([one]);
      }
    }
  }
}
