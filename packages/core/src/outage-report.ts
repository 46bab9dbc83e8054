import { MilepostError } from "./errors.js";
import type { Emit } from "./events.js";

/** Milliseconds in which no second failure of the same kind is told. */
const quiet = 5_000;

/**
 * Passes every event on, but of `error`s that say that the store is away only one in {@link quiet} milliseconds: while a
 * database is down every step of a process fails, again and again, and each says the same. *Measured*: another library
 * wrote 30,000 lines in 20 s.
 */
export function reportingOutagesOnce(emit: Emit, monotonic: () => number): Emit {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (name, event) => {
    if (name === "error") {
      const { error } = event as { readonly error: unknown };
      if (MilepostError.is(error) && error.code === "store_unavailable") {
        const now = monotonic();
        if (now - toldAt < quiet) return;
        toldAt = now;
      }
    }
    emit(name, event);
  };
}
