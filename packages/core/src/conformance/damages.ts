import { type Finding, findings, type InvariantId } from "../store/verify.js";

/** What a hand, or a bug, does to the rows of `soundHistory()`, and the one invariant that does not hold then. */
export interface Damage {
  readonly invariant: InvariantId;
  readonly found: Finding;
  /** With tables as `{notifications}`. */
  readonly sql: string;
  /** The table whose unique key must be gone, so that the database does not refuse it. */
  readonly withoutKey?: "crossings" | "notifications";
}

const never = "'2000-01-01T00:00:00.000Z'";
const later = "'2099-01-01T00:00:00.000Z'";
/** Rows that wait and were never tried, as if they were made before `never`. */
const longWaiting = `UPDATE {notifications} SET created_at = '1999-01-01T00:00:00.000Z' WHERE state = 'pending' AND attempts = 0`;
const act = (entity: string, id: string, name: string, at: string) =>
  `INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) SELECT tenant, '${entity}', ${id}, '${name}', 'x', 'y', ${at}`;
const twiceTried = "(SELECT notification FROM {attempts} WHERE number = 2)";

/** One for each thing that `verify()` can find, for a store over an SQL database; each to be done to a fresh history. */
export const damages: readonly Damage[] = [
  {
    ...{ invariant: "I1", found: findings.keyTwice, withoutKey: "crossings" },
    sql: "UPDATE {crossings} SET threshold = '1' WHERE milestone = 'first'",
  },
  { invariant: "I1", found: findings.notReached, sql: "UPDATE {crossings} SET at = value + 1" },
  { invariant: "I1", found: findings.counterBelow, sql: "UPDATE {crossings} SET value = value + 1000" },
  {
    ...{ invariant: "I2", found: findings.notificationCount },
    sql: "DELETE FROM {notifications} WHERE state = 'pending' AND attempts = 0",
  },
  { invariant: "I2", found: findings.announcedToNobody, sql: "UPDATE {crossings} SET state = 'unaddressed'" },
  {
    ...{ invariant: "I2", found: findings.keyTwice, withoutKey: "notifications" },
    sql: "UPDATE {notifications} SET recipient_key = 'x'",
  },
  {
    ...{ invariant: "I2", found: findings.redriveUnlinked },
    sql: "UPDATE {notifications} SET redrive_of = NULL WHERE redrive = 1",
  },
  { invariant: "I3", found: findings.otherSum, sql: "DELETE FROM {retained_events} WHERE place = 3" },
  { invariant: "I3", found: findings.trailBroken, sql: "UPDATE {trail} SET from_value = from_value + 1" },
  { invariant: "I3", found: findings.dueWithoutTrail, sql: "DELETE FROM {trail}" },
  {
    ...{ invariant: "I4", found: findings.openAttempt },
    sql: "UPDATE {attempts} SET ended_at = NULL, outcome = NULL WHERE outcome = 'refused_permanent'",
  },
  {
    ...{ invariant: "I4", found: findings.sendingUnopened },
    sql: "UPDATE {attempts} SET ended_at = started_at, outcome = 'refused_transient' WHERE ended_at IS NULL",
  },
  {
    ...{ invariant: "I5", found: findings.numbering },
    sql: "UPDATE {attempts} SET number = 7 WHERE outcome = 'refused_permanent'",
  },
  {
    ...{ invariant: "I5", found: findings.fenceNotRising },
    sql: `UPDATE {attempts} SET fence = 99 WHERE number = 1 AND notification IN ${twiceTried}`,
  },
  {
    ...{ invariant: "I5", found: findings.fenceBelow },
    sql: "UPDATE {notifications} SET fence = 0 WHERE state = 'failed'",
  },
  {
    ...{ invariant: "I5", found: findings.otherExcused },
    sql: "UPDATE {notifications} SET excused = 1 WHERE state = 'sent'",
  },
  {
    ...{ invariant: "I5", found: findings.otherExcused },
    sql: "UPDATE {notifications} SET excused = -1 WHERE state = 'sent'",
  },
  {
    ...{ invariant: "I5", found: findings.impossibleTimes },
    sql: `UPDATE {attempts} SET ended_at = ${never} WHERE outcome = 'refused_permanent'`,
  },
  {
    ...{ invariant: "I5", found: findings.impossibleTimes },
    sql: `UPDATE {attempts} SET started_at = ${never} WHERE outcome = 'refused_permanent'`,
  },
  {
    ...{ invariant: "I6", found: findings.shape },
    sql: "UPDATE {notifications} SET state = 'strange' WHERE state = 'pending'",
  },
  {
    ...{ invariant: "I6", found: findings.shape },
    sql: "UPDATE {notifications} SET settled_at = NULL WHERE state = 'failed'",
  },
  {
    ...{ invariant: "I6", found: findings.strayReason },
    sql: "UPDATE {notifications} SET reason = 'cancelled' WHERE state = 'pending'",
  },
  {
    ...{ invariant: "I6", found: findings.strayReason },
    sql: "UPDATE {notifications} SET reason = 'lease_over' WHERE state = 'sending'",
  },
  {
    ...{ invariant: "I6", found: findings.negativeClaims },
    sql: "UPDATE {notifications} SET claims = -1 WHERE state = 'pending'",
  },
  {
    ...{ invariant: "I6", found: findings.tooManyAttempts },
    sql: "UPDATE {notifications} SET max_attempts = 1 WHERE attempts = 2",
  },
  { invariant: "I7", found: findings.repeated, sql: "DELETE FROM {acts} WHERE act = 'resend'" },
  {
    ...{ invariant: "I7", found: findings.keyExpired },
    sql: "UPDATE {notifications} SET key_until = first_marked_at WHERE mode = 'idempotent'",
  },
  {
    ...{ invariant: "I7", found: findings.waitsToRepeat },
    sql: "UPDATE {notifications} SET state = 'pending', reason = NULL, lease_until = NULL, horizon_at = NULL WHERE state = 'ambiguous'",
  },
  {
    ...{ invariant: "I7", found: findings.waitsToRepeat },
    sql: "UPDATE {notifications} SET state = 'pending', receipt = NULL, settled_at = NULL WHERE state = 'sent' AND mode = 'at-most-once' AND attempts = 1 AND NOT was_ambiguous",
  },
  {
    ...{ invariant: "I7", found: findings.keyTooLong },
    sql: "UPDATE {notifications} SET key_until = NULL WHERE mode = 'idempotent'",
  },
  {
    ...{ invariant: "I7", found: findings.keyTooLong },
    sql: `UPDATE {notifications} SET key_until = ${later} WHERE mode = 'idempotent'`,
  },
  {
    ...{ invariant: "I8", found: findings.sentWithoutEvidence },
    sql: "UPDATE {attempts} SET outcome = 'refused_permanent' WHERE outcome = 'accepted' AND number = 1 AND slot IS NULL",
  },
  { invariant: "I8", found: findings.sentWithoutEvidence, sql: "DELETE FROM {acts} WHERE act = 'confirm'" },
  {
    ...{ invariant: "I9", found: findings.mayHaveBeenSent },
    sql: "UPDATE {attempts} SET outcome = 'ambiguous' WHERE outcome = 'refused_permanent'",
  },
  {
    ...{ invariant: "I9", found: findings.ambiguityForgotten },
    sql: "UPDATE {notifications} SET was_ambiguous = false WHERE state = 'sent'",
  },
  {
    ...{ invariant: "I10", found: findings.heldAfterEnd },
    sql: "UPDATE {notifications} SET lease_until = created_at WHERE state = 'failed'",
  },
  { invariant: "I10", found: findings.heldAfterEnd, sql: "UPDATE {crossings} SET lease_until = created_at" },
  {
    ...{ invariant: "I10", found: findings.attemptAfterEnd },
    sql: `UPDATE {attempts} SET ended_at = ${later} WHERE outcome = 'refused_permanent'`,
  },
  {
    ...{ invariant: "I10", found: findings.actAfterEnd },
    sql: `${act("notification", "id", "confirm", later)} FROM {notifications} WHERE state = 'failed'`,
  },
  {
    ...{ invariant: "I11", found: findings.afterExpiry },
    sql: "UPDATE {notifications} SET expires_at = created_at WHERE state = 'sent'",
  },
  {
    ...{ invariant: "I11", found: findings.afterHours },
    sql: "UPDATE {notifications} SET open_until = created_at WHERE state = 'sent'",
  },
  {
    ...{ invariant: "I11", found: findings.beforeTime },
    sql: `UPDATE {notifications} SET not_before = ${later} WHERE state = 'sending'`,
  },
  {
    ...{ invariant: "I11", found: findings.afterCancel },
    sql: `${act("notification", "id", "cancel", never)} FROM {notifications} WHERE state = 'sent'`,
  },
  {
    ...{ invariant: "I11", found: findings.whilePaused },
    sql: `${act("lane", "notifier", "pause", never)} FROM {lanes} WHERE notifier = 'mail'`,
  },
  {
    ...{ invariant: "I11", found: findings.afterSuppression },
    sql: `INSERT INTO {suppressions} (tenant, recipient_key, scope, reason, by, at)
      SELECT tenant, recipient_key, '*', 'manual', 'x', ${never} FROM {notifications}
      WHERE id = (SELECT min(id) FROM {notifications} WHERE state = 'sent')`,
  },
  {
    ...{ invariant: "I11", found: findings.waitsForbidden },
    sql: `${longWaiting};
      INSERT INTO {suppressions} (tenant, recipient_key, scope, reason, by, at)
      SELECT tenant, recipient_key, scope, 'manual', 'x', ${never} FROM {notifications} WHERE state = 'pending' AND attempts = 0`,
  },
  {
    ...{ invariant: "I11", found: findings.waitsForbidden },
    sql: `${longWaiting};
      INSERT INTO {consents} (tenant, recipient_key, scope, granted, source, by, at)
      SELECT tenant, recipient_key, '*', false, 'x', 'x', ${never} FROM {notifications}
      WHERE state = 'pending' AND attempts = 0;
      UPDATE {notifications} SET needs_consent = true WHERE state = 'pending' AND attempts = 0`,
  },
  {
    ...{ invariant: "I12", found: findings.overQuota },
    sql: `UPDATE {lanes} SET quota = '{"count":1,"per":"24h"}' WHERE notifier = 'metered'`,
  },
  {
    ...{ invariant: "I12", found: findings.overQuota },
    sql: `UPDATE {lanes} SET quota = '{"count":1,"per":"day:UTC"}' WHERE notifier = 'daily'`,
  },
  {
    ...{ invariant: "I12", found: findings.quotaUncounted },
    sql: `UPDATE {lanes} SET usage = '{"rate":{},"quota":{}}' WHERE notifier = 'metered'`,
  },
  { invariant: "I12", found: findings.quotaSurplus, sql: "UPDATE {attempts} SET slot = NULL" },
  {
    ...{ invariant: "I13", found: findings.overdue },
    sql: `UPDATE {notifications} SET lease_until = ${never} WHERE state = 'sending'`,
  },
  {
    ...{ invariant: "I13", found: findings.overdue },
    sql: `UPDATE {notifications} SET horizon_at = ${never} WHERE state = 'ambiguous'`,
  },
  {
    ...{ invariant: "I13", found: findings.overdue },
    sql: `UPDATE {notifications} SET expires_at = ${never} WHERE state = 'pending' AND attempts = 0`,
  },
  {
    ...{ invariant: "I13", found: findings.overdue },
    sql: `UPDATE {notifications} SET open_until = ${never}, not_before = ${never} WHERE state = 'pending' AND attempts = 0`,
  },
  {
    ...{ invariant: "I13", found: findings.overdue },
    sql: `UPDATE {crossings} SET state = 'leased', lease_until = ${never}`,
  },
  {
    ...{ invariant: "I14", found: findings.eventTwice },
    sql: "UPDATE {delivery_events} SET source = 'x', id = 'x' WHERE type = 'opened'",
  },
  { invariant: "I14", found: findings.uncountedEvents, sql: "UPDATE {delivery_facts} SET events = events - 1" },
  { invariant: "I14", found: findings.otherFacts, sql: "UPDATE {delivery_facts} SET opens = opens + 1" },
  // a late `delivered` that erased a complaint
  { invariant: "I14", found: findings.otherFacts, sql: "UPDATE {delivery_facts} SET complained_at = NULL" },
  { invariant: "I14", found: findings.otherFacts, sql: "UPDATE {delivery_facts} SET bounce_reason = 'other'" },
  { invariant: "I15", found: findings.orphan, sql: "UPDATE {templates} SET tenant = 'other'" },
  { invariant: "I15", found: findings.orphan, sql: "UPDATE {lanes} SET tenant = 'other' WHERE notifier = 'mail'" },
  {
    ...{ invariant: "I16", found: findings.unfrozen },
    sql: "UPDATE {notifications} SET payload_hash = NULL WHERE state = 'sent'",
  },
  {
    ...{ invariant: "I16", found: findings.messageIdTwice },
    sql: "UPDATE {notifications} SET message_id = '<x>' WHERE attempts > 0",
  },
  {
    ...{ invariant: "I16", found: findings.idempotencyKeyTwice },
    sql: "UPDATE {notifications} SET idempotency_key = 'x' WHERE attempts > 0",
  },
];
