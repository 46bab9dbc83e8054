import { oneLine } from "../errors.js";
import type { RenderedMessage } from "../message/message.js";
import type { Outcome } from "../notifier/notifier.js";
import type { Settlement } from "../store/notification-repository.js";
import type { AttemptOutcome, Notification } from "./notification.js";
import type { Reason } from "./reason.js";
import { retryDelay } from "./retry-schedule.js";
import type { DeliveryTiming } from "./timing.js";

/** How a call ended, seen from the engine: an outcome, and why it is ambiguous where that was not the notifier's word. */
export type CallResult = Outcome | { readonly kind: "ambiguous"; readonly why: string; readonly reason: Reason };

/** What deciding about a `sending` row needs; all of it is fixed while the row is `sending`. */
export type SendingRow = Pick<
  Notification,
  | "tenant"
  | "id"
  | "notifier"
  | "fence"
  | "attempts"
  | "excused"
  | "maxAttempts"
  | "mode"
  | "keyUntil"
  | "firstMarkedAt"
  | "wasAmbiguous"
> & { readonly slot: string | null };

/**
 * Moves 5 to 8: where a `sending` row goes. Pure.
 *
 * | outcome | goes to |
 * | --- | --- |
 * | accepted | `sent` |
 * | refused for now | `pending` while attempts are left, else `failed` |
 * | unavailable | `pending`, its lane parked, the attempt excused, for `outageLimit`; then as refused for now |
 * | refused for good | `failed` |
 * | ambiguous | `pending` if the mode may repeat and attempts are left, else `ambiguous` |
 *
 * A row that was ever ambiguous ends as `unknown` where another would have `failed`.
 */
export function settlementOf(
  row: SendingRow,
  result: CallResult,
  at: {
    readonly now: Date;
    readonly random: number;
    readonly timing: DeliveryTiming;
    /** Kept with a row that is tried again. */
    readonly payload: RenderedMessage | null;
  },
): Settlement {
  const { tenant, id, notifier, fence, attempts, excused, maxAttempts, slot } = row;
  const base = {
    tenant,
    id,
    notifier,
    fence,
    attempt: attempts,
    slot,
    excused: false,
    parkIn: null,
    detail: null,
    reason: null,
    receipt: null,
    retryIn: 0,
    horizonIn: at.timing.ambiguousHorizon,
    payload: null,
  };
  const counted = attempts - excused;
  const attemptsLeft = counted < maxAttempts;
  const fail = (outcome: AttemptOutcome, reason: Reason, detail: string): Settlement => ({
    ...base,
    outcome,
    reason,
    detail,
    to: row.wasAmbiguous ? "unknown" : "failed",
  });
  const again = (outcome: AttemptOutcome, detail: string, retryAfter: number | null): Settlement => ({
    ...base,
    to: "pending",
    outcome,
    detail,
    payload: at.payload,
    retryIn: retryDelay(counted, at.random, at.timing, retryAfter),
  });

  switch (result.kind) {
    case "accepted":
      return {
        ...base,
        to: "sent",
        outcome: "accepted",
        receipt: result.receipt === null ? null : oneLine(result.receipt),
      };
    case "refusedTransient": {
      if (result.unavailable === true && inOutage(row, at)) {
        // rows of a lane take turns in asking, so most have asked once, and the lane asks again soon
        const { retryBase, outageCap: retryCap } = at.timing;
        const parkIn = retryDelay(excused + 1, at.random, { retryBase, retryCap }, result.retryAfter);
        const waiting = again("refused_transient", oneLine(result.why), null);
        return { ...waiting, retryIn: parkIn, parkIn, excused: true };
      }
      return attemptsLeft
        ? again("refused_transient", oneLine(result.why), result.retryAfter)
        : fail("refused_transient", "attempts_used_up", oneLine(result.why));
    }
    case "refusedPermanent":
      return fail("refused_permanent", "refused", oneLine(result.why));
    case "ambiguous": {
      const detail = oneLine(result.why);
      if (mayRepeat(row, at.now) && attemptsLeft) return again("ambiguous", detail, null);
      const reason = "reason" in result ? result.reason : "no_answer";
      return { ...base, to: "ambiguous", outcome: "ambiguous", reason, detail };
    }
  }
}

function inOutage({ firstMarkedAt }: SendingRow, { now, timing }: { now: Date; timing: DeliveryTiming }): boolean {
  return firstMarkedAt === null || now.getTime() - firstMarkedAt.getTime() < timing.outageLimit;
}

/** Whether the mode allows another call although the last one may have been accepted. */
function mayRepeat(row: Pick<SendingRow, "mode" | "keyUntil">, now: Date): boolean {
  if (row.mode === "at-least-once") return true;
  return row.mode === "idempotent" && row.keyUntil !== null && now < row.keyUntil;
}
