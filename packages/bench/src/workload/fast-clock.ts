/** A clock that all processes of a run share: virtual time that goes by faster than the machine's. */
export interface FastClock {
  /** Virtual milliseconds since 1970 at `from`. */
  readonly start: number;
  /** The machine's milliseconds since 1970. */
  readonly from: number;
  readonly speed: number;
}

export function fastNow({ start, from, speed }: FastClock): Date {
  return new Date(Math.floor(start + (Date.now() - from) * speed));
}
