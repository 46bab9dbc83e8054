import type { EngagementCounts, EngagementInput, FactCount, StateCount } from "@milepost/core/store";
import { timeStep } from "@milepost/core/store";
import { allOf, list } from "./conditions.js";
import type { Step } from "./driver.js";

/** What the counts are grouped by; `at` is the column with when a notification was queued. */
const keys: Readonly<Record<EngagementInput["by"], (alias: string, at: string) => string>> = {
  campaign: (alias) => `${alias}.campaign`,
  template: (alias) => `${alias}.template`,
  time: (alias, at) => `CAST(unixepoch(${alias}.${at}) / ${timeStep / 1_000} AS TEXT)`,
};

/** Three queries of one snapshot; two of them, without joins, have nearly all the rows and read only an index of campaigns. */
export function engagementStep(step: Step, { tenant, by, campaigns, from, to }: EngagementInput): EngagementCounts {
  const ofCampaigns = by === "campaign" || campaigns !== undefined;
  const filter = (alias: string, at: string) => {
    const { where, values } = allOf([
      [`${alias}.tenant = ?`, tenant],
      [`${alias}.campaign IN (SELECT value FROM json_each(?))`, list(campaigns)],
      [`${alias}.${at} >= ?`, from?.toISOString()],
      [`${alias}.${at} < ?`, to?.toISOString()],
    ]);
    return { where: ofCampaigns ? `${where} AND ${alias}.campaign <> ''` : where, values };
  };
  const ofRows = filter("n", "created_at");
  const states = step.all(
    `SELECT ${keys[by]("n", "created_at")} AS key, n.state, n.redrive > 0 AS redriven, count(*) AS count
     FROM {notifications} n WHERE ${ofRows.where} GROUP BY 1, 2, 3`,
    ...ofRows.values,
  );
  const ofFacts = filter("f", "queued_at");
  const sums = "count(*) AS count, sum(f.opens) AS opens, sum(f.clicks) AS clicks";
  const settled = step.all(
    `SELECT ${keys[by]("f", "queued_at")} AS key, 'sent' AS state, f.marks, ${sums}
     FROM {delivery_facts} f WHERE ${ofFacts.where} AND f.settled = 1 GROUP BY 1, 3`,
    ...ofFacts.values,
  );
  // those whose notification was not `sent` when they were merged may be by now, and their template another
  const unsettled = step.all(
    `SELECT ${keys[by]("n", "created_at")} AS key, n.state, f.marks, ${sums}
     FROM {delivery_facts} f CROSS JOIN {notifications} n ON n.tenant = f.tenant AND n.id = f.notification
     WHERE ${ofFacts.where} AND f.settled = 0 GROUP BY 1, 2, 3`,
    ...ofFacts.values,
  );
  return {
    states: states.map((row) => ({ ...row, redriven: row.redriven === 1 })) as unknown as StateCount[],
    facts: [...settled, ...unsettled] as unknown as FactCount[],
  };
}
