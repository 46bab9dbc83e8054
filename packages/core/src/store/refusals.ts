import type { Notification } from "../delivery/notification.js";
import { MilepostError } from "../errors.js";

// Refusals that only a store can find, in the same words from every store.

/** {@link DefinitionRepository.install}: another definition of a metric whose counters already run. */
export function definitionsChanged(metric: string): MilepostError {
  return new MilepostError(
    "definitions_changed",
    `The milestones on metric "${metric}" differ from the installed ones, and counters of it already run. ` +
      "Give the changed milestone a metric of its own, or deploy the code that installed them.",
    { path: metric },
  );
}

/** {@link CounterRepository.add}: a value would leave the safe integers. */
export function counterOverflow(cause?: unknown): MilepostError {
  return new MilepostError(
    "counter_overflow",
    `A counter would leave the safe integers (±${Number.MAX_SAFE_INTEGER}). Count in a larger unit.`,
    { path: "amount", cause },
  );
}

/** {@link NotificationRepository.decide}: no such row. */
export function notificationNotFound(id: string): MilepostError {
  return new MilepostError("not_found", `There is no notification ${id}`, { path: "id" });
}

/** {@link NotificationRepository.decide}: the unique key shows that the row was redriven before. */
export function redrivenTwice(row: Notification): MilepostError {
  return new MilepostError(
    "act_refused",
    `Notification ${row.id} was redriven before; redrive the row that came of it`,
  );
}
