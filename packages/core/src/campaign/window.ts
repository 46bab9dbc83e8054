import { Temporal } from "temporal-polyfill";
import { type Hours, openingAt } from "./hours.js";
import { instantOf } from "./wall-clock.js";
import type { ZoneChoice } from "./zone.js";

/** When messages of a campaign may go out, by the clocks of each recipient's zone or of a named one. */
export interface Window extends ZoneChoice {
  /** From this time on, as a wall clock shows it: `"2026-12-01T09:00"`. At once unless said. */
  readonly start?: string;
  /** Not at this time any more: what was not sent is `expired`. */
  readonly end?: string;
  /** Only within these hours. */
  readonly hours?: Hours;
}

/** A window as instants, in milliseconds since the epoch. */
export interface Span {
  readonly notBefore: number;
  /** When its hours close; null without hours. */
  readonly openUntil: number | null;
  /** Null without an end. */
  readonly expiresAt: number | null;
}

/**
 * The first span of a window that is not over at `from`. Where the window ends before its hours open again, the span is
 * empty (`notBefore` is `expiresAt`): the message expires. `start` and `end` are the first instants at which the zone's
 * clocks show that time or a later one.
 */
export function spanFrom({ start, end, hours }: Window, zone: string, from: number): Span {
  const begin = start === undefined ? from : Math.max(from, localInstant(start, zone));
  const expiresAt = end === undefined ? null : localInstant(end, zone);
  if (hours === undefined) return { notBefore: begin, openUntil: null, expiresAt };
  const { opens, closes } = openingAt(hours, zone, begin);
  if (expiresAt !== null && opens >= expiresAt) return { notBefore: expiresAt, openUntil: closes, expiresAt };
  return { notBefore: opens, openUntil: closes, expiresAt };
}

function localInstant(local: string, zone: string): number {
  return instantOf(Temporal.PlainDateTime.from(local), zone);
}
