/** What a started worker tells of itself. */
export interface WorkerBeat {
  readonly id: string;
  /** The name of its machine, and its process' id there. */
  readonly host: string;
  readonly pid: number;
  /** Of this library. */
  readonly version: string;
  readonly concurrency: number;
  /** Calls of notifiers under way. */
  readonly inFlight: number;
  /** The names of the notifiers it has. */
  readonly notifiers: readonly string[];
  /** Milliseconds between two of its beats. */
  readonly beatsEvery: number;
}

export interface WorkerRecord extends WorkerBeat {
  readonly startedAt: Date;
  readonly seenAt: Date;
}

/** Workers that were started and have not left, of all processes. They work for all tenants, and have none. */
export interface WorkerRepository {
  /**
   * Notes that a worker is there: `seenAt` is now, and with its first beat `startedAt` too. In the same step workers that
   * were not seen for longer than `keep` milliseconds are forgotten. Answers the clock it went by, so that the caller can
   * compare it with its own.
   */
  beat(input: WorkerBeat & { readonly keep: number; readonly now?: Date }): Promise<{ readonly now: Date }>;

  /** Forgets a worker that has stopped. A repeat does nothing. */
  leave(input: { readonly id: string }): Promise<void>;

  /** All workers, ordered by `startedAt`, then id, and the clock. */
  list(input: { readonly now?: Date }): Promise<{ readonly now: Date; readonly workers: readonly WorkerRecord[] }>;
}
