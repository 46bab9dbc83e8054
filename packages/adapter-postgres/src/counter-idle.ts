import type { CounterRepository, IdleCounter } from "@milepost/core/store";
import type { Database } from "./driver.js";

/**
 * Walks the primary key from tenant to tenant and takes what each has of the metric: two looks into the index per tenant,
 * so the rows of other metrics, which lie between, are never read. An index with the metric in front would be simpler, but
 * every counter that is born would pay for it, and the sweep runs once per edit of a metric.
 *
 * It ends after `limit` counters, or after $6 tenants, because most of them may have none of the metric. The recursion carries
 * what is left of the limit and keeps each tenant's rows together: a join from the tenants to their rows would have to
 * sort up to tenants times limit of them.
 */
const text = `
WITH RECURSIVE visit AS (
  SELECT 1 AS step, $2::text COLLATE "C" AS tenant, $5::bigint AS left_over, of_tenant.*
  FROM (${looked("$2", "AND (c.subject, c.period) > ($3, $4)", "$5")}) of_tenant
  UNION ALL
  SELECT v.step + 1, t.tenant, v.left_over - v.looked, of_tenant.*
  FROM visit v
  CROSS JOIN LATERAL (SELECT c.tenant FROM {counters} c WHERE c.tenant > v.tenant ORDER BY c.tenant LIMIT 1) t
  CROSS JOIN LATERAL (${looked("t.tenant", "", "v.left_over - v.looked")}) of_tenant
  WHERE v.left_over > v.looked AND v.step <= $6
)
SELECT step, tenant, looked, last_subject AS "lastSubject", last_period AS "lastPeriod", idle
FROM visit WHERE looked > 0 OR step > $6 ORDER BY step`;

/** One tenant's counters of the metric, up to a limit, as one row: how many, which was last, and those that are idle. */
function looked(tenant: string, after: string, limit: string): string {
  return `
    SELECT count(*) AS looked, (array_agg(r.subject ORDER BY r.subject DESC, r.period DESC))[1] AS last_subject,
      (array_agg(r.period ORDER BY r.subject DESC, r.period DESC))[1] AS last_period,
      json_agg(json_build_object('tenant', r.tenant, 'metric', r.metric, 'subject', r.subject, 'period', r.period,
        'value', r.value, 'rev', r.rev, 'folded', r.folded, 'generation', r.generation, 'state', r.state)
        ORDER BY r.subject, r.period) FILTER (WHERE NOT r.due AND r.generation < $7) AS idle
    FROM (
      SELECT * FROM {counters} c WHERE c.tenant = ${tenant} AND c.metric = $1 ${after}
      ORDER BY c.subject, c.period LIMIT ${limit}
    ) r`;
}

interface VisitRow {
  readonly step: number;
  readonly tenant: string;
  readonly looked: number;
  readonly lastSubject: string | null;
  readonly lastPeriod: string | null;
  readonly idle: readonly IdleCounter[] | null;
}

/** Tenants that one call looks into at most, of which any number may have none of the metric. */
const tenantsPerCall = 500;

export function idleStep(database: Database): CounterRepository["idle"] {
  const statement = database.statement("counters_idle", text);
  return async ({ metric, generation, after, limit }) => {
    // No part of a key is empty, so "" is before each.
    const from = [after?.tenant ?? "", after?.subject ?? "", after?.period ?? ""];
    const values = [metric, ...from, limit, tenantsPerCall, generation];
    const visits = await database.run<VisitRow>(statement, values);
    const counters = visits.flatMap(({ idle }) => idle ?? []);
    const full = visits.reduce((sum, visit) => sum + visit.looked, 0) === limit;
    const last = visits.at(-1);
    if (last === undefined || !(full || last.step > tenantsPerCall)) return { counters, next: null };
    const { tenant, lastSubject, lastPeriod } = last;
    return { counters, next: { tenant, metric, subject: lastSubject ?? "", period: lastPeriod ?? "" } };
  };
}
