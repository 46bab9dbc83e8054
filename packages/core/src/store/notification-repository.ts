import type {
  Attempt,
  AttemptOutcome,
  ClaimedNotification,
  Notification,
  NotificationState,
} from "../delivery/notification.js";
import type { Reason, ReasonCount } from "../delivery/reason.js";
import type { RenderedMessage } from "../message/message.js";

/** A row and the fence under which it was leased. */
export interface Fenced {
  readonly tenant: string;
  readonly id: string;
  readonly fence: number;
}

/** How much of a lane somebody was given. */
export interface Served {
  readonly tenant: string;
  readonly notifier: string;
  readonly count: number;
}

export interface Mark extends Fenced {
  /** Kept from the first mark on; later marks change none of the three. */
  readonly messageId: string;
  readonly idempotencyKey: string;
  readonly payloadHash: string;
  /** To be kept with the row, or null where it can be rendered again. */
  readonly payload: RenderedMessage | null;
}

/**
 * `marked`: it is `sending`, the notifier may be called; `slot` is where its lane's quota was taken. `deferred`: its lane
 * is paused, parked or has no room, or its time has not come; it is `pending` again. `refused`: it reached an end instead,
 * named by `state`. `lost`: not leased under this fence. `opensIn`: milliseconds until its lane has room, where it has
 * none left; else null.
 */
export type MarkResult =
  | {
      readonly result: "marked";
      readonly attempt: number;
      readonly markedAt: Date;
      readonly keyUntil: Date | null;
      readonly slot: string | null;
      readonly opensIn: number | null;
    }
  | { readonly result: "deferred"; readonly opensIn: number | null }
  | {
      readonly result: "refused";
      readonly state: "expired" | "suppressed" | "unknown" | "failed";
      readonly reason: Reason;
    }
  | { readonly result: "lost" };

/** How a `sending` row leaves that state; decided by the engine, moves 5 to 8 of `docs/delivery-states.md`. */
export interface Settlement extends Fenced {
  /** The lane it was sent through. */
  readonly notifier: string;
  readonly attempt: number;
  /** As its mark said: a refused call gives its place in the quota back. */
  readonly slot: string | null;
  /** Whether the attempt does not count towards `maxAttempts`. */
  readonly excused: boolean;
  /** Milliseconds for which its lane is parked, because nobody could be reached through it; null = not for that. */
  readonly parkIn: number | null;
  readonly to: "sent" | "pending" | "failed" | "ambiguous" | "unknown";
  readonly outcome: AttemptOutcome;
  readonly reason: Reason | null;
  readonly detail: string | null;
  /** `sent`: what the provider answered. */
  readonly receipt: string | null;
  /** `pending`: milliseconds to the next try. */
  readonly retryIn: number;
  /** `ambiguous`: milliseconds until it is given up as unknown. */
  readonly horizonIn: number;
  /** `pending`: kept, so that the next attempt is byte-identical; null keeps what is there. */
  readonly payload: RenderedMessage | null;
}

/** How a leased row is given back. */
export interface Release extends Fenced {
  readonly to: "pending" | "failed";
  readonly retryIn: number;
  /** Takes back the claim. */
  readonly refund: boolean;
  readonly reason: Reason | null;
}

export type SettleResult = "settled" | "evidence" | "lost";

/** The next span of a row's hours. */
export interface Opened {
  readonly tenant: string;
  readonly id: string;
  /** When the hours closed: as the row has it still. */
  readonly closed: Date;
  readonly notBefore: Date;
  readonly openUntil: Date;
}

/** A person's act on one notification; see {@link NotificationRepository.decide}. */
export type DecideAct = "cancel" | "resend" | "confirm" | "give_up" | "redrive";

