import type { CounterKey, CounterRepository, IdleCounter } from "@milepost/core/store";
import { counterKeyOf } from "./counter-key.js";
import type { SqlRow, Step } from "./driver.js";

type IdleInput = Parameters<CounterRepository["idle"]>[0];
type IdlePage = Awaited<ReturnType<CounterRepository["idle"]>>;

/** Tenants that one call looks into at most, since any number may have none of the metric: 20 us each. */
export const tenantsPerCall = 200;

const ofTenant = `SELECT * FROM {counters}
  WHERE tenant = ? AND metric = ? AND (subject, period) > (?, ?) ORDER BY subject, period LIMIT ?`;
const nextTenant = "SELECT tenant FROM {counters} WHERE tenant > ? ORDER BY tenant LIMIT 1";

/**
 * From tenant to tenant, each found by one seek and looked into by another: tenants lead the key, so a metric's counters
 * lie together only within each. A further index, on metric first, would be paid for by every birth of a counter.
 */
export function idleCounters(step: Step, { metric, generation, after, limit }: IdleInput): IdlePage {
  const looked: SqlRow[] = [];
  const page = (next: CounterKey | null): IdlePage => ({
    counters: looked.filter((row) => row.due === 0 && (row.generation as number) < generation).map(idleCounterOf),
    next,
  });
  /** Before all of a tenant's counters of the metric, since no part of a key is empty. */
  const startOf = (tenant: string): CounterKey => ({ tenant, metric, subject: "", period: "" });
  const startAfter = (tenant: string): CounterKey | undefined => {
    const row = step.get(nextTenant, tenant);
    return row && startOf(row.tenant as string);
  };

  let at = after ?? startAfter("");
  for (let tenants = 0; at !== undefined; tenants++) {
    if (tenants === tenantsPerCall) return page(at);
    const { tenant, subject, period } = at;
    looked.push(...step.all(ofTenant, tenant, metric, subject, period, limit - looked.length));
    if (looked.length === limit) return page(counterKeyOf(looked.at(-1) as SqlRow));
    at = startAfter(tenant);
  }
  return page(null);
}

function idleCounterOf(row: SqlRow): IdleCounter {
  return {
    ...counterKeyOf(row),
    value: row.value as number,
    rev: row.rev as number,
    folded: row.folded as number,
    generation: row.generation as number,
    state: JSON.parse(row.state as string) as IdleCounter["state"],
  };
}
