import { MilepostError } from "../errors.js";
import type { Refusal } from "../recipient/suppression.js";
import type { RewrittenNotification } from "../store/campaign-repository.js";
import type {
  DecideAct,
  Mark,
  MarkResult,
  Opened,
  Settlement,
  SettleResult,
} from "../store/notification-repository.js";
import { type Gate, isMetered, parkedUntil, parkedWithoutRoom, roomIn, withRefund, withReservation } from "./gate.js";
import type { Lane } from "./lane.js";
import {
  type Attempt,
  type NewNotification,
  type Notification,
  type NotificationKey,
  type TerminalState,
  terminalStates,
} from "./notification.js";

// The moves of docs/delivery-states.md that a store makes on a row it has locked, as pure functions. A store that reads
// before it writes calls them; one that decides inside a statement must agree with them, and the conformance cases look.

/** The fields of a row that a move changes; what makes it unique never does. */
export type NotificationPatch = Partial<Omit<Notification, keyof NotificationKey | "id">>;

/** Move 1: a notification as it is stored first; suppressed at once if its address is forbidden. */
export function queuedNotification(input: NewNotification, refusal: Refusal | null, now: Date): Notification {
  return {
    ...input,
    state: refusal === null ? "pending" : "suppressed",
    reason: refusal?.reason ?? null,
    detail: refusal?.detail ?? null,
    notBefore: input.notBefore ?? now,
    createdAt: now,
    redrive: 0,
    redriveOf: null,
    attempts: 0,
    excused: 0,
    claims: 0,
    fence: 0,
    leaseUntil: null,
    horizonAt: null,
    firstMarkedAt: null,
    keyUntil: null,
    messageId: null,
    idempotencyKey: null,
    payloadHash: null,
    payload: null,
    receipt: null,
    wasAmbiguous: false,
    cancelRequested: false,
    settledAt: refusal === null ? null : now,
  };
}

/** Move 12 by a suppression: what becomes of a pending or leased row whose address is forbidden. */
export function suppressMove(row: Pick<Notification, "wasAmbiguous">, refusal: Refusal, now: Date): NotificationPatch {
  return { state: endOf(row, "suppressed"), ...refusal, leaseUntil: null, settledAt: now };
}

export interface MarkInput {
  readonly row: Notification | undefined;
  /** Its last attempt, if it has one. */
  readonly attempt: Attempt | undefined;
  readonly lane: Lane;
  /** Its campaign's; null for a row of none. */
  readonly campaign: Gate | null;
  /** Why its address is forbidden. */
  readonly refusal: Refusal | null;
  readonly mark: Mark;
  /** Milliseconds. */
  readonly lease: number;
  readonly now: Date;
}

export interface MarkMove {
  readonly result: MarkResult;
  /** Null where nothing is written. */
  readonly patch: NotificationPatch | null;
  /** Both gates afterwards. */
  readonly lane: Lane;
  readonly campaign: Gate | null;
}

/** Moves 3, 4, 11 and 12: a leased row is about to be sent. */
export function markMove({ row, attempt: last, lane, campaign, refusal, mark, lease, now }: MarkInput): MarkMove {
  const gates = { lane, campaign };
  const unchanged = (result: MarkResult) => ({ result, patch: null, ...gates });
  if (row === undefined || row.fence !== mark.fence) return unchanged({ result: "lost" });
  if (row.state === "sending") {
    const { attempts: attempt, keyUntil } = row;
    const slot = last?.slot ?? null;
    return unchanged({ result: "marked", attempt, markedAt: now, keyUntil, slot, opensIn: null });
  }
  if (row.state !== "leased") return unchanged({ result: "lost" });

  const end = (as: "expired" | "failed", reason: "expired" | "key_expired" | "payload_changed"): MarkMove => {
    const state = endOf(row, as);
    const patch = { state, reason, leaseUntil: null, settledAt: now };
    return { result: { result: "refused", state, reason }, patch, ...gates };
  };
  if (row.expiresAt !== null && row.expiresAt <= now) return end("expired", "expired");
  if (refusal !== null) {
    const { reason } = refusal;
    const state = endOf(row, "suppressed");
    return { result: { result: "refused", state, reason }, patch: suppressMove(row, refusal, now), ...gates };
  }
  if (row.wasAmbiguous && row.keyUntil !== null && row.keyUntil <= now) return end("failed", "key_expired");
  if (row.payloadHash !== null && row.payloadHash !== mark.payloadHash) return end("failed", "payload_changed");
  const held = !isOpen(row, now) || isShut(lane, now) || (campaign !== null && isShut(campaign, now));
  if (held || isFull(lane, now) || (campaign !== null && isFull(campaign, now))) {
    const parked = held
      ? gates
      : { lane: parkedWithoutRoom(lane, now), campaign: campaign && parkedWithoutRoom(campaign, now) };
    return {
      result: { result: "deferred", opensIn: bothOpenIn(parked, now) },
      patch: { state: "pending", leaseUntil: null, claims: row.claims - 1 },
      ...parked,
    };
  }
  const attempt = row.attempts + 1;
  const keyUntil = row.keyUntil ?? (row.keyLifetime === null ? null : new Date(now.getTime() + row.keyLifetime));
  const { gate: laneAfter, slot } = isMetered(lane) ? withReservation(lane, 1, now) : { gate: lane, slot: null };
  const campaignAfter = campaign && isMetered(campaign) ? withReservation(campaign, 1, now).gate : campaign;
  const after = { lane: laneAfter, campaign: campaignAfter };
  return {
    result: { result: "marked", attempt, markedAt: now, keyUntil, slot, opensIn: bothOpenIn(after, now) },
    patch: {
      state: "sending",
      attempts: attempt,
      claims: 0,
      leaseUntil: new Date(now.getTime() + lease),
      firstMarkedAt: row.firstMarkedAt ?? now,
      keyUntil,
      messageId: row.messageId ?? mark.messageId,
      idempotencyKey: row.idempotencyKey ?? mark.idempotencyKey,
      payloadHash: row.payloadHash ?? mark.payloadHash,
      payload: row.payload ?? mark.payload,
    },
    ...after,
  };
}

