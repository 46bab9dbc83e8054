import type { Attempt } from "../../delivery/notification.js";
import { findings, type Violation } from "../verify.js";
import { keyOf, type Tables } from "./tables.js";

const { overQuota, quotaUncounted, quotaSurplus } = findings;
const day = 86_400_000;

/** An attempt that its lane's quota counts, and whether it was under the limits that hold now. */
interface Counted {
  readonly slot: string;
  readonly at: number;
  readonly limited: boolean;
}

/**
 * The window of the last 24 hours is looked at from each attempt, by its time, and not by slots: they count a little more
 * than allowed is. Attempts under earlier limits may have been more. Those of forgotten subjects are gone, so a tenant
 * that has forgotten some may have used more than is known.
 */
export function* quotaViolations(tables: Tables): Generator<Violation> {
  const counted = countedAttempts(tables);
  for (const { tenant, notifier, quota, usage } of tables.lanes.values()) {
    const what = `lane ${notifier}`;
    const own = counted.get(keyOf(tenant, notifier)) ?? [];
    const limited = own.filter((attempt) => attempt.limited);
    if (quota !== null) {
      const together = ({ at, slot }: Counted) =>
        limited.filter((other) => (quota.per === "24h" ? other.at <= at && other.at >= at - day : other.slot === slot));
      if (limited.some((attempt) => together(attempt).length > quota.count)) yield { tenant, what, found: overQuota };
    }
    const used = Object.entries(usage.quota);
    const of = (attempts: readonly Counted[], slot: string) => attempts.filter((each) => each.slot === slot).length;
    const missing = quota !== null && used.length === 0 && limited.length > 0;
    if (missing || used.some(([slot, n]) => n < of(limited, slot))) yield { tenant, what, found: quotaUncounted };
    const forgot = tables.acts.some((act) => act.tenant === tenant && act.entity === "subject" && act.act === "forget");
    if (!forgot && used.some(([slot, n]) => n > of(own, slot))) yield { tenant, what, found: quotaSurplus };
  }
}

/** By lane. */
function countedAttempts(tables: Tables): ReadonlyMap<string, readonly Counted[]> {
  const limitedSince = new Map<string, Date>();
  for (const { tenant, entity, entityId, act, at } of tables.acts) {
    if (entity === "lane" && act === "limit") limitedSince.set(keyOf(tenant, entityId), at);
  }
  const lanes = new Map<string, Counted[]>();
  const refused = ({ outcome }: Attempt) => outcome === "refused_transient" || outcome === "refused_permanent";
  for (const attempt of tables.attempts.values()) {
    const { tenant, notification, slot, startedAt } = attempt;
    const row = tables.notifications.get(keyOf(tenant, notification));
    if (slot === null || row === undefined || refused(attempt)) continue;
    const lane = keyOf(tenant, row.notifier);
    const since = limitedSince.get(lane);
    const limited = since === undefined || startedAt > since;
    lanes.set(lane, [...(lanes.get(lane) ?? []), { slot, at: startedAt.getTime(), limited }]);
  }
  return lanes;
}
