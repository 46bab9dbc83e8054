import type { CrossingRepository } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { time } from "./values.js";

// The crossing's own column is the count so far, re-read under its lock: counting the rows would read them by a snapshot
// from before the lock was granted.
const text = `
WITH locked AS MATERIALIZED (
  SELECT tenant, id, notifications FROM {crossings}
  WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'leased' FOR UPDATE
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($8::timestamptz, clock_timestamp())) AS now FROM locked
), notification AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($4) AS n (id text, source jsonb, channel text, "recipientKey" text, "itemKey" text,
    notifier text, mode text, "keyLifetime" bigint, recipient jsonb, template text, data jsonb, "maxAttempts" integer,
    "notBefore" timestamptz, "expiresAt" timestamptz)
), template AS (
  INSERT INTO {templates} (tenant, hash, content, created_at)
  SELECT l.tenant, t.key, t.value, step.now FROM locked l, step, jsonb_each($5::jsonb) t ORDER BY t.key COLLATE "C"
  ON CONFLICT DO NOTHING
), lane AS (
  INSERT INTO {lanes} (tenant, notifier)
  SELECT l.tenant, n.notifier FROM locked l, (SELECT DISTINCT notifier COLLATE "C" AS notifier FROM notification) n
  ORDER BY n.notifier
  ON CONFLICT DO NOTHING
), added AS (
  INSERT INTO {notifications} (tenant, id, source_kind, source_id, channel, recipient_key, item_key, notifier, mode,
    key_lifetime, recipient, template, data, max_attempts, not_before, expires_at, created_at)
  SELECT l.tenant, n.id, n.source ->> 'kind'::text, n.source ->> 'id'::text, n.channel, n."recipientKey", n."itemKey",
    n.notifier, n.mode, n."keyLifetime", n.recipient, n.template, n.data, n."maxAttempts",
    coalesce(n."notBefore", step.now), n."expiresAt", step.now
  FROM locked l, step, notification n
  ORDER BY n.source ->> 'kind'::text COLLATE "C", n.source ->> 'id'::text COLLATE "C", n.channel COLLATE "C",
    n."recipientKey" COLLATE "C", n."itemKey" COLLATE "C"
  ON CONFLICT ON CONSTRAINT {#notifications_once} DO NOTHING
  RETURNING source_kind, source_id
), total AS (
  SELECT l.tenant, l.id, l.notifications + (
    SELECT count(*) FROM added a WHERE a.source_kind = 'crossing' AND a.source_id = l.id) AS notifications
  FROM locked l
)
UPDATE {crossings} c SET
  notifications = t.notifications,
  state = CASE WHEN NOT $6 THEN 'leased' WHEN t.notifications > 0 THEN 'announced' ELSE 'unaddressed' END,
  reason = CASE WHEN NOT $6 THEN c.reason WHEN t.notifications > 0 THEN NULL ELSE 'unaddressed' END,
  detail = CASE WHEN NOT $6 THEN c.detail END,
  lease_until = CASE WHEN NOT $6 THEN step.now + $7::float8 * interval '1 millisecond' END
FROM total t, step
WHERE c.tenant = t.tenant AND c.id = t.id
RETURNING c.state, c.notifications`;

export function announceStep(database: Database): CrossingRepository["announce"] {
  const statement = database.statement("crossings_announce", text);
  return async ({ tenant, id, fence, notifications, templates, last, lease, now }) => {
    const added = notifications.map(({ notBefore, expiresAt, ...notification }) => ({
      ...notification,
      notBefore: time(notBefore),
      expiresAt: time(expiresAt),
    }));
    const values = [tenant, id, fence, JSON.stringify(added), JSON.stringify(templates), last, lease, time(now)];
    type Row = { readonly state: "leased" | "announced" | "unaddressed"; readonly notifications: number };
    const [row] = await database.run<Row>(statement, values);
    if (row === undefined) return { result: "lost", notifications: 0 };
    return { result: row.state === "leased" ? "continued" : row.state, notifications: row.notifications };
  };
}
