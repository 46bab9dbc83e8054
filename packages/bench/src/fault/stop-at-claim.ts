import { setTimeout as sleep } from "node:timers/promises";
import type { Milepost, Store } from "@milepost/core";
import { aroundSteps } from "./store-steps.js";

/** Milliseconds; after a death there may be nothing left to claim. */
const patience = 10_000;

/** Stops a worker in the moment it has claimed something, so that it gives that back: a release of each kind. */
export class StopAtClaim {
  readonly store: Store;
  #step: string | undefined;
  #claimed: () => void = () => {};

  constructor(store: Store) {
    this.store = aroundSteps(store, async (step, call) => {
      const result = await call();
      if (step === this.#step && (result as readonly unknown[]).length > 0) this.#claimed();
      return result;
    });
  }

  async work(milepost: Milepost, step: "crossings.claim" | "notifications.claim", concurrency: number): Promise<void> {
    const worker = milepost.worker({ concurrency, pollInterval: 10 });
    let stopped: Promise<void> | undefined;
    const claimed = new Promise<void>((resolve) => {
      this.#claimed = () => {
        this.#step = undefined;
        stopped = worker.stop();
        resolve();
      };
    });
    this.#step = step;
    await worker.start();
    await Promise.race([claimed, sleep(patience)]);
    this.#step = undefined;
    await (stopped ?? worker.stop());
  }
}
