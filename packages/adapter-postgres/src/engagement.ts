import {
  type EngagementCounts,
  type EngagementInput,
  type FactCount,
  type StateCount,
  timeStep,
} from "@milepost/core/store";
import type { Database, Value } from "./driver.js";
import { textArray, time } from "./values.js";

/** What the counts are grouped by; `at` is the column with when a notification was queued. */
const keys: Readonly<Record<EngagementInput["by"], (alias: string, at: string) => string>> = {
  campaign: (alias) => `${alias}.campaign`,
  template: (alias) => `${alias}.template`,
  time: (alias, at) => `floor(date_part('epoch', ${alias}.${at}) / ${timeStep / 1_000})::bigint::text`,
};

interface Row {
  readonly key: string;
  readonly state: StateCount["state"];
  readonly redriven: boolean | null;
  readonly marks: number;
  readonly count: number;
  readonly opens: number;
  readonly clicks: number;
}

/**
 * One statement, and so of one moment. Two of its parts, without joins, have nearly all the rows, and of campaigns they read
 * only an index; the third is of facts whose notification was not `sent` when they were merged, and may be by now.
 */
export async function engagementStep(
  database: Database,
  { tenant, by, campaigns, from, to }: EngagementInput,
): Promise<EngagementCounts> {
  const values: Value[] = [tenant];
  const value = (given: Value) => `$${values.push(given)}`;
  const wanted = {
    campaigns: campaigns === undefined ? undefined : value(textArray(campaigns)),
    from: from === undefined ? undefined : value(time(from)),
    to: to === undefined ? undefined : value(time(to)),
  };
  const filter = (alias: string, at: string) => {
    const where = [`${alias}.tenant = $1`];
    // said beside the list too: the indexes of campaigns are of rows that have one
    if (by === "campaign" || campaigns !== undefined) where.push(`${alias}.campaign <> ''`);
    if (wanted.campaigns !== undefined) where.push(`${alias}.campaign = ANY (${wanted.campaigns}::text[])`);
    if (wanted.from !== undefined) where.push(`${alias}.${at} >= ${wanted.from}::timestamptz`);
    if (wanted.to !== undefined) where.push(`${alias}.${at} < ${wanted.to}::timestamptz`);
    return where.join(" AND ");
  };
  const sums = "count(*) AS count, sum(f.opens)::bigint AS opens, sum(f.clicks)::bigint AS clicks";
  const statement = database.statement(
    "engagement",
    `SELECT ${keys[by]("n", "created_at")} AS key, n.state, n.redrive > 0 AS redriven, 0 AS marks, count(*) AS count,
       0::bigint AS opens, 0::bigint AS clicks
     FROM {notifications} n WHERE ${filter("n", "created_at")} GROUP BY 1, 2, 3
     UNION ALL
     SELECT ${keys[by]("f", "queued_at")}, 'sent', NULL, f.marks, ${sums}
     FROM {delivery_facts} f WHERE ${filter("f", "queued_at")} AND f.settled GROUP BY 1, 4
     UNION ALL
     SELECT ${keys[by]("n", "created_at")}, n.state, NULL, f.marks, ${sums}
     FROM {delivery_facts} f JOIN {notifications} n ON n.tenant = f.tenant AND n.id = f.notification
     WHERE ${filter("f", "queued_at")} AND NOT f.settled GROUP BY 1, 2, 4`,
  );
  const rows = await database.run<Row>(statement, values);
  const states: StateCount[] = [];
  const facts: FactCount[] = [];
  for (const { key, state, redriven, marks, count, opens, clicks } of rows) {
    if (redriven === null) facts.push({ key, state, marks, count, opens, clicks });
    else states.push({ key, state, redriven, count });
  }
  return { states, facts };
}
