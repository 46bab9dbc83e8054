import {
  callableStates,
  findings,
  keptReason,
  type ShapeField,
  type StateShape,
  stateShapes,
  terminalStates,
} from "@milepost/core/store";
import type { Rules } from "./verify.js";

const notification = "'notification ' || n.id AS what FROM {notifications} n";

/** How a field that is set, or is not, is seen in its column. */
const columns: Readonly<Record<ShapeField, readonly [set: string, unset: string]>> = {
  reason: ["n.reason IS NOT NULL", "n.reason IS NULL"],
  attempts: ["n.attempts <> 0", "n.attempts = 0"],
  claims: ["n.claims <> 0", "n.claims = 0"],
  leaseUntil: ["n.lease_until IS NOT NULL", "n.lease_until IS NULL"],
  horizonAt: ["n.horizon_at IS NOT NULL", "n.horizon_at IS NULL"],
  receipt: ["n.receipt IS NOT NULL", "n.receipt IS NULL"],
  wasAmbiguous: ["n.was_ambiguous", "NOT n.was_ambiguous"],
  settledAt: ["n.settled_at IS NOT NULL", "n.settled_at IS NULL"],
};

function hasShape(shape: StateShape): string {
  const fields = Object.entries(shape) as [ShapeField, boolean][];
  return fields.map(([field, isSet]) => columns[field][isSet ? 0 : 1]).join(" AND ");
}

const shaped = Object.entries(stateShapes).map(([state, shape]) => `WHEN '${state}' THEN ${hasShape(shape)}`);
const terminal = terminalStates.map((state) => `'${state}'`).join(", ");
const callable = callableStates.map((state) => `'${state}'`).join(", ");

/** Rows of a table whose parent is not in their tenant; `p` is the parent. */
const orphans = (what: string, from: string, where: string, parent: string, is: string) => ({
  found: findings.orphan,
  sql: `SELECT x.tenant, ${what} AS what FROM ${from} x
    WHERE {mine x} AND ${where} AND NOT EXISTS (SELECT FROM ${parent} p WHERE p.tenant = x.tenant AND ${is})`,
});
const counterText = (period: string) =>
  `'counter [' || to_json(x.metric)::text || ',' || to_json(x.subject)::text || ',' || ${period} || ']'`;
const isCounter = "p.metric = x.metric AND p.subject = x.subject AND p.period = x.period";
const ofNotification = "'notification ' || x.id";