export interface NotificationRepository {
  /**
   * Leases up to `limit` notifications that can start now: pending, their time come, their hours open, not expired, for
   * one of `notifiers` or an account of one of `families` (`<family>/<account>`), their lane neither paused nor parked. Within a lane by time, then id. Between lanes by turns: the n-th of
   * a lane comes after the m-th of another if n plus what the lane was `served` is more than m plus what the other was;
   * then by time, then id. So a lane's hundred does not wait for another's million. Each gets fence + 1, claims + 1 and a
   * lease. No two callers get the same one.
   */
  claim(input: {
    readonly notifiers: readonly string[];
    /** Notifiers that send through accounts of tenants; none unless given. */
    readonly families?: readonly string[];
    readonly limit: number;
    /** How much the caller has lately taken of which lanes; none of those that are not named. */
    readonly served: readonly Served[];
    /** Milliseconds. */
    readonly lease: number;
    readonly now?: Date;
  }): Promise<readonly ClaimedNotification[]>;

  /**
   * The durable mark before the outside world is touched; answers per row, in their order.
   *
   * A row leased under its fence, in this order: expired = `expired`; its address forbidden by core's `refusalOf` =
   * `suppressed`; ambiguous before and past its `keyUntil` = `unknown` (`key_expired`); a payload hash other than the
   * frozen one = `failed` (`payload_changed`), where a row that was ever ambiguous becomes `unknown` instead, reason kept;
   * its lane paused or parked, or without room by core's `roomIn`, or `notBefore` ahead, or its hours closed = `pending`, fence kept, the claim
   * not counted. Otherwise it is marked: `sending`, attempts + 1, claims 0, an open attempt row under the fence, the
   * lease prolonged by `lease`, message id, key, hash and payload frozen, `firstMarkedAt` and `keyUntil` set once, and room
   * taken by core's `withReservation`. Room goes to marks in their order; a lane without any is parked until there is some.
   *
   * The lane is read under a lock that a pause waits for: after the commit of a pause no mark commits. A repeat under
   * the same fence while the row is `sending` answers `marked` again with the same attempt and writes nothing, so that
   * a commit whose outcome was unknown may be asked for again.
   */
  mark(input: {
    readonly marks: readonly Mark[];
    /** Milliseconds. */
    readonly lease: number;
    readonly now?: Date;
  }): Promise<readonly MarkResult[]>;

  /**
   * Writes how calls ended; answers per row, in their order.
   *
   * `settled`: it was `sending` under the fence. The open attempt ends with `outcome`; the row moves to `to`, or, asked
   * back to `pending` after a cancel request, to `cancelled`, or `unknown` if any outcome was ambiguous; a terminal row has `settledAt` and no lease;
   * `ambiguous` raises the fence, keeps `leaseUntil` and sets `horizonAt` (no later than `expiresAt`), and any
   * `ambiguous` outcome sets `wasAmbiguous` and raises the fence.
   * A settled refusal gives the quota it took back, once; `parkIn` parks its lane, unless that is parked for longer.
   * `evidence`: the row had moved on as ambiguous meanwhile, and this is the late result of an attempt that ended
   * `ambiguous`: if it was accepted, the attempt becomes `accepted`, and a row still `ambiguous` becomes `sent`;
   * other outcomes are not evidence. `lost`: anything else; nothing is written.
   */
  settle(input: { readonly settlements: readonly Settlement[]; readonly now?: Date }): Promise<readonly SettleResult[]>;

  /**
   * Gives leased rows back, each if leased under its fence: `pending` after `retryIn` milliseconds with `refund`
   * taking back the claim, or `failed`, `unknown` if it was ever ambiguous; in either case with this reason. Answers per
   * row, in their order, whether it did.
   */
  release(input: { readonly releases: readonly Release[]; readonly now?: Date }): Promise<readonly boolean[]>;

  /** Leased and sending rows whose lease is over, the longest overdue first, and the clock they were judged by. */
  overdue(input: {
    readonly limit: number;
    readonly now?: Date;
  }): Promise<{ readonly now: Date; readonly rows: readonly Notification[] }>;

