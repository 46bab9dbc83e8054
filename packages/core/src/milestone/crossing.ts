import type { Reason } from "../delivery/reason.js";
import type { Severity } from "./policy.js";

/** Where a crossing's announcement stands; `leased` may go back to `pending`, the rest of the right side is final. */
export const crossingStates = [
  "pending",
  "leased",
  "announced",
  "unaddressed",
  "failed",
  "adopted",
  "superseded",
  "too_soon",
  "expired",
  "silent",
] as const;
export type CrossingState = (typeof crossingStates)[number];

/** The states a crossing can be born in: waiting for its announcement, or final from the start. */
export type CrossingBirth = "pending" | "adopted" | "superseded" | "too_soon" | "expired" | "silent";

/** What makes a crossing unique. */
export interface CrossingKey {
  readonly tenant: string;
  readonly milestone: string;
  readonly subject: string;
  readonly period: string;
  readonly threshold: string;
  /** 0 when the policy measures against no limit. */
  readonly limitVersion: number;
  /** 1 for the first time; rises only when the level's `rearmAt` was passed. */
  readonly arming: number;
}

/** A crossing as evaluation found it. */
export interface NewCrossing extends CrossingKey {
  readonly id: string;
  readonly metric: string;
  readonly at: number;
  readonly direction: "rising" | "falling";
  /** What the policy says of the level. */
  readonly code: string | null;
  readonly severity: Severity | null;
  /** The limit it was measured against; null without one. */
  readonly limitAmount: number | null;
  /** How many levels a jump passed below this one that have no crossing of their own, because they were too many. */
  readonly skipped: number;
  /** The counter directly before and after the event. */
  readonly previous: number;
  readonly value: number;
  readonly eventId: string;
  /** The event's `occurredAt`. */
  readonly reachedAt: Date;
  readonly state: CrossingBirth;
}

/** The recorded fact that a subject passed a level in a period. Unique by its key, never deleted by the engine. */
export interface Crossing extends Omit<NewCrossing, "state"> {
  readonly state: CrossingState;
  /** Why nobody was told; null while that is open and where somebody was. */
  readonly reason: Reason | null;
  /** A few words of the last failure, such as the resolver's error message. */
  readonly detail: string | null;
  /** How many notifications its announcement made. */
  readonly notifications: number;
  /** How often its announcement was tried. */
  readonly attempts: number;
  /** Millisecond of the commit's statement, by the store's clock. */
  readonly createdAt: Date;
}

/** A crossing leased to one worker: every later write must show the fence. */
export interface ClaimedCrossing extends Crossing {
  readonly fence: number;
}

/** A crossing as a store keeps it, with what its announcement needs. */
export interface StoredCrossing extends ClaimedCrossing {
  readonly leaseUntil: Date | null;
  readonly notBefore: Date;
}

/** A crossing as it is stored first. */
export function recordedCrossing(crossing: NewCrossing, now: Date): StoredCrossing {
  return {
    ...crossing,
    reason: birthReason(crossing.state),
    detail: null,
    notifications: 0,
    attempts: 0,
    fence: 0,
    leaseUntil: null,
    notBefore: now,
    createdAt: now,
  };
}

/** What of a stored crossing is everybody's. */
export function crossingOf({ fence: _, leaseUntil: __, notBefore: ___, ...crossing }: StoredCrossing): Crossing {
  return crossing;
}

/** Why a crossing that is born in this state is never announced; null for `pending`. */
export function birthReason(state: CrossingBirth): Reason | null {
  return state === "pending" ? null : state;
}
