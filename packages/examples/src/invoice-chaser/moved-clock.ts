/** A clock that stands still until it is moved, so that minutes of sending take seconds. */
export interface MovedClock {
  now(): Date;
  /** Milliseconds. */
  advance(by: number): void;
}

export function movedClock(start: Date): MovedClock {
  let now = start.getTime();
  return {
    now: () => new Date(now),
    advance(by) {
      now += by;
    },
  };
}
