import type { MessageTemplate, Notification, NotificationSource } from "@milepost/core/store";

/** The columns of a notification under the names of its fields, except that `source` is made of two. */
export const notificationColumns: string = `n.tenant, n.id, n.source_kind, n.source_id, n.channel,
  n.recipient_key AS "recipientKey", n.item_key AS "itemKey", n.redrive, n.redrive_of AS "redriveOf", n.notifier, n.mode,
  n.key_lifetime AS "keyLifetime", n.recipient, n.template, n.data, n.state, n.reason, n.detail,
  n.scope, n.needs_consent AS "needsConsent", n.not_before AS "notBefore", n.expires_at AS "expiresAt",
  n.hours, n.open_until AS "openUntil", n.sender, n.attempts, n.excused, n.max_attempts AS "maxAttempts", n.claims,
  n.fence, n.lease_until AS "leaseUntil", n.horizon_at AS "horizonAt", n.first_marked_at AS "firstMarkedAt",
  n.key_until AS "keyUntil", n.message_id AS "messageId", n.idempotency_key AS "idempotencyKey",
  n.payload_hash AS "payloadHash", n.payload, n.receipt, n.was_ambiguous AS "wasAmbiguous",
  n.cancel_requested AS "cancelRequested", n.created_at AS "createdAt", n.settled_at AS "settledAt"`;

export interface NotificationRow extends Omit<Notification, "source"> {
  readonly source_kind: NotificationSource["kind"];
  readonly source_id: string;
}

export function notificationOf<Row extends NotificationRow>(
  row: Row,
): Notification & Omit<Row, "source_kind" | "source_id"> {
  const { source_kind: kind, source_id: id, ...rest } = row;
  return { ...rest, source: { kind, id } };
}

export interface ClaimedRow extends NotificationRow {
  readonly content: MessageTemplate;
}