/** Whether a gate lets nothing through, whatever room it has. */
export function isShut({ paused, notBefore }: Pick<Gate, "paused" | "notBefore">, now: Date): boolean {
  return paused || (notBefore !== null && notBefore > now);
}

function isFull(gate: Gate, now: Date): boolean {
  return isMetered(gate) && roomIn(gate, now).free < 1;
}

/** Whether a row's own time has come and its hours are open. */
export function isOpen({ notBefore, openUntil }: Pick<Notification, "notBefore" | "openUntil">, now: Date): boolean {
  return notBefore <= now && (openUntil === null || openUntil > now);
}

/** What a pending row whose hours have closed becomes when they open next. */
export function reopenMove(
  row: Pick<Notification, "notBefore">,
  { notBefore, openUntil }: Pick<Opened, "notBefore" | "openUntil">,
): NotificationPatch {
  return { notBefore: notBefore > row.notBefore ? notBefore : row.notBefore, openUntil };
}

/** What an edit of its campaign makes of a row that was never marked, a leased one loses its lease; null for others. */
export function rewriteMove(
  row: Pick<Notification, "state" | "fence" | "claims" | "attempts">,
  { notBefore, ...rewritten }: RewrittenNotification,
  now: Date,
): NotificationPatch | null {
  if ((row.state !== "pending" && row.state !== "leased") || row.attempts > 0) return null;
  const back = row.state === "leased" ? { fence: row.fence + 1, claims: row.claims - 1, leaseUntil: null } : {};
  const { template, data, expiresAt, hours, openUntil, sender } = rewritten;
  const rest = { template, data, expiresAt, hours, openUntil, sender };
  return { state: "pending", ...back, ...rest, notBefore: notBefore ?? now };
}

/** Milliseconds until a gate that is parked is open again; null for one that is paused, or open. */
export function opensIn({ paused, notBefore }: Pick<Gate, "paused" | "notBefore">, now: Date): number | null {
  if (paused || notBefore === null || notBefore <= now) return null;
  return notBefore.getTime() - now.getTime();
}

/** Milliseconds until both gates of a row are open; null where one is paused, or neither is parked. */
export function bothOpenIn(
  { lane, campaign }: { readonly lane: Gate; readonly campaign: Gate | null },
  now: Date,
): number | null {
  if (campaign === null) return opensIn(lane, now);
  if (lane.paused || campaign.paused) return null;
  const waits = [lane, campaign].flatMap((gate) => opensIn(gate, now) ?? []);
  return waits.length === 0 ? null : Math.max(...waits);
}

/** Moves 5 to 9: how a call ended. `attempt` is the attempt row the settlement names, if there is one. */
export function settleMove(
  row: Notification | undefined,
  attempt: Attempt | undefined,
  settlement: Settlement,
  now: Date,
): {
  readonly result: SettleResult;
  readonly patch: NotificationPatch | null;
  readonly attempt: Pick<Attempt, "endedAt" | "outcome" | "detail"> | null;
} {
  if (row === undefined) return { result: "lost", patch: null, attempt: null };
  const { outcome, detail } = settlement;
  if (row.state === "sending" && row.fence === settlement.fence) {
    const wasAmbiguous = row.wasAmbiguous || outcome === "ambiguous";
    const cancelled = settlement.to === "pending" && row.cancelRequested;
    const state = cancelled ? endOf({ wasAmbiguous }, "cancelled") : settlement.to;
    return {
      result: "settled",
      attempt: { endedAt: now, outcome, detail },
      patch: {
        state,
        reason: cancelled ? "cancelled" : settlement.reason,
        detail,
        fence: outcome === "ambiguous" ? row.fence + 1 : row.fence,
        leaseUntil: state === "ambiguous" ? row.leaseUntil : null,
        horizonAt: state === "ambiguous" ? horizon(row.expiresAt, now, settlement.horizonIn) : null,
        notBefore: state === "pending" ? new Date(now.getTime() + settlement.retryIn) : row.notBefore,
        wasAmbiguous,
        excused: row.excused + (settlement.excused ? 1 : 0),
        payload: state === "pending" ? (row.payload ?? settlement.payload) : row.payload,
        receipt: state === "sent" ? settlement.receipt : null,
        settledAt: isTerminal(state) ? now : null,
      },
    };
  }
  const late = attempt?.fence === settlement.fence && attempt.outcome === "ambiguous";
  if (!late || outcome !== "accepted") return { result: "lost", patch: null, attempt: null };
  return {
    result: "evidence",
    attempt: { endedAt: attempt.endedAt, outcome, detail },
    patch: row.state === "ambiguous" ? { ...sentByEvidence(now), receipt: settlement.receipt } : null,
  };
}

