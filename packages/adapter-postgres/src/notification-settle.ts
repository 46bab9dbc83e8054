import { type NotificationRepository, type Settlement, type SettleResult, settledLane } from "@milepost/core/store";
import { rowKey, runBatch, runBatchIn } from "./batch.js";
import type { Database } from "./driver.js";
import { laneLock } from "./gate-lock.js";
import { time } from "./values.js";

// Core's settleMove as one statement. A late result's attempt is locked too: one that waited for the sweep has to see the
// attempt that the sweep ended as ambiguous, not the open one of its snapshot. The others are spared: joining all of a
// batch's attempts back, whose number no plan can guess, was a third of the statement at 100 rows.
// Core's wasEmailed. Contacts are locked in the order of their ids, as whoever stores them does.
const emailed = `, written AS MATERIALIZED (
  SELECT c.tenant, c.id FROM {contacts} c
  WHERE (c.tenant, c.recipient_key) IN (SELECT d.tenant, d.recipient_key FROM decided d
    WHERE d.channel = 'email' AND ((d.result = 'settled' AND d.state = 'sent') OR (d.result = 'evidence' AND d.waits_for_evidence)))
  ORDER BY c.tenant, c.id
  FOR NO KEY UPDATE OF c
), emailed AS (
  UPDATE {contacts} c SET last_emailed_at = step.now FROM written w, step WHERE c.tenant = w.tenant AND c.id = w.id
)`;

const text = `
WITH settlement AS MATERIALIZED (
  SELECT s.n, s.tenant, s.id, s.fence, s.attempt, s."to", s.outcome, s.reason, s.detail, s.receipt, s.excused,
    s."retryIn" * interval '1 millisecond' AS retry_in, s."horizonIn" * interval '1 millisecond' AS horizon_in,
    nullif(s.payload, 'null') AS payload
  FROM jsonb_to_recordset($1) AS s (n integer, tenant text, id text, fence bigint, attempt integer, "to" text,
    outcome text, reason text, detail text, receipt text, "retryIn" float8, "horizonIn" float8, payload jsonb,
    excused boolean)
), locked AS MATERIALIZED (
  SELECT r.tenant, r.id, r.state, r.fence, r.cancel_requested, r.was_ambiguous, r.channel, r.recipient_key
  FROM settlement s
  JOIN {notifications} r ON r.tenant = s.tenant AND r.id = s.id
  ORDER BY r.tenant, r.id
  FOR UPDATE OF r
), late AS MATERIALIZED (
  SELECT s.n, a.fence, a.outcome FROM settlement s
  JOIN locked r ON r.tenant = s.tenant AND r.id = s.id
  JOIN {attempts} a ON a.tenant = r.tenant AND a.notification = r.id AND a.number = s.attempt
  WHERE r.state <> 'sending' OR r.fence <> s.fence
  ORDER BY a.tenant, a.notification, a.number
  FOR UPDATE OF a
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
  FROM (SELECT count(*) FROM locked) after_the_locks
), decided AS MATERIALIZED (
  SELECT s.*, step.now, r.state = 'ambiguous' AS waits_for_evidence,
    s."to" = 'pending' AND r.cancel_requested AS cancelled, r.channel, r.recipient_key,
    CASE
      WHEN s."to" <> 'pending' OR NOT r.cancel_requested THEN s."to"
      WHEN r.was_ambiguous OR s.outcome = 'ambiguous' THEN 'unknown'
      ELSE 'cancelled'
    END AS state,
    CASE
      WHEN r.state = 'sending' AND r.fence = s.fence THEN 'settled'
      WHEN s.outcome = 'accepted' AND a.fence = s.fence AND a.outcome = 'ambiguous' THEN 'evidence'
      ELSE 'lost'
    END AS result
  FROM settlement s CROSS JOIN step
  JOIN locked r ON r.tenant = s.tenant AND r.id = s.id
  LEFT JOIN late a ON a.n = s.n
), ended AS (
  UPDATE {attempts} a SET outcome = d.outcome, detail = d.detail,
    ended_at = CASE d.result WHEN 'settled' THEN d.now ELSE a.ended_at END
  FROM decided d
  WHERE a.tenant = d.tenant AND a.notification = d.id AND a.number = d.attempt AND d.result <> 'lost'
), settled AS (
  UPDATE {notifications} r SET
    state = d.state,
    reason = CASE WHEN d.cancelled THEN 'cancelled' ELSE d.reason END,
    detail = d.detail,
    fence = r.fence + CASE WHEN d.outcome = 'ambiguous' THEN 1 ELSE 0 END,
    lease_until = CASE WHEN d.state = 'ambiguous' THEN r.lease_until END,
    horizon_at = CASE WHEN d.state = 'ambiguous' THEN least(d.now + d.horizon_in, r.expires_at) END,
    not_before = CASE WHEN d.state = 'pending' THEN d.now + d.retry_in ELSE r.not_before END,
    was_ambiguous = r.was_ambiguous OR d.outcome = 'ambiguous',
    excused = r.excused + CASE WHEN d.excused THEN 1 ELSE 0 END,
    payload = CASE WHEN d.state = 'pending' THEN coalesce(r.payload, d.payload) ELSE r.payload END,
    receipt = CASE WHEN d.state = 'sent' THEN d.receipt END,
    settled_at = CASE WHEN d.state NOT IN ('pending', 'ambiguous') THEN d.now END
  FROM decided d WHERE r.tenant = d.tenant AND r.id = d.id AND d.result = 'settled'
), proven AS (
  UPDATE {notifications} r SET state = 'sent', reason = NULL, detail = NULL, lease_until = NULL, horizon_at = NULL,
    settled_at = d.now, receipt = d.receipt
  FROM decided d WHERE r.tenant = d.tenant AND r.id = d.id AND d.result = 'evidence' AND d.waits_for_evidence
)${emailed}
SELECT n, result FROM decided`;

export function settleStep(database: Database): NotificationRepository["settle"] {
  const statement = database.statement("notifications_settle", text);
  const lockLanes = laneLock(database);
  type Row = { readonly n: number; readonly result: SettleResult };

  return async ({ settlements, now }) => {
    if (!settlements.some(touchesLane)) {
      const rows = await runBatch<Settlement, Row>(database, statement, settlements, rowKey, [time(now)]);
      return settlements.map((_, n) => rows.get(n)?.result ?? "lost");
    }
    return database.transaction(async (run) => {
      // lanes before notifications, as a mark locks them
      const lanes = await lockLanes(run, settlements.filter(touchesLane), now);
      const numbered = settlements.map((settlement, n) => ({ ...settlement, n }));
      const rows = await runBatchIn<Settlement & { n: number }, Row>(run, statement, numbered, rowKey, [time(now)]);
      const results = settlements.map((_, n) => rows.get(n)?.result ?? "lost");
      settlements.forEach((settlement, n) => {
        if (results[n] !== "settled" || !touchesLane(settlement)) return;
        lanes.set(settlement, settledLane(lanes.of(settlement), settlement, lanes.now));
      });
      await lanes.store();
      return results;
    });
  };
}

function touchesLane({ slot, outcome, parkIn }: Settlement): boolean {
  return parkIn !== null || (slot !== null && (outcome === "refused_transient" || outcome === "refused_permanent"));
}
