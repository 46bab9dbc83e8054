import { findings } from "@milepost/core/store";
import type { Rules } from "./verify.js";

/** When the limits of a lane were set last; attempts before may have been under others. */
const limitedSince = `coalesce((SELECT max(t.at) FROM {acts} t
  WHERE t.tenant = l.tenant AND t.entity = 'lane' AND t.entity_id = l.notifier AND t.act = 'limit'), '')`;
/** Attempts that the quotas of lanes count. */
const counted = `SELECT l.tenant, l.notifier, l.quota ->> 'count' AS allowed, l.quota ->> 'per' AS per, a.slot, a.started_at,
    a.started_at > l.limited_since AS limited
  FROM (SELECT l.*, ${limitedSince} AS limited_since FROM {lanes} l WHERE {mine l}) l
  JOIN {notifications} n ON n.tenant = l.tenant AND n.notifier = l.notifier
  JOIN {attempts} a ON a.tenant = n.tenant AND a.notification = n.id
  WHERE a.slot IS NOT NULL AND coalesce(a.outcome, '') NOT IN ('refused_transient', 'refused_permanent')`;
const bySlot = `SELECT c.tenant, c.notifier, c.slot, count(*) AS ever, count(*) FILTER (WHERE c.limited) AS limited
  FROM (${counted}) c GROUP BY c.tenant, c.notifier, c.slot`;
const used = "{lanes} l CROSS JOIN json_each(l.usage, '$.quota') u";

export const quotaRules: Rules = {
  I12: [
    {
      // by the attempts' own times and not by slots, which count a little more than allowed is; a range is of days, as
      // SQLite has no intervals
      found: findings.overQuota,
      sql: `SELECT DISTINCT w.tenant, 'lane ' || w.notifier AS what FROM (
          SELECT c.tenant, c.notifier, c.allowed, CASE c.per
            WHEN '24h' THEN count(*) OVER (PARTITION BY c.tenant, c.notifier ORDER BY julianday(c.started_at)
              RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)
            ELSE count(*) OVER (PARTITION BY c.tenant, c.notifier, c.slot) END AS started
          FROM (${counted}) c WHERE c.limited AND c.allowed IS NOT NULL
        ) w WHERE w.started > w.allowed`,
    },
    {
      found: findings.quotaUncounted,
      sql: `SELECT DISTINCT l.tenant, 'lane ' || l.notifier AS what FROM ${used}
        JOIN (${bySlot}) s ON s.tenant = l.tenant AND s.notifier = l.notifier AND s.slot = u.key
        WHERE u.value < s.limited`,
    },
    {
      found: findings.quotaUncounted,
      sql: `SELECT l.tenant, 'lane ' || l.notifier AS what FROM {lanes} l
        WHERE {mine l} AND l.quota IS NOT NULL AND l.usage -> '$.quota' = '{}' AND EXISTS (
          SELECT 1 FROM (${counted}) c WHERE c.tenant = l.tenant AND c.notifier = l.notifier AND c.limited)`,
    },
    {
      // attempts of forgotten subjects are gone
      found: findings.quotaSurplus,
      sql: `SELECT DISTINCT l.tenant, 'lane ' || l.notifier AS what FROM ${used}
        LEFT JOIN (${bySlot}) s ON s.tenant = l.tenant AND s.notifier = l.notifier AND s.slot = u.key
        WHERE {mine l} AND u.value > coalesce(s.ever, 0) AND NOT EXISTS (
          SELECT 1 FROM {acts} t WHERE t.tenant = l.tenant AND t.entity = 'subject' AND t.act = 'forget')`,
    },
  ],
};
