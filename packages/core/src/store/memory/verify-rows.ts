import type { Notification } from "../../delivery/notification.js";
import { hasReasonToWait, hasShape } from "../../delivery/state-shape.js";
import { counterActId, counterKeyText } from "../tally.js";
import { findings, type Violation } from "../verify.js";
import { keyOf, type Tables } from "./tables.js";

const { shape, strayReason, negativeClaims, tooManyAttempts, heldAfterEnd, actAfterEnd, overdue, orphan } = findings;
const { unfrozen, messageIdTwice, idempotencyKeyTwice } = findings;

/** Invariants of each row by itself, and of a row and its parent. */

export function* shapeViolations(tables: Tables): Generator<Violation> {
  for (const row of tables.notifications.values()) {
    const { tenant, id } = row;
    const what = `notification ${id}`;
    if (!hasShape(row)) yield { tenant, what, found: shape };
    if (!hasReasonToWait(row)) yield { tenant, what, found: strayReason };
    if (row.claims < 0) yield { tenant, what, found: negativeClaims };
    if (row.attempts - row.excused > row.maxAttempts) yield { tenant, what, found: tooManyAttempts };
  }
}

export function* endViolations(tables: Tables): Generator<Violation> {
  for (const { tenant, id, settledAt, leaseUntil, horizonAt } of tables.notifications.values()) {
    const what = `notification ${id}`;
    if (settledAt === null) continue;
    if (leaseUntil !== null || horizonAt !== null) yield { tenant, what, found: heldAfterEnd };
    const changed = tables.acts.some(
      (act) =>
        act.tenant === tenant &&
        act.entity === "notification" &&
        act.entityId === id &&
        act.act !== "redrive" &&
        act.at > settledAt,
    );
    if (changed) yield { tenant, what, found: actAfterEnd };
  }
  for (const [kind, rows] of announced(tables)) {
    for (const { tenant, id, state, leaseUntil } of rows) {
      if (state !== "leased" && leaseUntil !== null) yield { tenant, what: `${kind} ${id}`, found: heldAfterEnd };
    }
  }
}

export function* overdueViolations(tables: Tables, sweep: number, now: Date = tables.clock()): Generator<Violation> {
  const late = (at: Date | null) => at !== null && at.getTime() < now.getTime() - sweep;
  const isOverdue = ({ state, leaseUntil, horizonAt, expiresAt, openUntil, notBefore }: Notification) => {
    if (state === "leased" || state === "sending") return late(leaseUntil);
    if (state === "ambiguous") return late(horizonAt) || late(expiresAt);
    // one that waits again only since its hours have closed has a later time
    return state === "pending" && (late(expiresAt) || (late(openUntil) && late(notBefore)));
  };
  for (const row of tables.notifications.values()) {
    if (isOverdue(row)) yield { tenant: row.tenant, what: `notification ${row.id}`, found: overdue };
  }
  for (const [kind, rows] of announced(tables)) {
    for (const { tenant, id, state, leaseUntil } of rows) {
      if (state === "leased" && late(leaseUntil)) yield { tenant, what: `${kind} ${id}`, found: overdue };
    }
  }
}

function announced(tables: Tables) {
  return [
    ["crossing", tables.crossings.values()],
    ["notice", tables.notices.values()],
  ] as const;
}

export function* frozenViolations(tables: Tables): Generator<Violation> {
  const messageIds = new Map<string, string>();
  const idempotencyKeys = new Map<string, string>();
  for (const row of tables.notifications.values()) {
    const { tenant, id, messageId, idempotencyKey, payloadHash, firstMarkedAt } = row;
    const what = `notification ${id}`;
    const frozen = [messageId, idempotencyKey, payloadHash, firstMarkedAt];
    if (!frozen.every((each) => (each !== null) === row.attempts > 0)) yield { tenant, what, found: unfrozen };
    if (messageId !== null) {
      const key = keyOf(tenant, messageId);
      if (messageIds.has(key)) yield { tenant, what, found: messageIdTwice };
      messageIds.set(key, id);
    }
    if (idempotencyKey !== null) {
      const key = keyOf(tenant, idempotencyKey);
      if (idempotencyKeys.has(key)) yield { tenant, what, found: idempotencyKeyTwice };
      idempotencyKeys.set(key, id);
    }
  }
}

export function* parentViolations(tables: Tables): Generator<Violation> {
  const { crossings, notices, notifications, templates, lanes, counters, subjects } = tables;
  for (const { tenant, id, source, template, notifier } of notifications.values()) {
    const sources = { crossing: crossings, notice: notices, campaign: undefined }[source.kind];
    const sound =
      (sources === undefined || sources.has(keyOf(tenant, source.id))) &&
      templates.has(keyOf(tenant, template)) &&
      lanes.has(keyOf(tenant, notifier));
    if (!sound) yield { tenant, what: `notification ${id}`, found: orphan };
  }
  for (const { tenant, notification, number } of tables.attempts.values()) {
    const what = `attempt ${number} of notification ${notification}`;
    if (!notifications.has(keyOf(tenant, notification))) yield { tenant, what, found: orphan };
  }
  for (const { tenant, id, crossing } of notices.values()) {
    if (!crossings.has(keyOf(tenant, crossing))) yield { tenant, what: `notice ${id}`, found: orphan };
  }
  for (const row of crossings.values()) {
    if (!counters.has(counterKeyText(row))) yield { tenant: row.tenant, what: `crossing ${row.id}`, found: orphan };
  }
  const uncounted = tables.retained
    .map(({ tenant, metric, subject }) => ({ tenant, metric, subject, period: "lifetime" }))
    .filter((key) => !counters.has(counterKeyText(key)));
  for (const [, key] of new Map(uncounted.map((each) => [counterKeyText(each), each]))) {
    yield { tenant: key.tenant, what: `events of counter ${counterActId(key)}`, found: orphan };
  }
  for (const row of tables.parked.values()) {
    const what = `parked counter ${counterActId(row)}`;
    if (!counters.has(counterKeyText(row))) yield { tenant: row.tenant, what, found: orphan };
  }
  for (const [key, { length }] of tables.members) {
    const [tenant, subject] = key.split("\0") as [string, string];
    if (length > 0 && !subjects.has(key)) yield { tenant, what: `members of subject ${subject}`, found: orphan };
  }
}
