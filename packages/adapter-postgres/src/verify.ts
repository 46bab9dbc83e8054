import { type InvariantId, type Look, type Store, type Violation, verifyReport } from "@milepost/core/store";
import type { Database, Value } from "./driver.js";
import { time } from "./values.js";
import { attemptRules } from "./verify-attempts.js";
import { countingRules } from "./verify-counting.js";
import { quotaRules } from "./verify-quotas.js";
import { rowRules } from "./verify-rows.js";
import { trackingRules } from "./verify-tracking.js";

/**
 * A query that answers what violates an invariant: `tenant` and `what`. Names are `{mine x}` for the condition that the
 * tenant of the table under the alias `x` is looked at, and `{late}` for the instant before which what is over is overdue.
 */
export interface Rule {
  readonly found: string;
  readonly sql: string;
}

export type Rules = Partial<Record<InvariantId, readonly Rule[]>>;

const rules: Rules = { ...countingRules, ...attemptRules, ...quotaRules, ...rowRules, ...trackingRules };

// One statement for each invariant, so that it looks at one moment: what a step writes together is seen together. It takes
// the lock of any SELECT, which only DDL and a definition's install wait for. The sum of its rules needs no order, so the
// limit ends it early where much is wrong.
export function verifyStep(database: Database): Store["verify"] {
  async function look(id: InvariantId, { tenant, limit, sweep, now }: Look): Promise<readonly Violation[]> {
    const values: Value[] = [limit];
    const value = (given: Value) => `$${values.push(given)}`;
    const own = tenant === undefined ? undefined : value(tenant);
    const all = (rules[id] ?? []).map(
      ({ found, sql }) => `SELECT tenant, what, '${found}' AS found FROM (${sql}) rule`,
    );
    const mine = all.join(" UNION ALL ").replace(/\{mine (\w+)\}/g, (_, alias: string) => {
      return own === undefined ? "true" : `${alias}.tenant = ${own}`;
    });
    const text = mine.includes("{late}") ? mine.replaceAll("{late}", lateBy(value(time(now)), value(sweep))) : mine;
    const statement = database.statement(`verify_${id}`, `SELECT * FROM (${text}) v LIMIT $1`);
    return database.run<Violation>(statement, values);
  }
  return (input = {}) => verifyReport(input, look);
}

function lateBy(now: string, sweep: string): string {
  return `(coalesce(${now}::timestamptz, clock_timestamp()) - ${sweep}::float8 * interval '1 millisecond')`;
}
