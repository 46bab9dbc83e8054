import type { Attempt, Notification, NotificationPatch } from "@milepost/core/store";
import type { SqlRow, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

// Rows of {notifications} and {attempts}: announce and redrive insert them, every move patches them.

type FlatNotification = Omit<Notification, "source"> & {
  readonly sourceKind: string;
  readonly sourceId: string;
  /** What it has to pass beside its lane; `""` for a row of no campaign. */
  readonly campaign: string;
};

const codec: RowCodec<FlatNotification> = rowCodec<FlatNotification>({
  tenant: "plain",
  id: "plain",
  sourceKind: "plain",
  sourceId: "plain",
  campaign: "plain",
  channel: "plain",
  recipientKey: "plain",
  itemKey: "plain",
  redrive: "plain",
  redriveOf: "plain",
  notifier: "plain",
  mode: "plain",
  keyLifetime: "plain",
  recipient: "json",
  template: "plain",
  data: "json",
  state: "plain",
  reason: "plain",
  detail: "plain",
  notBefore: "time",
  expiresAt: "time",
  hours: "json",
  sender: "json",
  openUntil: "time",
  attempts: "plain",
  excused: "plain",
  maxAttempts: "plain",
  scope: "plain",
  needsConsent: "flag",
  claims: "plain",
  fence: "plain",
  leaseUntil: "time",
  horizonAt: "time",
  firstMarkedAt: "time",
  keyUntil: "time",
  messageId: "plain",
  idempotencyKey: "plain",
  payloadHash: "plain",
  payload: "json",
  receipt: "plain",
  wasAmbiguous: "flag",
  cancelRequested: "flag",
  createdAt: "time",
  settledAt: "time",
});

const attemptCodec: RowCodec<Attempt> = rowCodec<Attempt>({
  tenant: "plain",
  notification: "plain",
  number: "plain",
  fence: "plain",
  startedAt: "time",
  endedAt: "time",
  outcome: "plain",
  detail: "plain",
  slot: "plain",
});

interface RowKey {
  readonly tenant: string;
  readonly id: string;
}

export function notificationOf(row: SqlRow): Notification {
  const { sourceKind, sourceId, campaign: _, ...notification } = codec.decode(row);
  return { ...notification, source: { kind: sourceKind as Notification["source"]["kind"], id: sourceId } };
}

/** The campaign of a row, `""` for one of none. */
export function campaignOf({ source }: Pick<Notification, "source">): string {
  return source.kind === "campaign" ? source.id : "";
}

export function findNotification(step: Step, { tenant, id }: RowKey): Notification | undefined {
  const row = step.get("SELECT * FROM {notifications} WHERE tenant = ? AND id = ?", tenant, id);
  return row && notificationOf(row);
}

/** Whether it was stored; false when its key exists. An id that exists under another key is an error. */
export function insertNotification(step: Step, notification: Notification): boolean {
  const { source, ...rest } = notification;
  const changes = step.run(
    `INSERT INTO {notifications} (${codec.columns}) VALUES (${codec.marks})
      ON CONFLICT (tenant, source_kind, source_id, channel, recipient_key, item_key, redrive) DO NOTHING`,
    ...codec.values({ ...rest, sourceKind: source.kind, sourceId: source.id, campaign: campaignOf(notification) }),
  );
  return changes === 1;
}

/** Writes what a move decided. The moves make a dozen different patches, so there are as many prepared statements. */
export function patchNotification(step: Step, { tenant, id }: RowKey, patch: NotificationPatch): void {
  const { set, values } = codec.assignments(patch);
  step.run(`UPDATE {notifications} SET ${set} WHERE tenant = ? AND id = ?`, ...values, tenant, id);
}

export function insertAttempt(step: Step, attempt: Attempt): void {
  const sql = `INSERT INTO {attempts} (${attemptCodec.columns}) VALUES (${attemptCodec.marks})`;
  step.run(sql, ...attemptCodec.values(attempt));
}

export function findAttempt(step: Step, { tenant, id }: RowKey, number: number): Attempt | undefined {
  const sql = "SELECT * FROM {attempts} WHERE tenant = ? AND notification = ? AND number = ?";
  const row = step.get(sql, tenant, id, number);
  return row && attemptCodec.decode(row);
}

export function patchAttempt(step: Step, { tenant, id }: RowKey, number: number, patch: Partial<Attempt>): void {
  const { set, values } = attemptCodec.assignments(patch);
  const sql = `UPDATE {attempts} SET ${set} WHERE tenant = ? AND notification = ? AND number = ?`;
  step.run(sql, ...values, tenant, id, number);
}

export function attemptsOf(step: Step, { tenant, id }: RowKey): Attempt[] {
  const sql = "SELECT * FROM {attempts} WHERE tenant = ? AND notification = ? ORDER BY number";
  return step.all(sql, tenant, id).map(attemptCodec.decode);
}
