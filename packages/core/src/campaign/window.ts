import { Temporal } from "temporal-polyfill";
import { type Hours, openingAt } from "./hours.js";
import { instantOf } from "./wall-clock.js";

/** When messages of a campaign may go out, by the clocks of each recipient's zone or of a named one. */
export interface Window {
  /** `"recipient"`, or an IANA name. */
  readonly zone: string;
  /** For `"recipient"`: of those whose zone is not known. */
  readonly otherwise?: string;
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

/** The zone whose clocks a recipient's window goes by. */
export function zoneOf(window: Pick<Window, "zone" | "otherwise">, recipientZone: string | undefined): string {
  if (window.zone !== "recipient") return window.zone;
  return recipientZone !== undefined && isZone(recipientZone) ? recipientZone : (window.otherwise ?? "UTC");
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

const zones = new Map<string, boolean>();

/** Whether this machine knows a zone by that name. */
export function isZone(name: string): boolean {
  let known = zones.get(name);
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat("en", { timeZone: name });
      known = true;
    } catch {
      known = false;
    }
    // names come from outside, without end
    if (zones.size >= 2_000) zones.clear();
    zones.set(name, known);
  }
  return known;
}
