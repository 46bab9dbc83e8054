import type { Reason } from "../delivery/reason.js";
import type { CallResult } from "../delivery/settlement.js";
import type { DeliveryTiming } from "../delivery/timing.js";
import { type Between, come, endRow, type Frozen, type ModelRow, past, waitUntil } from "./delivery-model.js";
import { freeIn, giveBack, laneIsOpen, type ModelLane, takePlace } from "./delivery-model-lane.js";

// Moves 4 to 9 of the table, by the model: the mark before a call, and how the call ended.

export type ModelMark = "marked" | "deferred" | "lost" | "expired" | "suppressed" | "unknown" | "failed";

/** Move 4, and what refuses it. `refusal`: why its address is forbidden. */
export function markRow(
  row: ModelRow,
  mark: Frozen & { readonly fence: number; readonly keepsPayload: boolean },
  {
    lane,
    refusal,
    lease,
    deferred,
  }: {
    readonly lane: ModelLane;
    readonly refusal: Reason | null;
    readonly lease: number;
    /** What the store did; where the lane may have room or not, both are right. */
    readonly deferred: boolean;
  },
  now: number,
): ModelMark {
  if (row.fence !== mark.fence) return "lost";
  if (row.state === "sending") return "marked";
  if (row.state !== "leased") return "lost";
  if (past(row.expiresAt, now)) return endRow(row, "expired", "expired", now);
  if (refusal !== null) return endRow(row, "suppressed", refusal, now);
  if (row.wasAmbiguous && past(row.keyUntil, now)) return endRow(row, "unknown", "key_expired", now);
  if (row.frozen !== null && row.frozen.payloadHash !== mark.payloadHash) {
    return endRow(row, "failed", "payload_changed", now);
  }
  const { least, most } = freeIn(lane, now);
  const full = most < 1 || (least < 1 && deferred);
  if (!laneIsOpen(lane, now) || !come(row, now) || past(row.openUntil, now) || full) {
    row.claims -= 1;
    // its reason stays: that a worker died at it before
    const { reason } = row;
    waitUntil(row, row.notBefore);
    row.reason = reason;
    return "deferred";
  }
  row.state = "sending";
  row.attempts.push({ fence: row.fence, startedAt: now, outcome: null, place: takePlace(lane, now) });
  row.claims = 0;
  row.leaseUntil = now + lease;
  row.payloadKept ||= mark.keepsPayload;
  const { messageId, idempotencyKey, payloadHash } = mark;
  row.frozen ??= { messageId, idempotencyKey, payloadHash };
  if (row.keyLifetime !== null) row.keyUntil ??= now + row.keyLifetime;
  return "marked";
}

/** A call's result under the fence and the number of its attempt. */
export interface ModelResult {
  readonly fence: number;
  readonly attempt: number;
  readonly call: CallResult;
}

export type ModelSettle = "settled" | "evidence" | "lost";

/** Moves 5 to 9. */
export function settleRow(
  row: ModelRow,
  { fence, attempt: number, call }: ModelResult,
  timing: DeliveryTiming,
  by: {
    /** Whoever settles has the rendered message. */
    readonly keepsPayload: boolean;
    /** When it was decided that the key may still be relied on; a slow sweeper settles later. */
    readonly judgedAt: number;
    /** As it was claimed. */
    readonly firstMarkedAt: number | null;
  },
  lane: ModelLane,
  now: number,
): ModelSettle {
  const attempt = row.attempts[number - 1];
  if (row.state !== "sending" || row.fence !== fence) {
    // move 9: who was given up comes back with an acceptance
    if (call.kind !== "accepted" || attempt?.fence !== fence || attempt.outcome !== "ambiguous") return "lost";
    attempt.outcome = "accepted";
    if (row.state !== "ambiguous") return "evidence";
    endRow(row, "sent", null, now);
    row.receipt = call.receipt;
    return "evidence";
  }
  const counted = row.attempts.length - row.excused;
  const left = counted < row.maxAttempts;
  const againAt = (time: Between) => {
    if (row.cancelRequested) return void endRow(row, "cancelled", "cancelled", now);
    waitUntil(row, time);
    row.payloadKept ||= by.keepsPayload;
  };
  const again = (asked: number | null) => againAt(retryBetween(counted, timing.retryCap, timing, asked, now));
  switch (call.kind) {
    case "accepted":
      attempt!.outcome = "accepted";
      endRow(row, "sent", null, now);
      row.receipt = call.receipt;
      break;
    case "refusedTransient":
      attempt!.outcome = "refused_transient";
      giveBack(attempt!.place);
      if (call.unavailable === true && now - (by.firstMarkedAt ?? now) < timing.outageLimit) {
        const time = retryBetween(row.excused + 1, timing.outageCap, timing, call.retryAfter, now);
        row.excused += 1;
        lane.outageUntil = Math.max(lane.outageUntil, time.latest);
        againAt(time);
      } else if (left) again(call.retryAfter);
      else endRow(row, "failed", "attempts_used_up", now);
      break;
    case "refusedPermanent":
      attempt!.outcome = "refused_permanent";
      giveBack(attempt!.place);
      endRow(row, "failed", "refused", now);
      break;
    case "ambiguous":
      attempt!.outcome = "ambiguous";
      row.wasAmbiguous = true;
      row.fence += 1;
      if (left && repeats(row, by.judgedAt)) {
        again(null);
        // a row at which a worker died is told apart, for its last chance
        if (!row.cancelRequested) row.reason = "reason" in call ? call.reason : null;
      } else {
        row.state = "ambiguous";
        row.reason = "reason" in call ? call.reason : "no_answer";
        row.horizonAt = Math.min(now + timing.ambiguousHorizon, row.expiresAt ?? Number.POSITIVE_INFINITY);
      }
  }
  return "settled";
}

/** Whether the mode makes another call after one that may have been accepted. */
function repeats(row: ModelRow, now: number): boolean {
  if (row.mode === "idempotent") return !past(row.keyUntil, now);
  return row.mode === "at-least-once";
}

/** Between a half and the whole of the delay, doubled with each attempt up to the cap; never sooner than was asked. */
function retryBetween(
  attempts: number,
  cap: number,
  { retryBase }: DeliveryTiming,
  retryAfter: number | null,
  now: number,
): Between {
  const whole = Math.min(cap, retryBase * 2 ** (attempts - 1));
  const asked = retryAfter ?? 0;
  return { earliest: now + Math.max(whole / 2, asked), latest: now + Math.max(whole, asked) };
}
