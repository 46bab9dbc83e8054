import { findings } from "@milepost/core/store";
import type { Rules } from "./verify.js";

const allowed = "(l.quota ->> 'count'::text)::bigint";
/** When the limits of a lane were set last; attempts before may have been under others. */
const limitedSince = `coalesce((SELECT max(t.at) FROM {acts} t
  WHERE t.tenant = l.tenant AND t.entity = 'lane' AND t.entity_id = l.notifier AND t.act = 'limit'), '-infinity')`;
/** Attempts that the quotas of lanes count. */
const counted = `SELECT l.tenant, l.notifier, ${allowed} AS allowed, l.quota ->> 'per'::text AS per, a.slot, a.started_at,
    a.started_at > l.limited_since AS limited
  FROM (SELECT l.*, ${limitedSince} AS limited_since FROM {lanes} l WHERE {mine l}) l
  JOIN {notifications} n ON n.tenant = l.tenant AND n.notifier = l.notifier
  JOIN {attempts} a ON a.tenant = n.tenant AND a.notification = n.id
  WHERE a.slot IS NOT NULL AND coalesce(a.outcome, '') NOT IN ('refused_transient', 'refused_permanent')`;
const bySlot = `SELECT c.tenant, c.notifier, c.slot, count(*) AS ever, count(*) FILTER (WHERE c.limited) AS limited
  FROM (${counted}) c GROUP BY c.tenant, c.notifier, c.slot`;
const used = `{lanes} l CROSS JOIN LATERAL jsonb_each_text(l.usage -> 'quota'::text) AS u (slot, used)`;

export const quotaRules: Rules = {
  I12: [
    {
      // by the attempts' own times and not by slots, which count a little more than allowed is
      found: findings.overQuota,
      sql: `SELECT DISTINCT w.tenant, 'lane ' || w.notifier AS what FROM (
          SELECT c.tenant, c.notifier, c.allowed, CASE c.per
            WHEN '24h' THEN count(*) OVER (PARTITION BY c.tenant, c.notifier ORDER BY c.started_at
              RANGE BETWEEN interval '24 hours' PRECEDING AND CURRENT ROW)
            ELSE count(*) OVER (PARTITION BY c.tenant, c.notifier, c.slot) END AS started
          FROM (${counted}) c WHERE c.limited AND c.allowed IS NOT NULL
        ) w WHERE w.started > w.allowed`,
    },
    {
      found: findings.quotaUncounted,
      sql: `SELECT DISTINCT l.tenant, 'lane ' || l.notifier AS what FROM ${used}
        JOIN (${bySlot}) s ON s.tenant = l.tenant AND s.notifier = l.notifier AND s.slot = u.slot
        WHERE u.used::bigint < s.limited`,
    },
    {
      found: findings.quotaUncounted,
      sql: `SELECT l.tenant, 'lane ' || l.notifier AS what FROM {lanes} l
        WHERE {mine l} AND l.quota IS NOT NULL AND l.usage -> 'quota'::text = '{}'::jsonb AND EXISTS (
          SELECT FROM (${counted}) c WHERE c.tenant = l.tenant AND c.notifier = l.notifier AND c.limited)`,
    },
    {
      // attempts of forgotten subjects are gone
      found: findings.quotaSurplus,
      sql: `SELECT DISTINCT l.tenant, 'lane ' || l.notifier AS what FROM ${used}
        LEFT JOIN (${bySlot}) s ON s.tenant = l.tenant AND s.notifier = l.notifier AND s.slot = u.slot
        WHERE {mine l} AND u.used::bigint > coalesce(s.ever, 0::bigint) AND NOT EXISTS (
          SELECT FROM {acts} t WHERE t.tenant = l.tenant AND t.entity = 'subject' AND t.act = 'forget')`,
    },
  ],
};
