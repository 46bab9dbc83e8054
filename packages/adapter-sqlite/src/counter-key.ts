import type { CounterKey } from "@milepost/core/store";
import type { SqlRow } from "./driver.js";

export const byCounterKey = "tenant = ? AND metric = ? AND subject = ? AND period = ?";

export function counterKeyValues({ tenant, metric, subject, period }: CounterKey): [string, string, string, string] {
  return [tenant, metric, subject, period];
}

export function counterKeyOf(row: SqlRow): CounterKey {
  const { tenant, metric, subject, period } = row as unknown as CounterKey;
  return { tenant, metric, subject, period };
}
