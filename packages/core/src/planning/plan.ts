import type { Reason } from "../delivery/reason.js";
import type { NewCrossing } from "../milestone/crossing.js";
import type { NewNotice } from "../milestone/notice.js";
import type { SqlStatement } from "../milestone/sql.js";
import type { Channel } from "../notifier/notifier.js";
import type { Recipient } from "../recipient/recipient.js";
import type { CounterKey } from "../store/counter-repository.js";

/** What would happen if events were recorded now. Nothing of it has happened. */
export interface Plan {
  /** One for each event that was given, in their order. */
  readonly events: readonly PlannedEvent[];
  /** Every crossing that would be recorded, in that order. */
  readonly crossings: readonly PlannedCrossing[];
  /** Notices that levels are armed again. */
  readonly notices: readonly PlannedNotice[];
  /** Statements of `onLimit` and `onPeriodEnd` that would run, in their order. */
  readonly effects: readonly SqlStatement[];
  /**
   * Counters of these events that would stay due: a policy fails or waits for a limit, or this process has not the code of
   * all milestones. What they would cross is not in the plan.
   */
  readonly due: readonly CounterKey[];
  /** What policies that failed said, one line each. */
  readonly errors: readonly string[];
}

export interface PlannedEvent {
  readonly tenant: string;
  readonly id: string;
  readonly metric: string;
  readonly subject: string;
  readonly counted: boolean;
  readonly duplicate: boolean;
  /** The lifetime counter directly after it, also after a duplicate. */
  readonly value: number;
}

/** A crossing with the state it would be born in, and what its announcement would come to. */
export interface PlannedCrossing extends Omit<NewCrossing, "id"> {
  /** Why nobody would be told: for good, or at the first try. Null where somebody would. */
  readonly reason: Reason | null;
  /** A few words of what failed, such as the resolver's error message. */
  readonly detail: string | null;
  /** One for each recipient, in the order in which they were resolved. */
  readonly notifications: readonly PlannedNotification[];
  /** Its milestone's `effect`: what would run with it. */
  readonly effects: readonly SqlStatement[];
}

/** What would be said of a crossing that was told of before: its level would be armed again. */
export interface PlannedNotice
  extends Pick<NewNotice, "tenant" | "milestone" | "kind" | "number" | "value" | "noticedAt"> {
  /** The stored crossing's id; null for one that is itself in the plan. */
  readonly crossing: string | null;
  readonly reason: Reason | null;
  readonly notifications: readonly PlannedNotification[];
}

/** What one recipient would be sent. */
export interface PlannedNotification {
  readonly recipient: Recipient;
  /** What makes two addresses one recipient. */
  readonly recipientKey: string;
  /** The recipient's language as the resolver gave it; null where it gave none. */
  readonly locale: string | null;
  readonly notifier: string;
  readonly channel: Channel;
  readonly subject: string | null;
  readonly text: string | null;
  readonly html: string | null;
  /**
   * When a worker would send it: at once, when its lane is resumed, from `notBefore` on, or never: for the `reason`, such as
   * `render_failed` for a message that is too large.
   */
  readonly when: "now" | "lane_paused" | "later" | "never";
  readonly notBefore: Date | null;
  /** Why it would never be sent: `suppressed`, `unsubscribed`, `no_consent` or `render_failed`. Else null. */
  readonly reason: Reason | null;
  /** A few words of it: of a suppression its reason, such as `hard_bounce`. */
  readonly detail: string | null;
}
