import type { Reason } from "../delivery/reason.js";
import type { Crossing } from "./crossing.js";

export const noticeKinds = ["reminder", "resolved"] as const;
/** `reminder`: the level that was passed is passed still. `resolved`: it is armed again. */
export type NoticeKind = (typeof noticeKinds)[number];

/** What is to be said of a crossing after it was said itself. Unique by crossing, kind and number. */
export interface NewNotice {
  readonly tenant: string;
  readonly id: string;
  /** The crossing's id. */
  readonly crossing: string;
  readonly milestone: string;
  readonly kind: NoticeKind;
  /** Counts the reminders of a crossing, from 1; 1 for `resolved`. */
  readonly number: number;
  /** The counter's value at that moment. */
  readonly value: number;
  /** When it came to be: the event's `occurredAt`, or when the engine was woken. */
  readonly noticedAt: Date;
}

/** What a message that comes after its crossing's first is told of it. */
export type NoticeFacts = Pick<NewNotice, "kind" | "number" | "value" | "noticedAt">;

export const noticeStates = ["pending", "leased", "announced", "unaddressed", "failed"] as const;
export type NoticeState = (typeof noticeStates)[number];

export interface Notice extends NewNotice {
  readonly state: NoticeState;
  /** Why nobody was told; null while that is open and where somebody was. */
  readonly reason: Reason | null;
  readonly detail: string | null;
  /** How many notifications its announcement made. */
  readonly notifications: number;
  /** How often its announcement was tried. */
  readonly attempts: number;
  readonly createdAt: Date;
}

/** A notice leased to one worker: every later write must show the fence. */
export interface ClaimedNotice extends Notice {
  readonly fence: number;
}

/** A notice as a store keeps it, with what its announcement needs. */
export interface StoredNotice extends ClaimedNotice {
  readonly leaseUntil: Date | null;
  readonly notBefore: Date;
}

/** A notice as it is stored first. */
export function recordedNotice(notice: NewNotice, now: Date): StoredNotice {
  return {
    ...notice,
    state: "pending",
    reason: null,
    detail: null,
    notifications: 0,
    attempts: 0,
    fence: 0,
    leaseUntil: null,
    notBefore: now,
    createdAt: now,
  };
}

/** What of a stored notice is everybody's. */
export function noticeOf({ fence: _, leaseUntil: __, notBefore: ___, ...notice }: StoredNotice): Notice {
  return notice;
}

/** Whether a crossing is one that more may be said of, is not one, or is not decided yet. */
export function saidOf(crossing: Crossing | undefined): "said" | "unsaid" | "open" {
  if (crossing?.state === "pending" || crossing?.state === "leased") return "open";
  return crossing?.state === "announced" ? "said" : "unsaid";
}
