import type { MarkResult, NotificationRepository } from "@milepost/core/store";
import { rowKey, runBatch } from "./batch.js";
import type { Database } from "./driver.js";
import { time } from "./values.js";

// Core's markMove as one statement. The locks are taken in the order lanes, notifications, each sorted, and everything
// that is decided by comes from the locked rows, which are read again as they are when their lock is granted. So does the
// clock: a mark that waited for a pause must not go by the time from before.
const text = `
WITH mark AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1) AS m (n integer, tenant text, id text, fence bigint, "messageId" text,
    "idempotencyKey" text, "payloadHash" text, payload jsonb)
), used AS (
  SELECT DISTINCT r.tenant, r.notifier FROM mark m JOIN {notifications} r ON r.tenant = m.tenant AND r.id = m.id
), lane AS MATERIALIZED (
  -- Reading the pause in the snapshot is not enough: such a mark goes through after the pause's commit.
  SELECT l.tenant, l.notifier, l.paused, l.not_before FROM {lanes} l
  JOIN used u ON u.tenant = l.tenant AND u.notifier = l.notifier
  ORDER BY l.tenant, l.notifier
  FOR SHARE OF l
), locked AS MATERIALIZED (
  SELECT r.* FROM mark m JOIN {notifications} r ON r.tenant = m.tenant AND r.id = m.id
  WHERE (SELECT count(*) FROM lane) >= 0 -- always true; lanes come first
  ORDER BY r.tenant, r.id
  FOR UPDATE OF r
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($3::timestamptz, clock_timestamp())) AS now
  FROM (SELECT count(*) FROM locked) after_the_locks
), held AS (
  SELECT l.tenant, l.notifier FROM lane l, step WHERE l.paused OR l.not_before > step.now
), decided AS MATERIALIZED (
  SELECT m.*, r.attempts, r.was_ambiguous, step.now,
    coalesce(r.key_until, step.now + r.key_lifetime::float8 * interval '1 millisecond') AS key_until,
    CASE
      WHEN r.fence <> m.fence THEN 'lost'
      WHEN r.state = 'sending' THEN 'again'
      WHEN r.state <> 'leased' THEN 'lost'
      WHEN r.expires_at <= step.now THEN 'expired'
      WHEN r.was_ambiguous AND r.key_until <= step.now THEN 'key_expired'
      WHEN r.payload_hash <> m."payloadHash" THEN 'payload_changed'
      WHEN r.not_before > step.now THEN 'deferred'
      WHEN (r.tenant, r.notifier) IN (SELECT tenant, notifier FROM held) THEN 'deferred'
      ELSE 'marked'
    END AS move,
    r.key_until AS key_until_before
  FROM mark m CROSS JOIN step
  JOIN locked r ON r.tenant = m.tenant AND r.id = m.id
), marked AS (
  UPDATE {notifications} r SET state = 'sending', attempts = r.attempts + 1, claims = 0,
    lease_until = d.now + $2::float8 * interval '1 millisecond', first_marked_at = coalesce(r.first_marked_at, d.now),
    key_until = d.key_until, message_id = coalesce(r.message_id, d."messageId"),
    idempotency_key = coalesce(r.idempotency_key, d."idempotencyKey"),
    payload_hash = coalesce(r.payload_hash, d."payloadHash"),
    payload = coalesce(r.payload, nullif(d.payload, 'null'))
  FROM decided d WHERE r.tenant = d.tenant AND r.id = d.id AND d.move = 'marked'
), attempted AS (
  INSERT INTO {attempts} (tenant, notification, number, fence, started_at)
  SELECT d.tenant, d.id, d.attempts + 1, d.fence, d.now FROM decided d WHERE d.move = 'marked'
), deferred AS (
  UPDATE {notifications} r SET state = 'pending', lease_until = NULL, claims = r.claims - 1
  FROM decided d WHERE r.tenant = d.tenant AND r.id = d.id AND d.move = 'deferred'
), refused AS (
  UPDATE {notifications} r SET reason = d.move, lease_until = NULL, settled_at = d.now, state = CASE
    WHEN d.was_ambiguous THEN 'unknown' WHEN d.move = 'expired' THEN 'expired' ELSE 'failed' END
  FROM decided d WHERE r.tenant = d.tenant AND r.id = d.id AND d.move IN ('expired', 'key_expired', 'payload_changed')
)
SELECT d.n, d.move, d.now, d.attempts, d.was_ambiguous,
  CASE d.move WHEN 'again' THEN d.key_until_before ELSE d.key_until END AS key_until
FROM decided d`;

interface Row {
  readonly n: number;
  readonly move: "lost" | "again" | "expired" | "key_expired" | "payload_changed" | "deferred" | "marked";
  readonly now: Date;
  /** Before the mark. */
  readonly attempts: number;
  readonly was_ambiguous: boolean;
  readonly key_until: Date | null;
}

export function markStep(database: Database): NotificationRepository["mark"] {
  const statement = database.statement("notifications_mark", text);
  return async ({ marks, lease, now }) => {
    const rows = await runBatch<(typeof marks)[number], Row>(database, statement, marks, rowKey, [lease, time(now)]);
    return marks.map((_, n) => resultOf(rows.get(n)));
  };
}

function resultOf(row: Row | undefined): MarkResult {
  switch (row?.move) {
    case "marked":
      return { result: "marked", attempt: row.attempts + 1, markedAt: row.now, keyUntil: row.key_until };
    case "again":
      return { result: "marked", attempt: row.attempts, markedAt: row.now, keyUntil: row.key_until };
    case "deferred":
      return { result: "deferred" };
    case "expired":
      return { result: "refused", state: row.was_ambiguous ? "unknown" : "expired", reason: row.move };
    case "key_expired":
    case "payload_changed":
      return { result: "refused", state: row.was_ambiguous ? "unknown" : "failed", reason: row.move };
    default:
      return { result: "lost" };
  }
}
