import { decideMove, type NotificationRepository, notificationNotFound, redrivenTwice } from "@milepost/core/store";
import { addressLock } from "./address-lock.js";
import type { Database } from "./driver.js";
import { type NotificationRow, notificationColumns, notificationOf } from "./notification-row.js";
import { time } from "./values.js";

// A person's act is rare, so it is read, decided by core's decideMove and written in one transaction.

const read = `
SELECT ${notificationColumns}, date_trunc('milliseconds', coalesce($3::timestamptz, clock_timestamp())) AS now
FROM {notifications} n WHERE n.tenant = $1 AND n.id = $2 FOR UPDATE`;

// Every field that a move may change, so that a new rule in core needs nothing here.
const patch = `
UPDATE {notifications} n SET state = p.state, reason = p.reason, detail = p.detail, not_before = p."notBefore",
  expires_at = p."expiresAt", open_until = p."openUntil", attempts = p.attempts, excused = p.excused,
  max_attempts = p."maxAttempts", claims = p.claims, fence = p.fence,
  lease_until = p."leaseUntil", horizon_at = p."horizonAt", first_marked_at = p."firstMarkedAt",
  key_until = p."keyUntil", message_id = p."messageId", idempotency_key = p."idempotencyKey",
  payload_hash = p."payloadHash", payload = p.payload, receipt = p.receipt, was_ambiguous = p."wasAmbiguous",
  cancel_requested = p."cancelRequested", settled_at = p."settledAt"
FROM jsonb_to_record($3) AS p (state text, reason text, detail text, "notBefore" timestamptz, "expiresAt" timestamptz,
  "openUntil" timestamptz, attempts integer, excused integer, "maxAttempts" integer, claims integer, fence bigint, "leaseUntil" timestamptz,
  "horizonAt" timestamptz, "firstMarkedAt" timestamptz, "keyUntil" timestamptz, "messageId" text,
  "idempotencyKey" text, "payloadHash" text, payload jsonb, receipt text, "wasAmbiguous" boolean,
  "cancelRequested" boolean, "settledAt" timestamptz)
WHERE n.tenant = $1 AND n.id = $2
RETURNING ${notificationColumns}`;

const redrive = `
INSERT INTO {notifications} AS n (tenant, id, source_kind, source_id, channel, recipient_key, item_key, redrive,
  redrive_of, notifier, mode, key_lifetime, recipient, template, data, max_attempts, scope, needs_consent,
  hours, open_until, campaign, sender, not_before, created_at)
SELECT r.tenant, $3, r.source_kind, r.source_id, r.channel, r.recipient_key, r.item_key, r.redrive + 1, r.id, r.notifier,
  r.mode, r.key_lifetime, r.recipient, r.template, r.data, r.max_attempts,
  r.scope, r.needs_consent, r.hours, r.open_until, r.campaign, r.sender, $4, $4
FROM {notifications} r WHERE r.tenant = $1 AND r.id = $2
ON CONFLICT ON CONSTRAINT {#notifications_once} DO NOTHING
RETURNING ${notificationColumns}`;

const act = `
INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'notification', $2, $3, $4, $5, $6)`;

export function decideStep(database: Database): NotificationRepository["decide"] {
  const readStatement = database.statement("notifications_decide_read", read);
  const patchStatement = database.statement("notifications_decide_patch", patch);
  const redriveStatement = database.statement("notifications_decide_redrive", redrive);
  const lockStatement = database.statement(
    "notifications_decide_lock",
    "SELECT pg_advisory_xact_lock_shared($1::bigint)",
  );
  const actStatement = database.statement("notifications_decide_act", act);
  const wakeStatement = database.statement("wake", `SELECT ${database.wakeIfAny("(SELECT 1) queued")}`);

  return ({ tenant, id, by, now: given, ...input }) =>
    database.transaction(async (run) => {
      // a new row, like those of an announcement, that a suppression might not see; and as there before notifications
      if (input.act === "redrive") await run(lockStatement, [addressLock(database, tenant)]);
      const [found] = await run<NotificationRow & { readonly now: Date }>(readStatement, [tenant, id, time(given)]);
      if (found === undefined) throw notificationNotFound(id);
      const { now, ...row } = notificationOf(found);
      const decision = decideMove(row, input, now);
      const [stored] =
        "redrive" in decision
          ? await run<NotificationRow>(redriveStatement, [tenant, id, decision.redrive.id, time(now)])
          : await run<NotificationRow>(patchStatement, [tenant, id, JSON.stringify({ ...row, ...decision.patch })]);
      if (stored === undefined) throw redrivenTwice(row);
      await run(actStatement, [tenant, id, input.act, by, input.why, time(now)]);
      if (stored.state === "pending") await run(wakeStatement);
      return notificationOf(stored);
    });
}
