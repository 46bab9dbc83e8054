import { setMaxListeners } from "node:events";
import * as z from "zod";
import type { Emit } from "../events.js";
import type { Evaluator } from "../milestone/evaluator.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import { parseInput } from "../validation.js";
import type { AnnounceEnd, Announcer } from "./announcer.js";
import type { Deliverer, DeliveryEnd, Stop } from "./deliverer.js";
import { reap } from "./reaper.js";
import type { DeliveryTiming } from "./timing.js";

export interface WorkerOptions {
  /** Calls of notifiers at once; 10 unless said. */
  readonly concurrency?: number;
  /** Milliseconds between looks for work that another process made; 1,000 unless said. */
  readonly pollInterval?: number;
  /** Milliseconds between sweeps for due counters and overdue leases; 5,000 unless said. */
  readonly sweepInterval?: number;
}

export interface StopOptions {
  /** Milliseconds that calls under way are given to end; 10,000 unless said. What is open then is ambiguous. */
  readonly grace?: number;
}

export interface Worker {
  /** Starts working and resolves; a failing store is retried, never thrown. A repeat does nothing. */
  start(): Promise<void>;
  /** Claims nothing more, waits for the calls under way within the grace, and resolves when all is written. */
  stop(options?: StopOptions): Promise<void>;
}

/** What one pass did. */
export interface PassReport {
  /** Counters evaluated that were left due. */
  readonly evaluated: number;
  /** Crossings by how their announcement ended. */
  readonly crossings: Readonly<Record<AnnounceEnd, number>>;
  /** Notifications by where they stood afterwards; `pending` ones wait for a later try. */
  readonly notifications: Readonly<Record<DeliveryEnd, number>>;
}

const workerSchema = z.strictObject({
  concurrency: z.int().min(1).max(10_000).default(10),
  pollInterval: z.int().min(1).default(1_000),
  sweepInterval: z.int().min(1).default(5_000),
});

const sweepLimit = 500;
const announceLimit = 20;
const firstBackoff = 1_000;
const longestBackoff = 30_000;

/** What a worker works with. */
export interface Workshop {
  readonly store: Store;
  readonly evaluator: Evaluator;
  readonly announcer: Announcer;
  readonly deliverer: Deliverer;
  readonly runtime: Runtime;
  readonly timing: DeliveryTiming;
  readonly emit: Emit;
  readonly ready: () => Promise<void>;
}

/** The loop that turns due counters and pending crossings into sent notifications until it is stopped. */
export class DeliveryWorker implements Worker {
  readonly #shop: Workshop;
  readonly #options: z.infer<typeof workerSchema>;
  readonly #stopping = new AbortController();
  readonly #grace = new AbortController();
  readonly #inFlight = new Set<Promise<unknown>>();
  #loop: Promise<void> | undefined;
  #wake: () => void = () => {};
  #woken = false;

  constructor(shop: Workshop, options: WorkerOptions) {
    this.#shop = shop;
    // one listener per call under way is no leak
    setMaxListeners(0, this.#stopping.signal, this.#grace.signal);
    this.#options = parseInput(workerSchema, options, "invalid_options", "worker");
  }

  async start(): Promise<void> {
    this.#loop ??= this.#run();
  }

  async stop({ grace = 10_000 }: StopOptions = {}): Promise<void> {
    this.#stopping.abort();
    this.wake();
    const timer = setTimeout(() => this.#grace.abort(), grace);
    await this.#loop;
    await Promise.allSettled(this.#inFlight);
    clearTimeout(timer);
  }

  /** There may be work: looks at once instead of at the next poll. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    let backoff = firstBackoff;
    let sweptAt = Number.NEGATIVE_INFINITY;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#shop.ready();
        this.#woken = false;
        const now = this.#shop.runtime.monotonic();
        if (now - sweptAt >= this.#options.sweepInterval) {
          await this.#sweep();
          sweptAt = now;
        }
        const busy = await this.#round();
        backoff = firstBackoff;
        if (!busy) await this.#idle(this.#options.pollInterval);
      } catch (error) {
        this.#shop.emit("error", { where: "worker", error });
        await this.#idle(backoff, this.#stopping.signal);
        backoff = Math.min(backoff * 2, longestBackoff);
      }
    }
  }

  async #sweep(): Promise<void> {
    const { store, evaluator, runtime, timing } = this.#shop;
    while ((await evaluator.sweep(sweepLimit)) === sweepLimit && !this.#stopping.signal.aborted);
    await reap(store, runtime, timing, sweepLimit);
  }

  /** Announces and starts what there is room for; answers whether there may be more at once. */
  async #round(): Promise<boolean> {
    const { announcer, deliverer } = this.#shop;
    const announced = await announcer.announce(announceLimit, this.#stopping.signal);
    const free = this.#options.concurrency - this.#inFlight.size;
    const started = free > 0 && !this.#stopping.signal.aborted ? await deliverer.start(free, this.#stop()) : [];
    for (const end of started) this.#track(end);
    if (this.#inFlight.size >= this.#options.concurrency) {
      await Promise.race(this.#inFlight);
      return true;
    }
    return announced.length > 0 || started.length > 0;
  }

  /** Rows that are not marked yet are given back when the stop begins; calls under way are cut off when its grace ends. */
  #stop(): Stop {
    return { begun: this.#stopping.signal, over: this.#grace.signal };
  }

  #track(end: Promise<DeliveryEnd>): void {
    const tracked = end
      .catch((error: unknown) => this.#shop.emit("error", { where: "deliver", error }))
      .finally(() => {
        this.#inFlight.delete(tracked);
        this.wake();
      });
    this.#inFlight.add(tracked);
  }

  /** Waits, but not after a wake-up that came since the last look; with `only`, nothing else ends the wait early. */
  async #idle(milliseconds: number, only?: AbortSignal): Promise<void> {
    if (this.#stopping.signal.aborted || (this.#woken && only === undefined)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        if (only !== undefined && !only.aborted) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }
}

/** One pass for cron jobs and cloud functions: does all that can be done now, then returns; sooner once `stop` aborts. */
export async function runPass(shop: Workshop, concurrency: number, stop: AbortSignal): Promise<PassReport> {
  const { store, evaluator, announcer, deliverer, runtime, timing } = shop;
  const never = new AbortController().signal;
  setMaxListeners(0, never);
  const crossings: Record<AnnounceEnd, number> = { announced: 0, unaddressed: 0, retry: 0, failed: 0, lost: 0 };
  const notifications = Object.fromEntries(
    ["sent", "pending", "failed", "ambiguous", "unknown", "expired", "cancelled", "suppressed", "lost"].map((s) => [
      s,
      0,
    ]),
  ) as Record<DeliveryEnd, number>;
  let evaluated = 0;

  await shop.ready();
  await reap(store, runtime, timing, sweepLimit);
  for (let moved = true; moved; ) {
    const swept = await evaluator.sweep(sweepLimit);
    const announced = await announcer.announce(announceLimit, never);
    const ended = await Promise.all(await deliverer.start(concurrency, { begun: never, over: never }));
    evaluated += swept;
    for (const end of announced) crossings[end]++;
    for (const end of ended) notifications[end]++;
    moved = !stop.aborted && (swept > 0 || announced.length > 0 || ended.length > 0);
  }
  return { evaluated, crossings, notifications };
}
