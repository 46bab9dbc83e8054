/** When a notifier is left alone, and for how long. */
export interface CircuitOptions {
  /** Calls in a row that failed; 5 unless said. */
  readonly failures?: number;
  /** Milliseconds until one call tries whether it works again; 30,000 unless said. */
  readonly restFor?: number;
}

/** Closed: calls go through. Open: none until `probeAt`, then one at a time. */
export interface CircuitState {
  readonly failures: number;
  /** Milliseconds of the monotonic clock; null while closed. */
  readonly probeAt: number | null;
}

export type CircuitChange = "degraded" | "recovered" | null;

/**
 * A circuit breaker. It opens after some failures in a row; after a rest one call is let through, the probe. Its success
 * closes the circuit, its failure begins the next rest. What calls come to that began before it opened changes nothing.
 */
export class Circuit {
  readonly #failures: number;
  readonly #restFor: number;
  #inARow = 0;
  #probeAt: number | null = null;
  /** The number of the probe that is out. One that never comes back is given up after a rest. */
  #probe = 0;

  constructor({ failures = 5, restFor = 30_000 }: CircuitOptions = {}) {
    this.#failures = failures;
    this.#restFor = restFor;
  }

  get state(): CircuitState {
    return { failures: this.#inARow, probeAt: this.#probeAt };
  }

  /** Milliseconds to the next probe; 0 where a call may be made now. */
  restAt(now: number): number {
    return this.#probeAt === null ? 0 : Math.max(0, this.#probeAt - now);
  }

  /** Lets a call through, or answers null. The pass is for {@link failed} and {@link worked}. */
  admit(now: number): CircuitPass | null {
    if (this.#probeAt === null) return 0;
    if (now < this.#probeAt) return null;
    this.#probeAt = now + this.#restFor;
    this.#probe += 1;
    return this.#probe;
  }

  /** `askedFor`: milliseconds that the other side asked for, null if it did not. */
  failed(pass: CircuitPass, now: number, askedFor: number | null): CircuitChange {
    const rest = Math.max(this.#restFor, askedFor ?? 0);
    if (this.#probeAt !== null) {
      if (pass === this.#probe && pass !== 0) this.#probeAt = now + rest;
      return null;
    }
    this.#inARow += 1;
    if (this.#inARow < this.#failures) return null;
    this.#probeAt = now + rest;
    return "degraded";
  }

  worked(pass: CircuitPass): CircuitChange {
    if (this.#probeAt !== null && (pass === 0 || pass !== this.#probe)) return null;
    const recovered = this.#probeAt !== null;
    this.#inARow = 0;
    this.#probeAt = null;
    return recovered ? "recovered" : null;
  }
}

/** 0 through a closed circuit, else the number of a probe. */
export type CircuitPass = number;
