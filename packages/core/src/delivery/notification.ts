import type { ZonedHours } from "../campaign/hours.js";
import type { JsonObject } from "../json.js";
import type { MessageSender, MessageTemplate, RenderedMessage } from "../message/message.js";
import type { Channel, DeliveryMode } from "../notifier/notifier.js";
import type { Recipient } from "../recipient/recipient.js";
import type { Reason } from "./reason.js";

/** The state machine of `docs/delivery-states.md`. */
export const notificationStates = [
  "pending",
  "leased",
  "sending",
  "ambiguous",
  "sent",
  "failed",
  "unknown",
  "expired",
  "cancelled",
  "suppressed",
] as const;
export type NotificationState = (typeof notificationStates)[number];

export const terminalStates = ["sent", "failed", "unknown", "expired", "cancelled", "suppressed"] as const;
export type TerminalState = (typeof terminalStates)[number];

export const sourceKinds = ["crossing", "notice", "campaign"] as const;

/** What made the notification: a crossing or a campaign. */
export interface NotificationSource {
  readonly kind: (typeof sourceKinds)[number];
  readonly id: string;
}

/** What makes a notification unique; `redrive` rises when a person sends a finished one again. */
export interface NotificationKey {
  readonly tenant: string;
  readonly source: NotificationSource;
  readonly channel: Channel;
  readonly recipientKey: string;
  /** `''`, unless a host wants several to one person, such as one per invoice. */
  readonly itemKey: string;
  readonly redrive: number;
}

/** One message to one recipient over one channel, as it is queued. */
export interface NewNotification extends Omit<NotificationKey, "redrive"> {
  readonly id: string;
  /** The lane it waits in: the tenant's way through the notifier of this name. */
  readonly notifier: string;
  readonly mode: DeliveryMode;
  /** Milliseconds an idempotency key may be relied on, its margin already taken off; null for other modes. */
  readonly keyLifetime: number | null;
  readonly recipient: Recipient;
  /** Content hash of its template. */
  readonly template: string;
  /** Snapshot of what the template is rendered with. */
  readonly data: JsonObject;
  readonly maxAttempts: number;
  /** What kind of message it is: suppressions and consents are of one scope, or of all. */
  readonly scope: string;
  /** Whether it may only be sent to an address with consent in its scope. */
  readonly needsConsent: boolean;
  /** Not before; null = at once. */
  readonly notBefore: Date | null;
  /** No call starts at or after this instant; null = never expires. */
  readonly expiresAt: Date | null;
  /** The hours within which a call may start; null = at any. */
  readonly hours: ZonedHours | null;
  /** Who it is from and who is answered; null = whoever its notifier says. */
  readonly sender: MessageSender | null;
  /** When they close next: no call starts from this instant on until they are opened anew. Null exactly without hours. */
  readonly openUntil: Date | null;
}

export interface Notification extends Omit<NewNotification, "notBefore">, NotificationKey {
  readonly state: NotificationState;
  readonly reason: Reason | null;
  readonly detail: string | null;
  readonly notBefore: Date;
  /** Attempts marked so far; each has a row of its own. */
  readonly attempts: number;
  /** How many of them do not count towards `maxAttempts`: the whole way out was out of service. */
  readonly excused: number;
  /** Claims since the last mark; too many without one is a poisoned row. */
  readonly claims: number;
  readonly fence: number;
  /** End of the lease; on an `ambiguous` row the end of the one under which the call was made; else null. */
  readonly leaseUntil: Date | null;
  /** When an `ambiguous` row is given up as `unknown`. */
  readonly horizonAt: Date | null;
  /** The store's clock at the first mark, and until when the idempotency key may be relied on. */
  readonly firstMarkedAt: Date | null;
  readonly keyUntil: Date | null;
  readonly messageId: string | null;
  readonly idempotencyKey: string | null;
  readonly payloadHash: string | null;
  /** The rendered message, kept once it must stay byte-identical. */
  readonly payload: RenderedMessage | null;
  /** What the provider answered, or the evidence, for a `sent` row. */
  readonly receipt: string | null;
  /** Whether any attempt ever ended without a definite answer. */
  readonly wasAmbiguous: boolean;
  readonly cancelRequested: boolean;
  /** The row that this one sends again. */
  readonly redriveOf: string | null;
  readonly createdAt: Date;
  readonly settledAt: Date | null;
}

/** A notification leased to one worker, with its template. */
export interface ClaimedNotification extends Notification {
  readonly content: MessageTemplate;
}

export const attemptOutcomes = ["accepted", "refused_transient", "refused_permanent", "ambiguous"] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** One try to hand a notification to a notifier. */
export interface Attempt {
  readonly tenant: string;
  readonly notification: string;
  /** 1, 2, 3 … */
  readonly number: number;
  readonly fence: number;
  readonly startedAt: Date;
  /** Null while the try is open. */
  readonly endedAt: Date | null;
  readonly outcome: AttemptOutcome | null;
  readonly detail: string | null;
  /** Where in its lane's quota it took its place; null without a quota. Given back if it was refused. */
  readonly slot: string | null;
}
