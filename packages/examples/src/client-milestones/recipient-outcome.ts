import type { Notification, NotificationState } from "@milepost/core";

/** What a notification's state says to somebody who asks whether a person was told. */
export type Told = "told" | "waiting" | "perhaps" | "not";

const toldBy: Record<NotificationState, Told> = {
  sent: "told",
  pending: "waiting",
  leased: "waiting",
  // handed over, and no answer yet: its process may be dead
  sending: "perhaps",
  ambiguous: "perhaps",
  unknown: "perhaps",
  failed: "not",
  expired: "not",
  cancelled: "not",
  suppressed: "not",
};

/** One person's mail. */
export interface RecipientOutcome {
  readonly address: string;
  readonly told: Told;
  /** Null where the person was told; `pending` while the mail waits. */
  readonly reason: string | null;
  readonly detail: string | null;
  /** The name of the notifier it waits for, or went through. */
  readonly notifier: string;
}

export function recipientOutcome(notification: Notification): RecipientOutcome {
  const { recipient, state, reason, detail, notifier } = notification;
  const told = toldBy[state];
  const reasons = { told: null, waiting: "pending", perhaps: reason ?? "no_answer", not: reason ?? state };
  return { address: recipient.address, told, reason: reasons[told], detail, notifier };
}
