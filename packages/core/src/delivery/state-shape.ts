import type { Notification, NotificationState } from "./notification.js";
import type { Reason } from "./reason.js";

/** A field of a notification that moves set and clear, and whose being set says where the row can be. */
export type ShapeField = keyof Pick<
  Notification,
  "reason" | "attempts" | "claims" | "leaseUntil" | "horizonAt" | "receipt" | "wasAmbiguous" | "settledAt"
>;

/**
 * Which fields must be set in a state (`true`: not null, not false, not 0) and which must not (`false`); those that are not
 * named may be either. What an end must not hold any more, lease and horizon, is invariant I10's, and is left out here.
 */
export type StateShape = Readonly<Partial<Record<ShapeField, boolean>>>;

const open = { settledAt: false, receipt: false } as const;
const ended = { settledAt: true } as const;
const unsent = { ...ended, reason: true, receipt: false, wasAmbiguous: false } as const;

/** What the moves of `docs/delivery-states.md` leave behind, state by state. */
export const stateShapes: Readonly<Record<NotificationState, StateShape>> = {
  pending: { ...open, leaseUntil: false, horizonAt: false },
  leased: { ...open, leaseUntil: true, horizonAt: false, claims: true },
  sending: { ...open, leaseUntil: true, horizonAt: false, claims: false, attempts: true },
  ambiguous: { ...open, leaseUntil: true, horizonAt: true, reason: true, wasAmbiguous: true, attempts: true },
  sent: { ...ended, reason: false, attempts: true },
  failed: unsent,
  unknown: { ...ended, reason: true, receipt: false, wasAmbiguous: true, attempts: true },
  expired: unsent,
  cancelled: unsent,
  suppressed: unsent,
};

/** States from which another call may come; what they may have as a reason is {@link hasReasonToWait}'s. */
export const callableStates: readonly ["pending", "leased", "sending"] = ["pending", "leased", "sending"];

/** The reason that a row keeps from a call whose worker did not come back (move 8), until its next outcome. */
export const keptReason: Reason & "lease_over" = "lease_over";

/** Whether a row that has not ended, and is not ambiguous, has no reason, or the one that it keeps. Pure. */
export function hasReasonToWait({ state, reason, wasAmbiguous }: Pick<Notification, ShapeField | "state">): boolean {
  const waits = (callableStates as readonly NotificationState[]).includes(state);
  return !waits || reason === null || (reason === keptReason && wasAmbiguous);
}

/** Whether a row has the shape of its state. Pure. */
export function hasShape(row: Pick<Notification, ShapeField | "state">): boolean {
  const shape: StateShape | undefined = stateShapes[row.state];
  if (shape === undefined) return false;
  return (Object.entries(shape) as [ShapeField, boolean][]).every(([field, isSet]) => {
    return isSet === (row[field] !== null && row[field] !== false && row[field] !== 0);
  });
}
