import type { Emit } from "../events.js";

/** Milliseconds that the clocks of a process and of the database may lie apart unreported. */
const tolerated = 5_000;
/** Milliseconds between two reports. */
const quiet = 60_000;

/**
 * Milliseconds by which the clock of the process is ahead of the database's, behind it if negative. The database looked at
 * its clock somewhere between `before` and `after`, both by the process' clock, so this is the least that explains what it
 * saw; 0 if nothing has to be explained. Pure.
 */
export function skewOf({ before, after, database }: Readonly<Record<"before" | "after" | "database", number>>): number {
  if (before > database) return before - database;
  return after < database ? after - database : 0;
}

/** Reports clocks that lie apart, once a minute at most. */
export class ClockWatch {
  readonly #emit: Emit;
  readonly #monotonic: () => number;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(emit: Emit, monotonic: () => number) {
    this.#emit = emit;
    this.#monotonic = monotonic;
  }

  look(skew: number): void {
    const now = this.#monotonic();
    if (Math.abs(skew) <= tolerated || now - this.#reportedAt < quiet) return;
    this.#reportedAt = now;
    this.#emit("clock_skew", { milliseconds: skew });
  }
}
