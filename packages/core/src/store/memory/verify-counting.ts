import type { InstalledDefinition } from "../definition-repository.js";
import { counterActId, counterKeyText } from "../tally.js";
import { findings, type Violation } from "../verify.js";
import { crossingKeyText } from "./memory-crossings.js";
import { notificationKeyText } from "./memory-notifications.js";
import { type CounterRow, keyOf, type Tables } from "./tables.js";

const { keyTwice, notReached, counterBelow, notificationCount, announcedToNobody, redriveUnlinked } = findings;
const { otherSum, trailBroken, dueWithoutTrail } = findings;

/** Whether the metric's counters have never been able to fall. */
function onlyRises({ decrements, gauge, former }: InstalledDefinition): boolean {
  return !decrements && !gauge && !former.includes("decrements=true") && !former.includes("gauge=true");
}

/** Whether every event of the metric is retained. */
function retainsAll({ retain, eventRetention, former }: InstalledDefinition): boolean {
  const alwaysDid = !former.some((setting) => /^(retain|eventRetention)=/.test(setting));
  return retain === "events" && eventRetention === null && alwaysDid;
}

export function* crossingViolations(tables: Tables): Generator<Violation> {
  const keys = new Set<string>();
  for (const row of tables.crossings.values()) {
    const { tenant, metric, direction, value, at } = row;
    const what = `crossing ${row.id}`;
    const key = crossingKeyText(row);
    if (keys.has(key)) yield { tenant, what, found: keyTwice };
    keys.add(key);
    if (direction === "rising" ? value < at : value > at) yield { tenant, what, found: notReached };
    const counter = tables.counters.get(counterKeyText(row));
    const definition = tables.definitions.get(metric);
    const rises = definition !== undefined && onlyRises(definition);
    if (rises && counter !== undefined && counter.value < value) yield { tenant, what, found: counterBelow };
  }
}

export function* announcementViolations(tables: Tables): Generator<Violation> {
  const counts = new Map<string, number>();
  const keys = new Set<string>();
  for (const row of tables.notifications.values()) {
    const { tenant, id, source, redrive, redriveOf } = row;
    const what = `notification ${id}`;
    const key = notificationKeyText(row);
    if (keys.has(key)) yield { tenant, what, found: keyTwice };
    keys.add(key);
    if (redrive === 0) {
      const owner = keyOf(tenant, source.kind, source.id);
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    const before = redriveOf === null ? undefined : tables.notifications.get(keyOf(tenant, redriveOf));
    const linked = before !== undefined && notificationKeyText({ ...before, redrive }) === key;
    const follows = redrive === 0 ? redriveOf === null : linked && before.redrive === redrive - 1;
    if (!follows) yield { tenant, what, found: redriveUnlinked };
  }
  for (const kind of ["crossing", "notice"] as const) {
    const rows = kind === "crossing" ? tables.crossings : tables.notices;
    for (const { tenant, id, state, notifications } of rows.values()) {
      const what = `${kind} ${id}`;
      const stored = counts.get(keyOf(tenant, kind, id)) ?? 0;
      if (notifications !== stored) yield { tenant, what, found: notificationCount };
      const wrong = state === "announced" ? notifications === 0 : state === "unaddressed" && notifications > 0;
      if (wrong) yield { tenant, what, found: announcedToNobody };
    }
  }
}

export function* counterViolations(tables: Tables): Generator<Violation> {
  const sums = new Map<string, number>();
  for (const event of tables.retained) {
    const key = counterKeyText({ ...event, period: "lifetime" });
    sums.set(key, (sums.get(key) ?? 0) + event.amount);
  }
  for (const row of tables.counters.values()) {
    const { tenant, metric, period, due, trail } = row;
    const what = `counter ${counterActId(row)}`;
    const definition = tables.definitions.get(metric);
    const retained = period === "lifetime" && definition !== undefined && retainsAll(definition);
    if (retained && (sums.get(counterKeyText(row)) ?? 0) !== row.value) yield { tenant, what, found: otherSum };
    if (due !== trail.length > 0) yield { tenant, what, found: dueWithoutTrail };
    if (!leadsToValue(row)) yield { tenant, what, found: trailBroken };
  }
}

function leadsToValue({ trail, value, rev, folded }: CounterRow): boolean {
  return trail.every((row, i) => {
    const next = trail[i + 1];
    const end = row.amounts.reduce((sum, amount) => sum + amount, row.from);
    return row.rev > folded && end === (next?.from ?? value) && (next !== undefined || row.rev === rev);
  });
}
