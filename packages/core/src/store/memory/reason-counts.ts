import type { Reason, ReasonCount } from "../../delivery/reason.js";
import { compareKeys } from "../../text-key.js";

/** The rows that have a reason, counted by it, in its order. */
export function reasonCounts(rows: readonly { readonly reason: Reason | null }[]): readonly ReasonCount[] {
  const counts = new Map<Reason, number>();
  for (const { reason } of rows) if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => compareKeys(a.reason, b.reason));
}