function horizon(expiresAt: Date | null, now: Date, horizonIn: number): Date {
  const at = new Date(now.getTime() + horizonIn);
  return expiresAt !== null && expiresAt < at ? expiresAt : at;
}

function sentByEvidence(now: Date): NotificationPatch {
  return { state: "sent", reason: null, detail: null, leaseUntil: null, horizonAt: null, settledAt: now };
}

/** An unknown outcome is reported as unknown: a row that was ever ambiguous ends as that, however it comes to its end. */
function endOf<State extends "failed" | "expired" | "cancelled" | "suppressed">(
  row: Pick<Notification, "wasAmbiguous">,
  as: State,
): State | "unknown" {
  return row.wasAmbiguous ? "unknown" : as;
}

function isTerminal(state: Notification["state"]): state is TerminalState {
  return (terminalStates as readonly string[]).includes(state);
}

/** What a settled call does to its lane: a refused one gives its quota back, and it may park the lane. */
export function settledLane(lane: Lane, settlement: Settlement, now: Date): Lane {
  const { slot, outcome, parkIn } = settlement;
  const refused = outcome === "refused_transient" || outcome === "refused_permanent";
  const refunded = refused && slot !== null ? withRefund(lane, slot, now) : lane;
  return parkIn === null ? refunded : parkedUntil(refunded, new Date(now.getTime() + parkIn));
}

export interface DecideInput {
  readonly act: DecideAct;
  readonly why: string;
  readonly newId: string;
  readonly acceptDuplicate: boolean;
  readonly margin: number;
}

/** What a person's act does: change the row, or add a new one that sends it again. */
export type Decision = { readonly patch: NotificationPatch } | { readonly redrive: Notification };

/** Moves 9 to 13 by a person. Throws `act_refused` where the state forbids the act. */
export function decideMove(row: Notification, input: DecideInput, now: Date): Decision {
  const refuse = (why: string): never => {
    throw new MilepostError("act_refused", `Notification ${row.id} is ${row.state}: ${why}`);
  };
  switch (input.act) {
    case "cancel":
      if (row.state === "pending" || row.state === "leased") {
        return { patch: { state: endOf(row, "cancelled"), reason: "cancelled", leaseUntil: null, settledAt: now } };
      }
      if (row.state === "sending" || row.state === "ambiguous") return { patch: { cancelRequested: true } };
      return refuse("it has ended and can no longer be cancelled");
    case "resend": {
      if (row.state !== "ambiguous") return refuse("only an ambiguous one can be sent again as it is");
      if (row.cancelRequested) return refuse("its cancellation was asked for; resolve it instead");
      const from = (row.leaseUntil ?? now).getTime() + input.margin;
      if (now.getTime() < from) return refuse(`its call may still be under way until ${new Date(from).toISOString()}`);
      const again = { reason: null, leaseUntil: null, horizonAt: null, keyUntil: null, notBefore: now };
      return {
        patch: { state: "pending", ...again, maxAttempts: Math.max(row.maxAttempts, row.attempts - row.excused + 1) },
      };
    }
    case "confirm":
      if (row.state !== "ambiguous") return refuse("only an ambiguous one can be resolved as sent");
      return { patch: { ...sentByEvidence(now), receipt: input.why } };
    case "give_up":
      if (row.state !== "ambiguous") return refuse("only an ambiguous one can be resolved as unknown");
      return { patch: { state: "unknown", reason: "given_up", leaseUntil: null, horizonAt: null, settledAt: now } };
    case "redrive":
      if (row.state !== "failed" && row.state !== "unknown" && row.state !== "expired") {
        return refuse("only an ambiguous, failed, unknown or expired one can be retried");
      }
      if (row.state === "unknown" && !input.acceptDuplicate) {
        return refuse("it may have been sent; retrying it needs acceptDuplicate");
      }
      return { redrive: redriven(row, input.newId, now) };
  }
}

function redriven(row: Notification, id: string, now: Date): Notification {
  return {
    ...row,
    id,
    redrive: row.redrive + 1,
    redriveOf: row.id,
    state: "pending",
    createdAt: now,
    notBefore: now,
    reason: null,
    detail: null,
    attempts: 0,
    excused: 0,
    claims: 0,
    fence: 0,
    receipt: null,
    settledAt: null,
    leaseUntil: null,
    horizonAt: null,
    expiresAt: null,
    firstMarkedAt: null,
    keyUntil: null,
    messageId: null,
    idempotencyKey: null,
    payloadHash: null,
    payload: null,
    wasAmbiguous: false,
    cancelRequested: false,
  };
}
