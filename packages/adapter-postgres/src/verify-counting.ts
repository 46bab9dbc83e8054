import { findings } from "@milepost/core/store";
import type { Rules } from "./verify.js";

const counter = (alias: string) =>
  `'counter [' || to_json(${alias}.metric)::text || ',' || to_json(${alias}.subject)::text || ',' ||
    to_json(${alias}.period)::text || ']'`;
const ofCounter = (alias: string) =>
  `c.tenant = ${alias}.tenant AND c.metric = ${alias}.metric AND c.subject = ${alias}.subject AND c.period = ${alias}.period`;

/** As many notifications as its announcement counted; `kind` is what it is called as a source. */
const announced = (kind: "crossing" | "notice", table: string) => [
  {
    found: findings.notificationCount,
    sql: `SELECT k.tenant, '${kind} ' || k.id AS what FROM ${table} k WHERE {mine k} AND k.notifications <> (
      SELECT count(*) FROM {notifications} n
      WHERE n.tenant = k.tenant AND n.source_kind = '${kind}' AND n.source_id = k.id AND n.redrive = 0)`,
  },
  {
    found: findings.announcedToNobody,
    sql: `SELECT k.tenant, '${kind} ' || k.id AS what FROM ${table} k
      WHERE {mine k} AND (k.state = 'announced' AND k.notifications = 0 OR k.state = 'unaddressed' AND k.notifications > 0)`,
  },
];

export const countingRules: Rules = {
  I1: [
    {
      found: findings.keyTwice,
      sql: `SELECT k.tenant, 'crossing ' || min(k.id) AS what FROM {crossings} k WHERE {mine k}
        GROUP BY k.tenant, k.milestone, k.subject, k.period, k.threshold, k.limit_version, k.arming HAVING count(*) > 1`,
    },
    {
      found: findings.notReached,
      sql: `SELECT k.tenant, 'crossing ' || k.id AS what FROM {crossings} k
        WHERE {mine k} AND CASE k.direction WHEN 'rising' THEN k.value < k.at ELSE k.value > k.at END`,
    },
    {
      // a counter of a metric that could fall once may lie below what it was
      found: findings.counterBelow,
      sql: `SELECT k.tenant, 'crossing ' || k.id AS what FROM {crossings} k
        JOIN {definitions} d ON d.metric = k.metric
        JOIN {counters} c ON ${ofCounter("k")}
        WHERE {mine k} AND NOT d.decrements AND NOT d.gauge
          AND NOT d.former @> '["decrements=true"]'::jsonb AND NOT d.former @> '["gauge=true"]'::jsonb
          AND c.value < k.value`,
    },
  ],
  I2: [
    ...announced("crossing", "{crossings}"),
    ...announced("notice", "{notices}"),
    {
      found: findings.keyTwice,
      sql: `SELECT n.tenant, 'notification ' || min(n.id) AS what FROM {notifications} n WHERE {mine n}
        GROUP BY n.tenant, n.source_kind, n.source_id, n.channel, n.recipient_key, n.item_key, n.redrive
        HAVING count(*) > 1`,
    },
    {
      found: findings.redriveUnlinked,
      sql: `SELECT n.tenant, 'notification ' || n.id AS what FROM {notifications} n
        WHERE {mine n} AND CASE n.redrive WHEN 0 THEN n.redrive_of IS NOT NULL ELSE NOT EXISTS (
          SELECT FROM {notifications} b WHERE b.tenant = n.tenant AND b.id = n.redrive_of AND b.source_kind = n.source_kind
            AND b.source_id = n.source_id AND b.channel = n.channel AND b.recipient_key = n.recipient_key
            AND b.item_key = n.item_key AND b.redrive = n.redrive - 1) END`,
    },
  ],
  I3: [
    {
      found: findings.otherSum,
      sql: `SELECT c.tenant, ${counter("c")} AS what FROM {counters} c
        JOIN {definitions} d ON d.metric = c.metric
        LEFT JOIN (
          SELECT r.tenant, r.metric, r.subject, sum(r.amount)::bigint AS sum FROM {retained_events} r
          WHERE {mine r} GROUP BY r.tenant, r.metric, r.subject
        ) r ON r.tenant = c.tenant AND r.metric = c.metric AND r.subject = c.subject
        WHERE {mine c} AND c.period = 'lifetime' AND d.retain = 'events' AND d.event_retention IS NULL
          AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(d.former) AS f (setting)
            WHERE f.setting LIKE 'retain=%' OR f.setting LIKE 'eventRetention=%')
          AND c.value <> coalesce(r.sum, 0::bigint)`,
    },
    {
      found: findings.trailBroken,
      sql: `SELECT t.tenant, ${counter("t")} AS what FROM (
          SELECT t.tenant, t.metric, t.subject, t.period, t.rev, (t.from_value
              + coalesce((SELECT sum(a.amount) FROM unnest(t.amounts) AS a (amount)), 0::numeric)::bigint) AS value,
            lead(t.from_value) OVER (PARTITION BY t.tenant, t.metric, t.subject, t.period ORDER BY t.rev) AS next
          FROM {trail} t WHERE {mine t}
        ) t JOIN {counters} c ON ${ofCounter("t")}
        WHERE t.value <> coalesce(t.next, c.value) OR t.rev <= c.folded OR t.next IS NULL AND t.rev <> c.rev`,
    },
    {
      found: findings.dueWithoutTrail,
      sql: `SELECT c.tenant, ${counter("c")} AS what FROM {counters} c
        WHERE {mine c} AND c.due <> EXISTS (SELECT FROM {trail} t WHERE t.tenant = c.tenant AND t.metric = c.metric
          AND t.subject = c.subject AND t.period = c.period)`,
    },
  ],
};
