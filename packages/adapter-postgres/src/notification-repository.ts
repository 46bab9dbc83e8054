import type { Attempt, Notification, NotificationRepository, ReasonCount } from "@milepost/core/store";
import { rowKey, runBatch } from "./batch.js";
import type { Database, Value } from "./driver.js";
import { claimStep } from "./notification-claim.js";
import { decideStep } from "./notification-decide.js";
import { listSteps, madeBy } from "./notification-list.js";
import { markStep } from "./notification-mark.js";
import { type NotificationRow, notificationColumns, notificationOf } from "./notification-row.js";
import { settleStep } from "./notification-settle.js";
import { time } from "./values.js";

const release = `
WITH released AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1) AS s (n integer, tenant text, id text, fence bigint, "to" text,
    "retryIn" float8, refund boolean, reason text)
), locked AS MATERIALIZED (
  SELECT s.* FROM released s JOIN {notifications} r ON r.tenant = s.tenant AND r.id = s.id
  WHERE r.state = 'leased' AND r.fence = s.fence
  ORDER BY r.tenant, r.id
  FOR UPDATE OF r
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
  FROM (SELECT count(*) FROM locked) after_the_locks
)
UPDATE {notifications} r SET lease_until = NULL,
  state = CASE WHEN s."to" = 'failed' AND r.was_ambiguous THEN 'unknown' ELSE s."to" END,
  claims = r.claims - CASE WHEN s.refund THEN 1 ELSE 0 END,
  reason = s.reason,
  settled_at = CASE WHEN s."to" = 'failed' THEN step.now END,
  not_before = CASE WHEN s."to" = 'failed' THEN r.not_before ELSE step.now + s."retryIn" * interval '1 millisecond' END
FROM locked s CROSS JOIN step
WHERE r.tenant = s.tenant AND r.id = s.id
RETURNING s.n`;

// The clock is answered even where no row is overdue.
const overdue = `
WITH step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
)
SELECT step.now, ${notificationColumns} FROM step LEFT JOIN LATERAL (
  SELECT * FROM {notifications} r WHERE r.state IN ('leased', 'sending') AND r.lease_until <= step.now
  ORDER BY r.lease_until, r.id LIMIT $1) n ON true
ORDER BY n.lease_until, n.id`;

const expire = `
WITH step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
), late AS (
  SELECT r.tenant, r.id FROM {notifications} r WHERE r.state = 'pending' AND r.expires_at <= (SELECT now FROM step)
  ORDER BY r.expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
), unanswered AS (
  SELECT r.tenant, r.id FROM {notifications} r
  WHERE r.state = 'ambiguous' AND least(r.horizon_at, r.expires_at) <= (SELECT now FROM step)
  LIMIT $1 FOR UPDATE SKIP LOCKED
), ended AS (
  UPDATE {notifications} r SET lease_until = NULL, horizon_at = NULL, settled_at = (SELECT now FROM step),
    state = CASE WHEN r.was_ambiguous THEN 'unknown' ELSE 'expired' END,
    reason = CASE r.state WHEN 'pending' THEN 'expired' ELSE 'no_answer' END
  FROM (SELECT * FROM late UNION ALL SELECT * FROM unanswered LIMIT $1) e
  WHERE r.tenant = e.tenant AND r.id = e.id
  RETURNING r.state
)
SELECT count(*) FILTER (WHERE state = 'expired') AS expired, count(*) FILTER (WHERE state = 'unknown') AS unknown
FROM ended`;

const closed = `
WITH step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
)
SELECT step.now, ${notificationColumns} FROM step LEFT JOIN LATERAL (
  SELECT * FROM {notifications} r WHERE r.state = 'pending' AND r.open_until <= step.now
    AND (r.expires_at IS NULL OR r.expires_at > step.now)
  ORDER BY r.open_until, r.id LIMIT $1) n ON true
ORDER BY n.open_until, n.id`;

