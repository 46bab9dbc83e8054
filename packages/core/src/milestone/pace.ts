/** A counter's value at an instant, in milliseconds since the epoch. */
export interface ValueAt {
  readonly value: number;
  readonly at: number;
}

/** What becomes of a counter that goes on at its pace. */
export interface Projection {
  /** Its value at the end of its span, rounded; null where the span has no end, or there is no pace. */
  readonly value: number | null;
  /** When it comes to the next level; null if not within its span, or if it does not rise. */
  readonly nextReachedAt: Date | null;
}

/** The last instant a Date can hold. */
const endOfTime = 8_640_000_000_000_000;

/**
 * Goes on in a straight line through two points: where counting began, and where the counter is. A span that is over has
 * its value, and comes to nothing more. Without a beginning, or before any time has passed since it, there is no pace.
 */
export function projection(
  begin: ValueAt | undefined,
  now: ValueAt,
  span: { readonly end: number },
  next: { readonly at: number } | null,
): Projection {
  if (now.at >= span.end) return { value: now.value, nextReachedAt: null };
  if (begin === undefined || now.at <= begin.at) return { value: null, nextReachedAt: null };
  const perMillisecond = (now.value - begin.value) / (now.at - begin.at);
  const atEnd = Math.round(now.value + perMillisecond * (span.end - now.at)) + 0;
  return {
    value: Number.isSafeInteger(atEnd) ? atEnd : null,
    nextReachedAt: next === null ? null : reachedAt(now, perMillisecond, span.end, next.at),
  };
}

function reachedAt(now: ValueAt, perMillisecond: number, end: number, level: number): Date | null {
  if (perMillisecond <= 0) return null;
  const at = now.at + Math.ceil((level - now.value) / perMillisecond);
  return at < end && at <= endOfTime ? new Date(at) : null;
}
