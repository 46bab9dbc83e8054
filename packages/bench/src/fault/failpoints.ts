import { AsyncLocalStorage } from "node:async_hooks";
import { FaultLog } from "./fault-log.js";

/** Where this process is to die: at the `hit`th time, from 1, that it comes by the point of this name. */
export interface Target {
  readonly point: string;
  readonly hit: number;
  /** The death is written there first. */
  readonly faultFile: string;
}

/** Counts how often each named point is passed, and kills its own process at the one it was told. */
export class Failpoints {
  readonly hits: Map<string, number> = new Map<string, number>();
  readonly #target: Target | undefined;
  readonly #step = new AsyncLocalStorage<string>();

  constructor(target?: Target) {
    this.#target = target;
  }

  /** Remembers for the driver's points which step of the store they belong to. */
  within<T>(step: string, work: () => T): T {
    return this.#step.run(step, work);
  }

  /** The store's step that is running; undefined for what the host itself does. */
  get step(): string | undefined {
    return this.#step.getStore();
  }

  pass(point: string): void {
    if (this.arrive(point)) this.die();
  }

  /** Counts the point, and answers whether the process is to die here. */
  arrive(point: string): boolean {
    const hits = (this.hits.get(point) ?? 0) + 1;
    this.hits.set(point, hits);
    return this.#target?.point === point && this.#target.hit === hits;
  }

  die(): void {
    new FaultLog(this.#target!.faultFile).add(this.#target!.point, `process ${process.pid}`);
    process.kill(process.pid, "SIGKILL");
  }
}
