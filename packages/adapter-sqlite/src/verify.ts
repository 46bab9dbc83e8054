import { setImmediate as nextTurn } from "node:timers/promises";
import { type InvariantId, type Look, type Store, type Violation, verifyReport } from "@milepost/core/store";
import type { Driver } from "./driver.js";
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

// One statement for each invariant, so that it looks at one moment. In WAL mode a read holds up no writer of another
// connection, but it is synchronous: this process does nothing else meanwhile, so a turn of the event loop lies between
// two. Postgres has no such turn to give.
export function verifyStep(driver: Driver): Store["verify"] {
  async function look(id: InvariantId, { tenant, limit, sweep, now }: Look): Promise<readonly Violation[]> {
    await nextTurn();
    const all = (rules[id] ?? []).map(({ found, sql }) => `SELECT tenant, what, '${found}' AS found FROM (${sql})`);
    const text = all
      .join(" UNION ALL ")
      .replace(/\{mine (\w+)\}/g, (_, alias: string) => (tenant === undefined ? "1" : `${alias}.tenant = @tenant`))
      .replaceAll("{late}", "@late");
    return driver.read((step) => {
      const late = new Date(step.now(now).getTime() - sweep).toISOString();
      const values = { limit, ...(tenant !== undefined && { tenant }), ...(text.includes("@late") && { late }) };
      return step.all(`${text} LIMIT @limit`, values) as unknown as Violation[];
    });
  }
  return (input = {}) => verifyReport(input, look);
}
