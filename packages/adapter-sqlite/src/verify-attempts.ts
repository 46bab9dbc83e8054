import { callableStates, findings } from "@milepost/core/store";
import type { Rules } from "./verify.js";

const attempt = (alias: string) => `'attempt ' || ${alias}.number || ' of notification ' || ${alias}.notification`;
const ofAttempt = (alias: string) => `n.tenant = ${alias}.tenant AND n.id = ${alias}.notification`;
/** Two attempts of one notification. */
const together = (one: string, other: string) =>
  `${one}.tenant = ${other}.tenant AND ${one}.notification = ${other}.notification`;

const callable = callableStates.map((state) => `'${state}'`).join(", ");

/**
 * That the row `n` waits, and did so at the instant when its address was forbidden and it should have ended. It need not, and
 * is refused at its next mark, if it was being sent or ambiguous then, or was made later, as by a person's retry.
 */
const waitedAt = (at: string) => `n.state IN ('pending', 'leased') AND ${at} < {late}
  AND n.created_at < ${at}
  AND NOT EXISTS (SELECT 1 FROM {attempts} a WHERE ${ofAttempt("a")} AND (a.ended_at IS NULL OR a.ended_at >= ${at}))
  AND NOT EXISTS (SELECT 1 FROM {acts} t WHERE t.tenant = n.tenant AND t.entity = 'notification' AND t.entity_id = n.id
    AND t.act = 'resend' AND t.at >= ${at})`;

