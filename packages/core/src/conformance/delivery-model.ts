import type { AttemptOutcome, Notification, NotificationState } from "../delivery/notification.js";
import type { Reason } from "../delivery/reason.js";
import type { DeliveryMode } from "../notifier/notifier.js";
import type { Shuts } from "./delivery-model-hours.js";
import type { Place } from "./delivery-model-lane.js";

// The state machine of a notification a second time, from the table of docs/delivery-states.md and from nothing else:
// none of the moves of packages/core/src/delivery is called here. Times are milliseconds.

/** A time that only its bounds are known of, until it is read: a retry is spread at random. */
export interface Between {
  readonly earliest: number;
  readonly latest: number;
}

export interface ModelAttempt {
  readonly fence: number;
  readonly startedAt: number;
  /** Its place in its lane's quota. */
  readonly place: Place | null;
  outcome: AttemptOutcome | null;
}

/** What the first mark fixes. */
export interface Frozen {
  readonly messageId: string;
  readonly idempotencyKey: string;
  readonly payloadHash: string;
}

export interface ModelRow {
  readonly id: string;
  readonly notifier: string;
  readonly mode: DeliveryMode;
  readonly keyLifetime: number | null;
  readonly expiresAt: number | null;
  readonly recipientKey: string;
  readonly scope: string;
  readonly needsConsent: boolean;
  readonly redriveOf: string | null;
  readonly shuts: Shuts | null;
  openUntil: number | null;
  state: NotificationState;
  reason: Reason | null;
  maxAttempts: number;
  /** Attempts that found nobody there, and do not count. */
  excused: number;
  notBefore: number | Between;
  fence: number;
  claims: number;
  wasAmbiguous: boolean;
  cancelRequested: boolean;
  leaseUntil: number | null;
  horizonAt: number | null;
  keyUntil: number | null;
  frozen: Frozen | null;
  payloadKept: boolean;
  receipt: string | null;
  settledAt: number | null;
  redriven: boolean;
  readonly attempts: ModelAttempt[];
  /** What persons did to it. */
  readonly acts: string[];
}

/** Move 1. */
export function queuedRow(
  given: Pick<
    ModelRow,
    | (
        | "id"
        | "notifier"
        | "mode"
        | "keyLifetime"
        | "expiresAt"
        | "maxAttempts"
        | "recipientKey"
        | "scope"
        | "needsConsent"
      )
    | ("shuts" | "openUntil")
  > & { readonly notBefore: number },
): ModelRow {
  return {
    ...given,
    redriveOf: null,
    state: "pending",
    reason: null,
    excused: 0,
    fence: 0,
    claims: 0,
    wasAmbiguous: false,
    cancelRequested: false,
    leaseUntil: null,
    horizonAt: null,
    keyUntil: null,
    frozen: null,
    payloadKept: false,
    receipt: null,
    settledAt: null,
    redriven: false,
    attempts: [],
    acts: [],
  };
}

/** Move 2's guard, but for the lane. */
export function canStart(row: ModelRow, now: number): boolean {
  return row.state === "pending" && come(row, now) && !past(row.expiresAt, now) && !past(row.openUntil, now);
}

/** Move 2. */
export function claimRow(row: ModelRow, lease: number, now: number): void {
  row.state = "leased";
  row.fence += 1;
  row.claims += 1;
  row.leaseUntil = now + lease;
}

/** Move 3: to `pending`, or to its end. False where it is not leased under the fence. */
export function releaseRow(
  row: ModelRow,
  fence: number,
  how: { readonly refund: boolean; readonly failed: Reason | null },
  now: number,
): boolean {
  if (row.state !== "leased" || row.fence !== fence) return false;
  if (how.refund) row.claims -= 1;
  if (how.failed !== null) endRow(row, "failed", how.failed, now);
  else waitUntil(row, now);
  return true;
}

/** What time ends: moves 11 and 12. */
export function expireRow(row: ModelRow, now: number): "expired" | "unknown" | null {
  if (row.state === "pending" && past(row.expiresAt, now)) return endRow(row, "expired", "expired", now);
  if (row.state === "ambiguous" && (past(row.horizonAt, now) || past(row.expiresAt, now))) {
    return endRow(row, "unknown", "no_answer", now);
  }
  return null;
}

/** A row that was ever ambiguous never ends as one that was not sent. */
export function endRow<End extends NotificationState>(
  row: ModelRow,
  state: End,
  reason: Reason | null,
  now: number,
): End | "unknown" {
  const end = row.wasAmbiguous && state !== "sent" ? "unknown" : state;
  row.state = end;
  row.reason = reason;
  row.leaseUntil = null;
  row.horizonAt = null;
  row.settledAt = now;
  return end;
}

export function waitUntil(row: ModelRow, notBefore: number | Between): void {
  row.state = "pending";
  row.reason = null;
  row.leaseUntil = null;
  row.horizonAt = null;
  row.notBefore = notBefore;
}

export function come(row: ModelRow, now: number): boolean {
  return typeof row.notBefore === "number" && row.notBefore <= now;
}

export function past(time: number | null, now: number): boolean {
  return time !== null && time <= now;
}

const ends: readonly NotificationState[] = ["sent", "failed", "unknown", "expired", "cancelled", "suppressed"];

export function hasEnded({ state }: Pick<Notification, "state">): boolean {
  return ends.includes(state);
}
