import type { Served } from "../store/notification-repository.js";

/** Milliseconds after which what a lane was given counts half. */
const halfLife = 30_000;

/**
 * What a worker gave to each lane lately, so that lanes take turns: one that had little goes first. A lane that has been
 * served for long lets another's hundred pass, and is not held up by it again before that has had as much.
 */
export class Turns {
  readonly #served = new Map<string, { readonly lane: Omit<Served, "count">; count: number; at: number }>();

  took({ tenant, notifier }: Omit<Served, "count">, count: number, now: number): void {
    const key = `${tenant}\0${notifier}`;
    const before = this.#served.get(key);
    const rest = before === undefined ? 0 : faded(before, now);
    this.#served.set(key, { lane: { tenant, notifier }, count: rest + count, at: now });
  }

  /** What still counts; forgets the rest. */
  served(now: number): readonly Served[] {
    const counting: Served[] = [];
    for (const [key, entry] of this.#served) {
      const count = Math.floor(faded(entry, now));
      if (count < 1) this.#served.delete(key);
      else counting.push({ ...entry.lane, count });
    }
    return counting;
  }
}

function faded({ count, at }: { readonly count: number; readonly at: number }, now: number): number {
  return count * 0.5 ** ((now - at) / halfLife);
}
