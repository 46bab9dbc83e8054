import type { Notification } from "../delivery/notification.js";
import { MilepostError } from "../errors.js";

// Refusals that only a store can find, in the same words from every store.

/** {@link CounterRepository.add}: a value, or what a gauge's value differs by, would leave the safe integers. */
export function counterOverflow(cause?: unknown): MilepostError {
  return new MilepostError(
    "counter_overflow",
    `A counter, or the step of a gauge, would leave the safe integers (±${Number.MAX_SAFE_INTEGER}). Count in a larger unit.`,
    { path: "amount", cause },
  );
}

/** {@link NotificationRepository.decide}: no such row. */
export function notificationNotFound(id: string): MilepostError {
  return new MilepostError("not_found", `There is no notification ${id}`, { path: "id" });
}

/** {@link CampaignRepository}: no such campaign. */
export function campaignNotFound(id: string): MilepostError {
  return new MilepostError("not_found", `There is no campaign "${id}"`, { path: "id" });
}

/** {@link RecurrenceRepository}: no such recurrence. */
export function recurrenceNotFound(id: string): MilepostError {
  return new MilepostError("not_found", `There is no recurrence "${id}"`, { path: "id" });
}

/** {@link TemplateRepository}: no such template, or no such version of it. */
export function templateNotFound(name: string, version?: number): MilepostError {
  if (version === undefined) return new MilepostError("not_found", `There is no template "${name}"`, { path: "name" });
  return new MilepostError("not_found", `There is no version ${version} of a template "${name}"`, { path: "version" });
}

/** {@link NotificationRepository.decide}: the unique key shows that the row was redriven before. */
export function redrivenTwice(row: Notification): MilepostError {
  return new MilepostError("act_refused", `Notification ${row.id} was retried before; retry the row that came of it`);
}

/** {@link CrossingRepository.commitEvaluation}: effects in a store that runs none. */
export function noEffects(): MilepostError {
  return new MilepostError("unsupported", "This store cannot run statements of the host. Nothing was stored.");
}

/** {@link InboxRepository.enqueue}: the host's transaction is not open, or takes nothing: `why`. `expected` is a command. */
export function noTransaction(
  expected: string,
  why: string = "There is no open transaction to record in",
): MilepostError {
  return new MilepostError("no_transaction", `${why}: ${expected}. Nothing was stored.`, { path: "tx", expected });
}
