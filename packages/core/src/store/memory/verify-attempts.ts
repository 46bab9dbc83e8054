import type { Attempt, Notification } from "../../delivery/notification.js";
import { callableStates } from "../../delivery/state-shape.js";
import { everything } from "../../recipient/suppression.js";
import type { Act } from "../act-repository.js";
import { findings, type Violation } from "../verify.js";
import { keyOf, type Tables } from "./tables.js";

const { openAttempt, sendingUnopened, numbering, fenceNotRising, fenceBelow, otherExcused, impossibleTimes } = findings;
const { repeated, keyExpired, waitsToRepeat, keyTooLong } = findings;
const { sentWithoutEvidence, mayHaveBeenSent, ambiguityForgotten, attemptAfterEnd } = findings;
const { afterExpiry, afterHours, beforeTime, afterCancel, afterSuppression, whilePaused, waitsForbidden } = findings;

const mayBeSent = ({ outcome }: Attempt): boolean => outcome === "accepted" || outcome === "ambiguous";
const named = ({ number, notification }: Attempt): string => `attempt ${number} of notification ${notification}`;

/** Each notification with its attempts, by number, and the acts on it. */
function* histories(
  tables: Tables,
): Generator<{ row: Notification; tries: readonly Attempt[]; acts: readonly Act[]; what: string }> {
  const tries = grouped(tables.attempts.values(), ({ tenant, notification }) => keyOf(tenant, notification));
  const onOne = tables.acts.filter(({ entity }) => entity === "notification");
  const acts = grouped(onOne, ({ tenant, entityId }) => keyOf(tenant, entityId));
  for (const row of tables.notifications.values()) {
    const key = keyOf(row.tenant, row.id);
    const own = (tries.get(key) ?? []).sort((a, b) => a.number - b.number);
    yield { row, tries: own, acts: acts.get(key) ?? [], what: `notification ${row.id}` };
  }
}

function grouped<Row>(rows: Iterable<Row>, key: (row: Row) => string): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}

export function* openAttemptViolations(tables: Tables): Generator<Violation> {
  for (const { row, tries, what } of histories(tables)) {
    const { tenant, state, attempts, fence } = row;
    const isOpen = (a: Attempt) => state === "sending" && a.number === attempts && a.fence === fence;
    for (const attempt of tries) {
      const wrong = attempt.endedAt === null ? attempt.outcome !== null || !isOpen(attempt) : attempt.outcome === null;
      if (wrong) yield { tenant, what: named(attempt), found: openAttempt };
    }
    if (state === "sending" && !tries.some((a) => a.endedAt === null)) yield { tenant, what, found: sendingUnopened };
  }
}

export function* numberingViolations(tables: Tables): Generator<Violation> {
  for (const { row, tries, what } of histories(tables)) {
    const { tenant } = row;
    const gapless = tries.length === row.attempts && tries.every(({ number }, i) => number === i + 1);
    if (!gapless) yield { tenant, what, found: numbering };
    for (const [i, attempt] of tries.entries()) {
      const before = tries[i - 1];
      if (before !== undefined && attempt.fence <= before.fence) {
        yield { tenant, what: named(attempt), found: fenceNotRising };
      }
      if (attempt.fence > row.fence) yield { tenant, what: named(attempt), found: fenceBelow };
      const { startedAt, endedAt } = attempt;
      if (startedAt < row.createdAt || (endedAt !== null && endedAt < startedAt)) {
        yield { tenant, what: named(attempt), found: impossibleTimes };
      }
    }
    const refused = tries.filter(({ outcome }) => outcome === "refused_transient").length;
    if (row.excused < 0 || row.excused > refused) yield { tenant, what, found: otherExcused };
  }
}

export function* repeatViolations(tables: Tables): Generator<Violation> {
  for (const { row, tries, acts, what } of histories(tables)) {
    const { tenant, mode, keyUntil } = row;
    const resent = acts.filter(({ act }) => act === "resend");
    const unasked = ({ endedAt }: Attempt) => endedAt !== null && !resent.some(({ at }) => at >= endedAt);
    const callable = (callableStates as readonly string[]).includes(row.state);
    if (mode === "at-most-once" && callable && tries.some((each) => mayBeSent(each) && unasked(each))) {
      yield { tenant, what, found: waitsToRepeat };
    }
    if (resent.length === 0 && isKeyTooLong(row)) yield { tenant, what, found: keyTooLong };
    for (const attempt of tries) {
      const earlier = tries.filter((each) => each.number < attempt.number && mayBeSent(each));
      const asked = ({ endedAt }: Attempt) =>
        acts.some(({ act, at }) => act === "resend" && endedAt !== null && at >= endedAt && at <= attempt.startedAt);
      if (mode === "at-most-once" && !earlier.every(asked)) yield { tenant, what: named(attempt), found: repeated };
      const late = mode === "idempotent" && keyUntil !== null && attempt.startedAt >= keyUntil;
      if (late && earlier.some(({ outcome }) => outcome === "ambiguous")) {
        yield { tenant, what: named(attempt), found: keyExpired };
      }
    }
  }
}

/** Of a row that no person has sent again: its key's time runs from the first mark. */
function isKeyTooLong({ mode, attempts, keyLifetime, firstMarkedAt, keyUntil }: Notification): boolean {
  if (mode !== "idempotent" || attempts === 0 || keyLifetime === null || firstMarkedAt === null) return false;
  return keyUntil === null || keyUntil.getTime() > firstMarkedAt.getTime() + keyLifetime;
}