// Core's reopenMove, by the locked row.
const reopen = `
WITH opened AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1) AS s (n integer, tenant text, id text, closed timestamptz,
    "notBefore" timestamptz, "openUntil" timestamptz)
), locked AS MATERIALIZED (
  SELECT s.* FROM opened s JOIN {notifications} r ON r.tenant = s.tenant AND r.id = s.id
  WHERE r.state = 'pending' AND r.open_until = s.closed
  ORDER BY r.tenant, r.id
  FOR UPDATE OF r
)
UPDATE {notifications} r SET not_before = greatest(r.not_before, s."notBefore"), open_until = s."openUntil"
FROM locked s WHERE r.tenant = s.tenant AND r.id = s.id
RETURNING s.n`;

/** Rows beside the clock they were judged by, which is answered even where there is none. */
function judged(rows: readonly (NotificationRow & { readonly now: Date })[]): {
  readonly now: Date;
  readonly rows: readonly Notification[];
} {
  const found = rows.filter((row) => row.id !== null);
  return { now: rows[0]!.now, rows: found.map(({ now: _, ...row }) => notificationOf(row)) };
}

export function notificationRepository(database: Database): NotificationRepository {
  const releaseStatement = database.statement("notifications_release", release);
  const overdueStatement = database.statement("notifications_overdue", overdue);
  const closedStatement = database.statement("notifications_closed", closed);
  const reopenStatement = database.statement("notifications_reopen", reopen);
  const expireStatement = database.statement("notifications_expire", expire);

  const attempts = database.statement(
    "notifications_attempts",
    `SELECT tenant, notification, number, fence, started_at AS "startedAt", ended_at AS "endedAt", outcome, detail, slot
     FROM {attempts} WHERE tenant = $1 AND notification = $2 ORDER BY number`,
  );

  const count = database.statement(
    "notifications_count",
    `SELECT state, reason, count(*) AS count FROM {notifications} WHERE tenant = $1
     GROUP BY state, reason ORDER BY state COLLATE "C", reason COLLATE "C" NULLS FIRST`,
  );

  return {
    claim: claimStep(database),
    mark: markStep(database),
    settle: settleStep(database),

    async release({ releases, now }) {
      const released = await runBatch(database, releaseStatement, releases, rowKey, [time(now)]);
      return releases.map((_, n) => released.has(n));
    },

    overdue: async ({ limit, now }) => judged(await database.run(overdueStatement, [limit, time(now)])),
    closed: async ({ limit, now }) => judged(await database.run(closedStatement, [limit, time(now)])),

    async reopen({ openings }) {
      const reopened = await runBatch(database, reopenStatement, openings, rowKey, []);
      return openings.map((_, n) => reopened.has(n));
    },

    async expire({ limit, now }) {
      type Row = { readonly expired: number; readonly unknown: number };
      const [row] = await database.run<Row>(expireStatement, [limit, time(now)]);
      return row as Row;
    },

    decide: decideStep(database),

    ...listSteps(database),

    attempts: ({ tenant, notification }) => database.run<Attempt>(attempts, [tenant, notification]),

    count: ({ tenant }) => database.run(count, [tenant]),

    async reasons({ tenant, milestone, since, until }) {
      const values: Value[] = [tenant];
      const where = ["n.tenant = $1", "n.reason IS NOT NULL"];
      const value = (given: Value) => `$${values.push(given)}`;
      if (since !== undefined) where.push(`n.created_at >= ${value(time(since))}::timestamptz`);
      if (until !== undefined) where.push(`n.created_at < ${value(time(until))}::timestamptz`);
      if (milestone !== undefined) where.push(madeBy(value(milestone)));
      const statement = database.statement(
        "notifications_reasons",
        `SELECT n.reason, count(*) AS count FROM {notifications} n WHERE ${where.join(" AND ")}
         GROUP BY n.reason ORDER BY n.reason COLLATE "C"`,
      );
      return database.run<ReasonCount>(statement, values);
    },
  };
}
