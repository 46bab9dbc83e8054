import type { NotificationRepository } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { type ClaimedRow, notificationColumns, notificationOf } from "./notification-row.js";
import { textArray, time } from "./values.js";

// Everything reads the partial index (tenant, notifier, campaign, not_before, id) of pending rows. `line` hops from one line
// that has any to the next, the rows of one lane and one campaign or of none: lanes without work, and the rows behind a
// closed gate, cost nothing. `share` finds without locking how much of each line belongs to this claim, by turns between
// lanes and by time within one; then exactly that much is locked, and where another claim was first, the rows behind its.
const ready = `r.state = 'pending' AND r.not_before <= (SELECT now FROM step)
  AND (r.expires_at IS NULL OR r.expires_at > (SELECT now FROM step))
  AND (r.open_until IS NULL OR r.open_until > (SELECT now FROM step))`;
/** Of a campaign `c`: whether it lets nothing through, as core's gateOf(); null for a row of none. */
export const isShutCampaign = "(c.state NOT IN ('sending', 'completed') OR NOT c.loaded OR c.changing IS NOT NULL)";

const text = `
WITH RECURSIVE step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($5::timestamptz, clock_timestamp())) AS now
), line AS (
  (SELECT r.tenant, r.notifier, r.campaign FROM {notifications} r WHERE r.state = 'pending'
    ORDER BY r.tenant, r.notifier, r.campaign LIMIT 1)
  UNION ALL
  SELECT next.tenant, next.notifier, next.campaign FROM line, LATERAL (
    SELECT r.tenant, r.notifier, r.campaign FROM {notifications} r
    WHERE r.state = 'pending' AND (r.tenant, r.notifier, r.campaign) > (line.tenant, line.notifier, line.campaign)
    ORDER BY r.tenant, r.notifier, r.campaign LIMIT 1) next
), usable AS (
  SELECT a.tenant, a.notifier, a.campaign FROM line a
  LEFT JOIN {lanes} l ON l.tenant = a.tenant AND l.notifier = a.notifier
  LEFT JOIN {campaigns} c ON c.tenant = a.tenant AND c.id = a.campaign
  WHERE (a.notifier = ANY ($1::text[])
      OR (a.notifier LIKE '%/%' AND split_part(a.notifier, '/', 1) = ANY ($6::text[])))
    AND l.paused IS NOT TRUE AND ${isShutCampaign} IS NOT TRUE
    AND (l.not_before IS NULL OR l.not_before <= (SELECT now FROM step))
    AND (c.not_before IS NULL OR c.not_before <= (SELECT now FROM step))
), served AS (
  SELECT * FROM jsonb_to_recordset($3) AS s (tenant text, notifier text, count bigint)
), head AS (
  SELECT u.tenant, u.notifier, u.campaign, r.not_before, r.id,
    row_number() OVER (PARTITION BY u.tenant, u.notifier ORDER BY r.not_before, r.id) AS place
  FROM usable u, LATERAL (
    SELECT r.not_before, r.id FROM {notifications} r
    WHERE r.tenant = u.tenant AND r.notifier = u.notifier AND r.campaign = u.campaign AND ${ready}
    ORDER BY r.not_before, r.id LIMIT $2::integer) r
), share AS (
  SELECT first.tenant, first.notifier, first.campaign, count(*) AS rows FROM (
    SELECT h.tenant, h.notifier, h.campaign FROM head h
    LEFT JOIN served s ON s.tenant = h.tenant AND s.notifier = h.notifier
    ORDER BY h.place + coalesce(s.count, 0), h.not_before, h.id LIMIT $2::integer) first
  GROUP BY first.tenant, first.notifier, first.campaign
), taken AS MATERIALIZED (
  SELECT t.tenant, t.id, coalesce(s.count, 0)
    + row_number() OVER (PARTITION BY t.tenant, t.notifier ORDER BY t.not_before, t.id) AS turn
  FROM (
    SELECT t.* FROM share s, LATERAL (
      SELECT r.tenant, r.notifier, r.id, r.not_before FROM {notifications} r
      WHERE r.tenant = s.tenant AND r.notifier = s.notifier AND r.campaign = s.campaign AND ${ready}
      ORDER BY r.not_before, r.id LIMIT s.rows FOR UPDATE SKIP LOCKED) t
    LIMIT $2::integer -- of which there are no more
  ) t
  LEFT JOIN served s ON s.tenant = t.tenant AND s.notifier = t.notifier
), claimed AS (
  UPDATE {notifications} r SET state = 'leased', fence = r.fence + 1, claims = r.claims + 1,
    lease_until = (SELECT now FROM step) + $4::float8 * interval '1 millisecond'
  -- As arrays, of which the planner expects few: of the shares' unknown limits it expects a tenth of the table each, and
  -- would read all of it: 1.5 s a claim with 1,000,000 pending rows.
  FROM ROWS FROM (unnest(ARRAY(SELECT t.tenant FROM taken t)), unnest(ARRAY(SELECT t.id FROM taken t)),
    unnest(ARRAY(SELECT t.turn FROM taken t))) AS t (tenant, id, turn)
  WHERE r.tenant = t.tenant AND r.id = t.id
  RETURNING r.*, t.turn
)
SELECT ${notificationColumns}, t.content
FROM claimed n JOIN {templates} t ON t.tenant = n.tenant AND t.hash = n.template
ORDER BY n.turn, n.not_before, n.id`;

export function claimStep(database: Database): NotificationRepository["claim"] {
  const statement = database.statement("notifications_claim", text);
  return async ({ notifiers, families = [], limit, served, lease, now }) => {
    const values = [textArray(notifiers), limit, JSON.stringify(served), lease, time(now), textArray(families)];
    return (await database.run<ClaimedRow>(statement, values)).map(notificationOf);
  };
}