export function* sentViolations(tables: Tables): Generator<Violation> {
  for (const { row, tries, acts, what } of histories(tables)) {
    const evidence = tries.some(({ outcome }) => outcome === "accepted") || acts.some(({ act }) => act === "confirm");
    if (row.state === "sent" && !evidence) yield { tenant: row.tenant, what, found: sentWithoutEvidence };
  }
}

export function* unsentViolations(tables: Tables): Generator<Violation> {
  for (const { row, tries, what } of histories(tables)) {
    const unsent = ["failed", "expired", "cancelled", "suppressed"].includes(row.state);
    if (unsent && tries.some(mayBeSent)) yield { tenant: row.tenant, what, found: mayHaveBeenSent };
    if (!row.wasAmbiguous && tries.some(({ outcome }) => outcome === "ambiguous")) {
      yield { tenant: row.tenant, what, found: ambiguityForgotten };
    }
  }
}

export function* lateAttemptViolations(tables: Tables): Generator<Violation> {
  for (const { row, tries } of histories(tables)) {
    const { tenant, settledAt: end } = row;
    for (const attempt of tries) {
      const late = end !== null && (attempt.startedAt > end || (attempt.endedAt !== null && attempt.endedAt > end));
      if (late) yield { tenant, what: named(attempt), found: attemptAfterEnd };
    }
  }
}

/** Attempts that started when none might. */
export function* forbiddenStartViolations(
  tables: Tables,
  sweep: number,
  now: Date = tables.clock(),
): Generator<Violation> {
  const late = new Date(now.getTime() - sweep);
  const pauses = pausesOf(tables);
  for (const { row, tries, acts, what: itself } of histories(tables)) {
    const { tenant, state, notBefore, expiresAt, openUntil } = row;
    const cancels = acts.filter(({ act }) => act === "cancel");
    const paused = pauses.get(keyOf(tenant, row.notifier)) ?? [];
    const forbidden = forbiddenSince(tables, row);
    if (forbidden.some((at) => at < late && waitedAt(at, row, tries, acts))) {
      yield { tenant, what: itself, found: waitsForbidden };
    }
    for (const attempt of tries) {
      const what = named(attempt);
      const { startedAt } = attempt;
      if (expiresAt !== null && startedAt >= expiresAt) yield { tenant, what, found: afterExpiry };
      if (openUntil !== null && startedAt >= openUntil) yield { tenant, what, found: afterHours };
      const sent = state === "sending" && attempt.endedAt === null;
      if (sent && startedAt < notBefore) yield { tenant, what, found: beforeTime };
      if (cancels.some(({ at }) => startedAt > at)) yield { tenant, what, found: afterCancel };
      if (forbidden.some((at) => startedAt > at)) yield { tenant, what, found: afterSuppression };
      const isIn = ({ from, until }: Span) => startedAt > from && (until === null || startedAt < until);
      // one made in the lane of another account, before its row was moved on
      const elsewhere = acts.some(({ act, at }) => act === "failover" && at >= startedAt);
      if (!elsewhere && paused.some(isIn)) yield { tenant, what, found: whilePaused };
    }
  }
}

/**
 * Whether a row that waits did so at that instant already, when its address was forbidden and it should have ended. It need
 * not, and is refused at its next mark, if it was being sent or ambiguous then, or was made later, as by a person's retry.
 */
function waitedAt(at: Date, row: Notification, tries: readonly Attempt[], acts: readonly Act[]): boolean {
  return (
    (row.state === "pending" || row.state === "leased") &&
    row.createdAt < at &&
    tries.every(({ endedAt }) => endedAt !== null && endedAt < at) &&
    !acts.some((act) => act.act === "resend" && act.at >= at)
  );
}

/** Since when the address must not get the message: by the suppressions that stand, and by a consent that was withdrawn. */
function forbiddenSince(tables: Tables, { tenant, recipientKey, scope, needsConsent }: Notification): readonly Date[] {
  const scopes = [scope, everything].map((each) => keyOf(tenant, recipientKey, each));
  const suppressions = scopes.flatMap((key) => tables.suppressions.get(key) ?? []);
  const [consent] = needsConsent ? scopes.flatMap((key) => tables.consents.get(key) ?? []) : [];
  return [...suppressions, ...(consent?.granted === false ? [consent] : [])].map(({ at }) => at);
}

interface Span {
  readonly from: Date;
  /** Null as long as it lasts. */
  until: Date | null;
}

/**
 * When each lane was paused, by the acts on it in the order in which they were made: each counts as not before the ones
 * before it, as the clock may have been set back.
 */
function pausesOf({ acts }: Tables): ReadonlyMap<string, readonly Span[]> {
  const spans = new Map<string, Span[]>();
  const latest = new Map<string, Date>();
  for (const { tenant, entity, entityId, act, at } of acts) {
    if (entity !== "lane" || (act !== "pause" && act !== "resume")) continue;
    const lane = keyOf(tenant, entityId);
    const when = new Date(Math.max(at.getTime(), latest.get(lane)?.getTime() ?? 0));
    latest.set(lane, when);
    const own = spans.get(lane) ?? [];
    spans.set(lane, own);
    const open = own.find(({ until }) => until === null);
    if (act === "resume" && open !== undefined) open.until = when;
    if (act === "pause" && open === undefined) own.push({ from: when, until: null });
  }
  return spans;
}
