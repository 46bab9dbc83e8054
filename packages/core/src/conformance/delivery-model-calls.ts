import type { CallResult } from "../delivery/settlement.js";
import type { DeliveryTiming } from "../delivery/timing.js";
import { type Between, come, endRow, type Frozen, type ModelRow, past, waitUntil } from "./delivery-model.js";

// Moves 4 to 9 of the table, by the model: the mark before a call, and how the call ended.

export type ModelMark = "marked" | "deferred" | "lost" | "expired" | "unknown" | "failed";

/** Move 4, and what refuses it. `held`: the lane is paused. */
export function markRow(
  row: ModelRow,
  mark: Frozen & { readonly fence: number; readonly keepsPayload: boolean },
  held: boolean,
  lease: number,
  now: number,
): ModelMark {
  if (row.fence !== mark.fence) return "lost";
  if (row.state === "sending") return "marked";
  if (row.state !== "leased") return "lost";
  if (past(row.expiresAt, now)) return endRow(row, "expired", "expired", now);
  if (row.wasAmbiguous && past(row.keyUntil, now)) return endRow(row, "unknown", "key_expired", now);
  if (row.frozen !== null && row.frozen.payloadHash !== mark.payloadHash) {
    return endRow(row, "failed", "payload_changed", now);
  }
  if (held || !come(row, now)) {
    row.claims -= 1;
    waitUntil(row, row.notBefore);
    return "deferred";
  }
  row.state = "sending";
  row.attempts.push({ fence: row.fence, startedAt: now, outcome: null });
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
  },
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
  const left = row.attempts.length < row.maxAttempts;
  const again = (retryAfter: number | null) => {
    if (row.cancelRequested) return void endRow(row, "cancelled", "cancelled", now);
    waitUntil(row, retryBetween(row.attempts.length, timing, retryAfter, now));
    row.payloadKept ||= by.keepsPayload;
  };
  switch (call.kind) {
    case "accepted":
      attempt!.outcome = "accepted";
      endRow(row, "sent", null, now);
      row.receipt = call.receipt;
      break;
    case "refusedTransient":
      attempt!.outcome = "refused_transient";
      if (left) again(call.retryAfter);
      else endRow(row, "failed", "attempts_used_up", now);
      break;
    case "refusedPermanent":
      attempt!.outcome = "refused_permanent";
      endRow(row, "failed", "refused", now);
      break;
    case "ambiguous":
      attempt!.outcome = "ambiguous";
      row.wasAmbiguous = true;
      row.fence += 1;
      if (left && repeats(row, by.judgedAt)) again(null);
      else {
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
function retryBetween(attempts: number, timing: DeliveryTiming, retryAfter: number | null, now: number): Between {
  const whole = Math.min(timing.retryCap, timing.retryBase * 2 ** (attempts - 1));
  const asked = retryAfter ?? 0;
  return { earliest: now + Math.max(whole / 2, asked), latest: now + Math.max(whole, asked) };
}
