import assert from "node:assert/strict";
import type { Attempt, Notification } from "../delivery/notification.js";
import { hasEnded } from "./delivery-model.js";

/**
 * What must hold of any notification at any time, whatever led to it; looked for in what is stored, without the model.
 * `acts`: what persons did to it, in their order.
 */
export function assertInvariants(row: Notification, attempts: readonly Attempt[], acts: readonly string[]): void {
  const holds = (condition: boolean, sentence: string) => assert.ok(condition, `${row.id}, ${row.state}: ${sentence}`);
  const mayBeTaken = attempts.filter(({ outcome }) => outcome === "accepted" || outcome === "ambiguous");
  const open = attempts.filter(({ outcome }) => outcome === null);

  // I4
  holds(open.length === (row.state === "sending" ? 1 : 0), "an attempt is open exactly while it is sending");
  holds(
    open.every(({ number }) => number === attempts.length),
    "the open attempt is the last",
  );
  // I5
  holds(row.attempts === attempts.length, "it has as many attempts as it counts");
  holds(
    attempts.every(({ number }, i) => number === i + 1),
    "its attempts are numbered 1, 2, 3 …",
  );
  holds(
    attempts.every(({ fence }, i) => i === 0 || attempts[i - 1]!.fence < fence),
    "the fences of its attempts rise",
  );
  holds(
    attempts.every(({ fence }) => fence <= row.fence),
    "no attempt has a fence that was never given",
  );
  // I7: each attempt beyond the first that may have been taken was asked for by a person
  if (row.mode === "at-most-once") {
    const repeats = attempts.slice(1).filter((_, i) => attempts[i]!.outcome !== "refused_transient").length;
    const asked = acts.filter((act) => act === "resend").length;
    holds(repeats <= asked, "at most once, unless a person asks for more");
  }
  // promise 4
  holds(attempts.length - row.excused <= row.maxAttempts, "it has no more attempts than it may");
  // I8
  if (row.state === "sent") {
    const evidence = attempts.some(({ outcome }) => outcome === "accepted") || acts.includes("confirm");
    holds(evidence, "what is sent was accepted, or confirmed");
  }
  // I9, and promise 5: who cannot know says unknown
  if (["failed", "expired", "cancelled", "suppressed"].includes(row.state)) {
    holds(mayBeTaken.length === 0, "it may have been accepted");
  }
  if (mayBeTaken.some(({ outcome }) => outcome === "ambiguous"))
    holds(row.wasAmbiguous, "it forgot an unknown outcome");
  // I10
  const leased = row.state === "leased" || row.state === "sending";
  if (row.state !== "ambiguous") holds((row.leaseUntil !== null) === leased, "a lease is held by a leased row only");
  holds((row.horizonAt !== null) === (row.state === "ambiguous"), "a horizon is had by an ambiguous row only");
  holds((row.settledAt !== null) === hasEnded(row), "the time of its end is that of an ended row");
  if (["failed", "unknown", "expired", "cancelled", "suppressed"].includes(row.state)) {
    holds(row.reason !== null, "what was not sent, or may not have been, says why");
  }
  // I11
  if (row.expiresAt !== null) {
    const { expiresAt } = row;
    holds(
      attempts.every(({ startedAt }) => startedAt < expiresAt),
      "no attempt starts after its expiry",
    );
  }
  if (row.openUntil !== null) {
    const { openUntil } = row;
    holds(
      attempts.every(({ startedAt }) => startedAt < openUntil),
      "no attempt starts after its hours have closed",
    );
  }
  // I16: fixed with the first attempt
  const frozen = [row.messageId, row.idempotencyKey, row.payloadHash].filter((value) => value !== null).length;
  holds(frozen === (attempts.length > 0 ? 3 : 0), "the first mark, and no other step, fixes what is sent");
}
