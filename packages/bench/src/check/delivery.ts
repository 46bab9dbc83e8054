import type { DeliveryMode, Notification } from "@milepost/core";
import type { Verdict } from "../scenario/verdict.js";
import type { SinkLine } from "../sink/sink-log.js";
import type { Tables } from "./tables.js";

export interface DeliveryExpectation {
  readonly mode: DeliveryMode;
  /** Notifications that each crossing must have; by its subject, where they differ. */
  readonly recipients: number | ((subject: string) => number);
  /** Calls that may have been under way when a process was killed: so many outcomes may be unknown. */
  readonly inFlightAtKills: number;
  readonly maxAttempts: number;
}

/**
 * Notifications against crossings, and the sink's own log against the notifications.
 *
 * - lost: not at the sink, although no stored reason says why
 * - unexpected: at the sink without a notification
 * - duplicated: copies at the sink beyond the first
 * - recovered: taken over from a process that died, and then announced or sent
 * - ambiguous: nobody can know whether the sink has it, and the row says so
 */
export function checkDelivery(
  { crossings, notifications }: Tables,
  lines: readonly SinkLine[],
  wanted: DeliveryExpectation,
  verdict: Verdict,
): void {
  const perCrossing = countBy(notifications, ({ source }) => source.id);
  const rows = new Map(notifications.map((row) => [row.id, row]));
  const copies = countBy(lines, ({ notification }) => notification);
  const count = (test: (row: Notification) => boolean) => notifications.filter(test).length;

  const { recipients } = wanted;
  const told = (subject: string) => (typeof recipients === "number" ? recipients : recipients(subject));
  const expected = crossings.reduce((sum, { subject }) => sum + told(subject), 0);
  verdict.exactly("notifications", notifications.length, expected);
  const orphans = crossings.filter(({ id, subject }) => (perCrossing.get(id) ?? 0) !== told(subject));
  verdict.exactly("orphans", orphans.length, 0);
  verdict.exactly("unannounced", crossings.filter(({ state }) => state !== "announced").length, 0);
  verdict.exactly(
    "unfinished",
    count(({ state }) => ["pending", "leased", "sending"].includes(state)),
    0,
  );
  verdict.note(
    "sent",
    count(({ state }) => state === "sent"),
  );
  verdict.note("sinkLines", lines.length);

  const unsaid = (row: Notification) => !["ambiguous", "unknown", "failed"].includes(row.state) || row.reason === null;
  const missing = notifications.filter(({ id }) => !copies.has(id));
  const lost = wanted.mode === "at-most-once" ? missing.filter(unsaid) : missing;
  verdict.exactly("lost", lost.length, 0);
  verdict.exactly("sentNotInSink", missing.filter(({ state }) => state === "sent").length, 0);
  verdict.exactly("unexpected", [...copies.keys()].filter((id) => !rows.has(id)).length, 0);
  verdict.exactly(
    "failed",
    count(({ state }) => ["failed", "expired", "cancelled", "suppressed"].includes(state)),
    0,
  );

  const duplicated = lines.length - copies.size;
  if (wanted.mode === "at-most-once") verdict.exactly("duplicated", duplicated, 0);
  else {
    verdict.atMost("duplicated", duplicated, wanted.inFlightAtKills);
    const unexplained = [...copies].filter(([id, n]) => n > Math.min(rows.get(id)?.attempts ?? 0, wanted.maxAttempts));
    verdict.exactly("copiesWithoutAttempt", unexplained.length, 0);
  }
  const strange = lines.filter((line) => rows.get(line.notification)?.messageId !== line.messageId);
  verdict.exactly("otherMessageId", strange.length, 0);

  const takenOver = (row: Notification) => row.state === "sent" && row.fence > 1;
  verdict.note(
    "recovered",
    count(takenOver) + crossings.filter((c) => c.state === "announced" && c.attempts > 1).length,
  );
  verdict.atMost(
    "ambiguous",
    count(({ state }) => state === "ambiguous" || state === "unknown"),
    wanted.inFlightAtKills,
  );
}

function countBy<Row>(rows: readonly Row[], key: (row: Row) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(key(row), (counts.get(key(row)) ?? 0) + 1);
  return counts;
}