export const attemptRules: Rules = {
  I4: [
    {
      found: findings.openAttempt,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {attempts} a JOIN {notifications} n ON ${ofAttempt("a")}
        WHERE {mine a} AND CASE WHEN a.ended_at IS NOT NULL THEN a.outcome IS NULL
          ELSE a.outcome IS NOT NULL OR n.state <> 'sending' OR n.attempts <> a.number OR n.fence <> a.fence END`,
    },
    {
      found: findings.sendingUnopened,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n
        WHERE {mine n} AND n.state = 'sending' AND NOT EXISTS (
          SELECT 1 FROM {attempts} a WHERE ${ofAttempt("a")} AND a.ended_at IS NULL)`,
    },
  ],
  I5: [
    {
      found: findings.numbering,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n LEFT JOIN (
          SELECT a.tenant, a.notification, count(*) AS count, min(a.number) AS first, max(a.number) AS last
          FROM {attempts} a WHERE {mine a} GROUP BY a.tenant, a.notification
        ) a ON ${ofAttempt("a")}
        WHERE {mine n} AND (n.attempts <> coalesce(a.count, 0) OR a.first <> 1 OR a.last <> a.count)`,
    },
    {
      found: findings.fenceNotRising,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM (
          SELECT a.*, lag(a.fence) OVER (PARTITION BY a.tenant, a.notification ORDER BY a.number) AS before
          FROM {attempts} a WHERE {mine a}
        ) a WHERE a.fence <= a.before`,
    },
    {
      found: findings.fenceBelow,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {attempts} a JOIN {notifications} n ON ${ofAttempt("a")}
        WHERE {mine a} AND a.fence > n.fence`,
    },
    {
      found: findings.otherExcused,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n
        WHERE {mine n} AND n.excused <> 0 AND n.excused NOT BETWEEN 0 AND (
          SELECT count(*) FROM {attempts} a WHERE ${ofAttempt("a")} AND a.outcome = 'refused_transient')`,
    },
    {
      found: findings.impossibleTimes,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {attempts} a JOIN {notifications} n ON ${ofAttempt("a")}
        WHERE {mine a} AND (a.ended_at < a.started_at OR a.started_at < n.created_at)`,
    },
  ],
  I7: [
    {
      found: findings.repeated,
      sql: `SELECT b.tenant, ${attempt("b")} AS what FROM {notifications} n JOIN {attempts} b ON ${ofAttempt("b")}
        WHERE {mine n} AND n.mode = 'at-most-once' AND n.attempts > 1 AND EXISTS (
          SELECT 1 FROM {attempts} a WHERE ${together("a", "b")} AND a.number < b.number
            AND a.outcome IN ('accepted', 'ambiguous') AND NOT EXISTS (
              SELECT 1 FROM {acts} t WHERE t.tenant = a.tenant AND t.entity = 'notification' AND t.entity_id = a.notification
                AND t.act = 'resend' AND t.at >= a.ended_at AND t.at <= b.started_at))`,
    },
    {
      found: findings.keyExpired,
      sql: `SELECT b.tenant, ${attempt("b")} AS what FROM {notifications} n JOIN {attempts} b ON ${ofAttempt("b")}
        WHERE {mine n} AND n.mode = 'idempotent' AND n.attempts > 1 AND b.started_at >= n.key_until AND EXISTS (
          SELECT 1 FROM {attempts} a WHERE ${together("a", "b")} AND a.number < b.number AND a.outcome = 'ambiguous')`,
    },
    {
      found: findings.waitsToRepeat,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n
        WHERE {mine n} AND n.mode = 'at-most-once' AND n.attempts > 0 AND n.state IN (${callable}) AND EXISTS (
          SELECT 1 FROM {attempts} a WHERE ${ofAttempt("a")} AND a.ended_at IS NOT NULL
            AND a.outcome IN ('accepted', 'ambiguous') AND NOT EXISTS (
              SELECT 1 FROM {acts} t WHERE t.tenant = a.tenant AND t.entity = 'notification' AND t.entity_id = a.notification
                AND t.act = 'resend' AND t.at >= a.ended_at))`,
    },
    {
      // julianday() rounds: within a millisecond it may be either
      found: findings.keyTooLong,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n
        WHERE {mine n} AND n.mode = 'idempotent' AND n.attempts > 0 AND n.key_lifetime IS NOT NULL
          AND (n.key_until IS NULL OR (julianday(n.key_until) - julianday(n.first_marked_at)) * 86400000 > n.key_lifetime + 1)
          AND NOT EXISTS (SELECT 1 FROM {acts} t WHERE t.tenant = n.tenant AND t.entity = 'notification'
            AND t.entity_id = n.id AND t.act = 'resend')`,
    },
  ],
  I8: [
    {
      found: findings.sentWithoutEvidence,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n
        WHERE {mine n} AND n.state = 'sent'
          AND NOT EXISTS (SELECT 1 FROM {attempts} a WHERE ${ofAttempt("a")} AND a.outcome = 'accepted')
          AND NOT EXISTS (SELECT 1 FROM {acts} t WHERE t.tenant = n.tenant AND t.entity = 'notification'
            AND t.entity_id = n.id AND t.act = 'confirm')`,
    },
  ],
  I9: [
    {
      found: findings.mayHaveBeenSent,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n
        WHERE {mine n} AND n.state IN ('failed', 'expired', 'cancelled', 'suppressed') AND EXISTS (
          SELECT 1 FROM {attempts} a WHERE ${ofAttempt("a")} AND a.outcome IN ('accepted', 'ambiguous'))`,
    },
    {
      found: findings.ambiguityForgotten,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n
        WHERE {mine n} AND NOT n.was_ambiguous AND n.attempts > 0 AND EXISTS (
          SELECT 1 FROM {attempts} a WHERE ${ofAttempt("a")} AND a.outcome = 'ambiguous')`,
    },
  ],
  I11: [
    {
      found: findings.afterExpiry,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {attempts} a JOIN {notifications} n ON ${ofAttempt("a")}
        WHERE {mine a} AND a.started_at >= n.expires_at`,
    },
    {
      // they only close later: whenever an attempt started, they had not closed by then
      found: findings.afterHours,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {attempts} a JOIN {notifications} n ON ${ofAttempt("a")}
        WHERE {mine a} AND a.started_at >= n.open_until`,
    },
    {
      // while it is being sent its time is the one of its mark
      found: findings.beforeTime,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {attempts} a JOIN {notifications} n ON ${ofAttempt("a")}
        WHERE {mine a} AND n.state = 'sending' AND a.ended_at IS NULL AND a.started_at < n.not_before`,
    },
    {
      found: findings.afterCancel,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {attempts} a WHERE {mine a} AND EXISTS (
          SELECT 1 FROM {acts} t WHERE t.tenant = a.tenant AND t.entity = 'notification' AND t.entity_id = a.notification
            AND t.act = 'cancel' AND t.at < a.started_at)`,
    },
    {
      found: findings.afterSuppression,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {suppressions} s
        JOIN {notifications} n ON n.tenant = s.tenant AND n.recipient_key = s.recipient_key
          AND (s.scope = '*' OR s.scope = n.scope)
        JOIN {attempts} a ON ${ofAttempt("a")}
        WHERE {mine s} AND a.started_at > s.at`,
    },
    {
      found: findings.afterSuppression,
      sql: `SELECT a.tenant, ${attempt("a")} AS what FROM {consents} c
        JOIN {notifications} n ON n.tenant = c.tenant AND n.recipient_key = c.recipient_key AND n.needs_consent
          AND (c.scope = n.scope OR c.scope = '*' AND NOT EXISTS (SELECT 1 FROM {consents} o
            WHERE o.tenant = n.tenant AND o.recipient_key = n.recipient_key AND o.scope = n.scope))
        JOIN {attempts} a ON ${ofAttempt("a")}
        WHERE {mine c} AND c.granted = 0 AND a.started_at > c.at`,
    },
    {
      found: findings.waitsForbidden,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {suppressions} s
        JOIN {notifications} n ON n.tenant = s.tenant AND n.recipient_key = s.recipient_key
          AND (s.scope = '*' OR s.scope = n.scope)
        WHERE {mine s} AND ${waitedAt("s.at")}`,
    },
    {
      found: findings.waitsForbidden,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {consents} c
        JOIN {notifications} n ON n.tenant = c.tenant AND n.recipient_key = c.recipient_key AND n.needs_consent
          AND (c.scope = n.scope OR c.scope = '*' AND NOT EXISTS (SELECT 1 FROM {consents} o
            WHERE o.tenant = n.tenant AND o.recipient_key = n.recipient_key AND o.scope = n.scope))
        WHERE {mine c} AND c.granted = 0 AND ${waitedAt("c.at")}`,
    },
    {
      // Acts count in the order in which they were made, each not before the ones before it: the clock may have been set back.
      // Attempts and acts of a lane in one row of time, each attempt in the stretch of the act before it: looking up every
      // pause for every attempt takes minutes with a thousand of them. What was in a resume's millisecond may be either.
      found: findings.whilePaused,
      sql: `WITH turns AS (
          SELECT t.tenant, t.entity_id AS lane, t.act, t.number,
            max(t.at) OVER (PARTITION BY t.tenant, t.entity_id ORDER BY t.number) AS at
          FROM {acts} t WHERE {mine t} AND t.entity = 'lane' AND t.act IN ('pause', 'resume')
        )
        SELECT s.tenant, s.what FROM (
          SELECT g.*, first_value(g.act) OVER (PARTITION BY g.tenant, g.lane, g.stretch ORDER BY g.at, g.place) AS state
          FROM (
            SELECT e.*, count(e.act) OVER (PARTITION BY e.tenant, e.lane ORDER BY e.at, e.place) AS stretch FROM (
              SELECT t.tenant, t.lane, t.at, t.number AS place, t.act, NULL AS what FROM turns t
              UNION ALL
              SELECT a.tenant, n.notifier, a.started_at, 0, NULL, ${attempt("a")}
              FROM {attempts} a JOIN {notifications} n ON ${ofAttempt("a")}
              JOIN (SELECT DISTINCT t.tenant, t.lane FROM turns t WHERE t.act = 'pause') p
                ON p.tenant = n.tenant AND p.lane = n.notifier
              WHERE {mine a} AND NOT EXISTS ( -- one made in the lane of another account, before its row was moved on
                SELECT 1 FROM {acts} m WHERE m.tenant = a.tenant AND m.entity = 'notification' AND m.entity_id = a.notification
                  AND m.act = 'failover' AND m.at >= a.started_at)
            ) e
          ) g
        ) s WHERE s.what IS NOT NULL AND s.state = 'pause' AND NOT EXISTS (
          SELECT 1 FROM turns t WHERE t.tenant = s.tenant AND t.lane = s.lane AND t.act = 'resume' AND t.at = s.at)`,
    },
  ],
};
