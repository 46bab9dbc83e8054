import { hostname } from "node:os";
import { pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Emit } from "../events.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import type { WorkerBeat } from "../store/worker-repository.js";
import { storeNow } from "../store-clock.js";
import { version } from "../version.js";
import { type ClockWatch, skewOf } from "./clock-skew.js";

/** Milliseconds after which a worker that was not seen is forgotten: a day. */
const keep = 86_400_000;
/** Milliseconds that a stop waits for a beat under way and its last word. */
const farewell = 1_000;

/** What a heart beats with. */
export interface HeartParts {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly emit: Emit;
  readonly clockWatch: ClockWatch;
  readonly about: Pick<WorkerBeat, "concurrency" | "notifiers" | "beatsEvery">;
  /** Calls under way. */
  readonly inFlight: () => number;
}

/**
 * Tells the store every few seconds that a worker is there, beside its work: a beat that fails or hangs holds up nothing,
 * is told of as an `error`, and the next one comes at its time after it.
 */
export class Heartbeat {
  readonly #parts: HeartParts;
  readonly #stopping = new AbortController();
  readonly #id: string;
  #beating: Promise<void> | undefined;

  constructor(parts: HeartParts) {
    this.#parts = parts;
    this.#id = parts.runtime.id();
  }

  start(): void {
    this.#beating ??= this.#run();
  }

  /** Ends the beats and takes the worker off the list, if the store answers within a second. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#beating === undefined) return;
    const patience = new AbortController();
    const over = sleep(farewell, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([this.#leave(this.#beating), over]);
    patience.abort();
  }

  async #leave(beating: Promise<void>): Promise<void> {
    await beating;
    await this.#apart(() => this.#parts.store.workers.leave({ id: this.#id }));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#apart(() => this.#beat());
      // the worker itself keeps the process
      await sleep(this.#parts.about.beatsEvery, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #beat(): Promise<void> {
    const { store, runtime, clockWatch, about, inFlight } = this.#parts;
    const clock = () => (runtime.now === undefined ? Date.now() : runtime.now().getTime());
    const place = { id: this.#id, host: hostname(), pid, version };
    const before = clock();
    const { now } = await store.workers.beat({ ...place, ...about, inFlight: inFlight(), keep, ...storeNow(runtime) });
    clockWatch.look(skewOf({ before, after: clock(), database: now.getTime() }));
  }

  async #apart(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#parts.emit("error", { where: "heartbeat", error });
    }
  }
}