  /**
   * Ends what time has ended, up to `limit` rows: pending ones past `expiresAt` become `expired`, or `unknown` if they
   * were ever ambiguous (reason `expired`); ambiguous ones past `horizonAt` or `expiresAt` become `unknown` (reason
   * `no_answer`). Answers how many of each.
   */
  expire(input: {
    readonly limit: number;
    readonly now?: Date;
  }): Promise<{ readonly expired: number; readonly unknown: number }>;

  /**
   * Pending rows whose hours have closed (`openUntil`), those that did first first, and the clock they were judged by.
   * Not those past `expiresAt`.
   */
  closed(input: {
    readonly limit: number;
    readonly now?: Date;
  }): Promise<{ readonly now: Date; readonly rows: readonly Notification[] }>;

  /**
   * Opens the hours of rows anew, each if it is pending and its hours closed when `closed` says: `openUntil` as given,
   * `notBefore` too unless the row's own is later. Answers per row, in their order, whether it did; a repeat does not.
   */
  reopen(input: { readonly openings: readonly Opened[] }): Promise<readonly boolean[]>;

  /**
   * A person's act, recorded with who and why in the same transaction; where the state forbids it, nothing is written.
   *
   * `cancel`: pending or leased = `cancelled`, or `unknown` if it was ever ambiguous; sending or ambiguous: `cancelRequested`, nothing is undone.
   * `resend`: ambiguous = pending at once, but only `margin` milliseconds after `leaseUntil`, when no call can still be
   * under way. `confirm`: ambiguous = sent, the note is the evidence. `give_up`: ambiguous = unknown.
   * `redrive`: failed, unknown or expired = a new pending row with `newId`, redrive + 1, without expiry and with fresh
   * attempts; a row is redriven once; an `unknown` one needs `acceptDuplicate`.
   * Throws `not_found`; throws `act_refused` with the reason in its message.
   */
  decide(input: {
    readonly tenant: string;
    readonly id: string;
    readonly act: DecideAct;
    readonly by: string;
    readonly why: string;
    readonly newId: string;
    readonly acceptDuplicate: boolean;
    /** Milliseconds. */
    readonly margin: number;
    readonly now?: Date;
  }): Promise<Notification>;

  /** Notifications that match every given filter, ordered by id, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly source?: Notification["source"];
    readonly states?: readonly NotificationState[];
    readonly recipientKey?: string;
    readonly ids?: readonly string[];
    /** Those that crossings and notices of this milestone made. */
    readonly milestone?: string;
    readonly notifier?: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Notification[]>;

  /**
   * Dead letters that match every given filter, ordered by id, after `after`: rows that are `failed` or `unknown` and that
   * no redrive followed. By an index that holds only such rows.
   */
  deadLetters(input: {
    readonly tenant: string;
    readonly state?: "failed" | "unknown";
    readonly reason?: Reason;
    /** Those that crossings and notices of this milestone made. */
    readonly milestone?: string;
    readonly notifier?: string;
    /** Ended (`settledAt`) at `since` or later, and before `until`. */
    readonly since?: Date;
    readonly until?: Date;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Notification[]>;

  /** Every attempt of one notification, by number. */
  attempts(input: { readonly tenant: string; readonly notification: string }): Promise<readonly Attempt[]>;

  /** How many notifications a tenant has per state and reason; ordered by state, then reason, null first. */
  count(input: {
    readonly tenant: string;
  }): Promise<readonly { readonly state: NotificationState; readonly reason: Reason | null; readonly count: number }[]>;

  /**
   * How many notifications have a reason, by the reason: those that were not sent, or are not known to be. Of a tenant, and
   * of those that crossings and notices of one milestone made, recorded (`createdAt`) at `since` or later and before
   * `until`, where given. Ordered by reason, bytewise.
   */
  reasons(input: {
    readonly tenant: string;
    readonly milestone?: string;
    readonly since?: Date;
    readonly until?: Date;
  }): Promise<readonly ReasonCount[]>;
}