export const rowRules: Rules = {
  I6: [
    {
      found: findings.shape,
      sql: `SELECT n.tenant, ${notification} WHERE {mine n} AND NOT CASE n.state ${shaped.join(" ")} ELSE false END`,
    },
    {
      found: findings.strayReason,
      sql: `SELECT n.tenant, ${notification} WHERE {mine n} AND n.state IN (${callable})
        AND n.reason IS NOT NULL AND NOT (n.reason = '${keptReason}' AND n.was_ambiguous)`,
    },
    {
      found: findings.negativeClaims,
      sql: `SELECT n.tenant, ${notification} WHERE {mine n} AND n.claims < 0`,
    },
    {
      found: findings.tooManyAttempts,
      sql: `SELECT n.tenant, ${notification} WHERE {mine n} AND n.attempts - n.excused > n.max_attempts`,
    },
  ],
  I10: [
    {
      found: findings.heldAfterEnd,
      sql: `SELECT n.tenant, ${notification}
        WHERE {mine n} AND n.state IN (${terminal}) AND (n.lease_until IS NOT NULL OR n.horizon_at IS NOT NULL)`,
    },
    {
      found: findings.heldAfterEnd,
      sql: `SELECT k.tenant, 'crossing ' || k.id AS what FROM {crossings} k
        WHERE {mine k} AND k.state <> 'leased' AND k.lease_until IS NOT NULL`,
    },
    {
      found: findings.heldAfterEnd,
      sql: `SELECT k.tenant, 'notice ' || k.id AS what FROM {notices} k
        WHERE {mine k} AND k.state <> 'leased' AND k.lease_until IS NOT NULL`,
    },
    {
      found: findings.actAfterEnd,
      sql: `SELECT n.tenant, ${notification} WHERE {mine n} AND n.settled_at IS NOT NULL AND EXISTS (
          SELECT FROM {acts} t WHERE t.tenant = n.tenant AND t.entity = 'notification' AND t.entity_id = n.id
            AND t.act <> 'redrive' AND t.at > n.settled_at)`,
    },
    {
      found: findings.attemptAfterEnd,
      sql: `SELECT a.tenant, 'attempt ' || a.number::text || ' of notification ' || a.notification AS what
        FROM {attempts} a JOIN {notifications} n ON n.tenant = a.tenant AND n.id = a.notification
        WHERE {mine a} AND (a.started_at > n.settled_at OR a.ended_at > n.settled_at)`,
    },
  ],
  I13: [
    {
      found: findings.overdue,
      sql: `SELECT n.tenant, ${notification}
        WHERE {mine n} AND n.state IN ('leased', 'sending') AND n.lease_until < {late}`,
    },
    {
      found: findings.overdue,
      sql: `SELECT n.tenant, ${notification}
        WHERE {mine n} AND n.state = 'ambiguous' AND least(n.horizon_at, n.expires_at) < {late}`,
    },
    {
      found: findings.overdue,
      sql: `SELECT n.tenant, ${notification} WHERE {mine n} AND n.state = 'pending' AND n.expires_at < {late}`,
    },
    {
      // one that waits again only since its hours have closed has a later time
      found: findings.overdue,
      sql: `SELECT n.tenant, ${notification}
        WHERE {mine n} AND n.state = 'pending' AND n.open_until < {late} AND n.not_before < {late}`,
    },
    {
      found: findings.overdue,
      sql: `SELECT k.tenant, 'crossing ' || k.id AS what FROM {crossings} k
        WHERE {mine k} AND k.state = 'leased' AND k.lease_until < {late}`,
    },
    {
      found: findings.overdue,
      sql: `SELECT k.tenant, 'notice ' || k.id AS what FROM {notices} k
        WHERE {mine k} AND k.state = 'leased' AND k.lease_until < {late}`,
    },
  ],
  I15: [
    orphans(ofNotification, "{notifications}", "x.source_kind = 'crossing'", "{crossings}", "p.id = x.source_id"),
    orphans(ofNotification, "{notifications}", "x.source_kind = 'notice'", "{notices}", "p.id = x.source_id"),
    orphans(ofNotification, "{notifications}", "true", "{templates}", "p.hash = x.template"),
    orphans(ofNotification, "{notifications}", "true", "{lanes}", "p.notifier = x.notifier"),
    orphans(
      "'attempt ' || x.number::text || ' of notification ' || x.notification",
      ...(["{attempts}", "true", "{notifications}", "p.id = x.notification"] as const),
    ),
    orphans("'notice ' || x.id", "{notices}", "true", "{crossings}", "p.id = x.crossing"),
    orphans("'crossing ' || x.id", "{crossings}", "true", "{counters}", isCounter),
    orphans(`'trail of ' || ${counterText("to_json(x.period)::text")}`, "{trail}", "true", "{counters}", isCounter),
    orphans(`'parked ' || ${counterText("to_json(x.period)::text")}`, "{parked}", "true", "{counters}", isCounter),
    orphans(
      `'events of ' || ${counterText(`'"lifetime"'`)}`,
      "(SELECT DISTINCT tenant, metric, subject FROM {retained_events})",
      "true",
      ...(["{counters}", "p.metric = x.metric AND p.subject = x.subject AND p.period = 'lifetime'"] as const),
    ),
    orphans(
      "'members of subject ' || x.subject",
      "(SELECT DISTINCT tenant, subject FROM {members})",
      "true",
      ...(["{subjects}", "p.id = x.subject"] as const),
    ),
  ],
  I16: [
    {
      found: findings.unfrozen,
      sql: `SELECT n.tenant, ${notification} WHERE {mine n} AND (
        (n.message_id IS NOT NULL) <> (n.attempts > 0) OR (n.idempotency_key IS NOT NULL) <> (n.attempts > 0)
        OR (n.payload_hash IS NOT NULL) <> (n.attempts > 0) OR (n.first_marked_at IS NOT NULL) <> (n.attempts > 0))`,
    },
    {
      found: findings.messageIdTwice,
      sql: `SELECT n.tenant, 'notification ' || max(n.id) AS what FROM {notifications} n
        WHERE {mine n} AND n.message_id IS NOT NULL GROUP BY n.tenant, n.message_id HAVING count(*) > 1`,
    },
    {
      found: findings.idempotencyKeyTwice,
      sql: `SELECT n.tenant, 'notification ' || max(n.id) AS what FROM {notifications} n
        WHERE {mine n} AND n.idempotency_key IS NOT NULL GROUP BY n.tenant, n.idempotency_key HAVING count(*) > 1`,
    },
  ],
};
