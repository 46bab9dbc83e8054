/** How a step waits its turn; tests pass their own. */
export interface Patience {
  /** Milliseconds that never jump back. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

export const realPatience: Patience = {
  now: () => performance.now(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  random: Math.random,
};

/**
 * Milliseconds to wait after the `tries`th try: 1, 2, 4 … 32, halved at random so that waiters do not come back
 * together. Short, because a write of SQLite takes a fraction of a millisecond to a few.
 */
export function pauseBeforeTry(tries: number, random: number): number {
  return Math.min(32, 2 ** (tries - 1)) * (0.5 + random / 2);
}
