import type { RenderedMessage } from "../message/message.js";

/** The kind of address a notifier writes to; a host may name its own. */
export type Channel = "email" | "sms" | "webhook" | "reaction" | (string & {});

/** What is promised when an outcome stays unknown; see `docs/delivery-states.md`. */
export const deliveryModes = ["at-most-once", "at-least-once", "idempotent"] as const;
export type DeliveryMode = (typeof deliveryModes)[number];

/** What became of one call. */
export type Outcome =
  | { readonly kind: "accepted"; readonly receipt: string | null }
  | {
      readonly kind: "refusedTransient";
      readonly why: string;
      readonly retryAfter: number | null;
      /** It is not about this message: nobody can be reached this way now. */
      readonly unavailable?: boolean;
    }
  | { readonly kind: "refusedPermanent"; readonly why: string }
  | { readonly kind: "ambiguous"; readonly why: string };

/** The outside world took the message; `receipt` is its own id for it. */
export function accepted(receipt?: string): Outcome {
  return { kind: "accepted", receipt: receipt ?? null };
}

/** It certainly did not take the message, and may later. `retryAfter` in milliseconds, as the other side asked. */
export function refusedTransient(why: string, retryAfter?: number): Outcome {
  return { kind: "refusedTransient", why, retryAfter: retryAfter ?? null };
}

/**
 * It certainly did not take the message, and would take no other now either: the server cannot be reached, or says that it
 * takes nothing for a while. The attempt does not count towards `maxAttempts` for three days, and the lane waits with all
 * that is in it instead of asking for each message. `retryAfter` in milliseconds.
 */
export function unavailable(why: string, retryAfter?: number): Outcome {
  return { kind: "refusedTransient", why, retryAfter: retryAfter ?? null, unavailable: true };
}

/** It certainly did not take the message and never will. */
export function refusedPermanent(why: string): Outcome {
  return { kind: "refusedPermanent", why };
}

/** It may or may not have taken the message. A notifier that throws says the same. */
export function ambiguous(why: string): Outcome {
  return { kind: "ambiguous", why };
}

/** What a notifier returned, as an outcome: nothing is accepted, and what cannot be read as one is ambiguous. */
export function outcomeOf(returned: unknown): Outcome {
  if (returned === undefined) return accepted();
  const { kind, receipt, why, retryAfter, unavailable: nobody } = (returned ?? {}) as Readonly<Record<string, unknown>>;
  const said = typeof why === "string" ? why : "no reason given";
  switch (kind) {
    case "accepted":
      return accepted(typeof receipt === "string" || typeof receipt === "number" ? String(receipt) : undefined);
    case "refusedTransient": {
      const asked = typeof retryAfter === "number" && retryAfter >= 0 ? retryAfter : undefined;
      return nobody === true ? unavailable(said, asked) : refusedTransient(said, asked);
    }
    case "refusedPermanent":
      return refusedPermanent(said);
    case "ambiguous":
      return ambiguous(said);
    default:
      return ambiguous("the notifier returned something that is no outcome");
  }
}

export interface SendContext {
  readonly tenant: string;
  /** The notification's id. */
  readonly notification: string;
  /** The same for every attempt of one notification. */
  readonly idempotencyKey: string;
  /** An RFC 5322 Message-ID with its angle brackets, the same for every attempt. */
  readonly messageId: string;
  /** 1, 2, 3 … */
  readonly attempt: number;
  /**
   * Aborts at the call's deadline and at the end of a stop's grace. What is answered to it at once counts, so that nothing
   * need be ambiguous of which nothing was sent.
   */
  readonly signal: AbortSignal;
}

/** What a notifier tells of its own working, apart from any message. */
export interface NotifierHealth {
  readonly state: "degraded" | "recovered";
  /** The name of the one behind it that it is about; null: itself. */
  readonly member: string | null;
  /** When it was found degraded. */
  readonly since: Date;
  /** A few words, without addresses. */
  readonly why: string;
}

/** The host's way out. */
export interface Notifier {
  /** Unique in the engine; stored on every notification, so that only workers that have it claim it. */
  readonly name: string;
  readonly channel: Channel;
  readonly mode: DeliveryMode;
  /** `idempotent` only: milliseconds for which the provider honours a key. */
  readonly keyLifetime?: number;
  /** Nothing returned = accepted; a throw = ambiguous. Must obey `context.signal`. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a notifier that returns nothing has accepted
  send(message: RenderedMessage, context: SendContext): Promise<Outcome | void>;
  close?(): Promise<void>;
  /** Tells when it stops working and when it works again, until the returned function is called; the engine listens. */
  onHealth?(listener: (health: NotifierHealth) => void): () => void;
}

/** A sixth of a key's lifetime is kept as a margin: 20 h of 24 h. */
export function safeKeyLifetime(keyLifetime: number): number {
  return Math.floor((keyLifetime * 5) / 6);
}
