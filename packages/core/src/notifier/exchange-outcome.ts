import type { Exchange } from "./exchange.js";
import { accepted, ambiguous, type Outcome, refusedPermanent, refusedTransient, unavailable } from "./notifier.js";
import { retryAfterOf } from "./retry-after.js";

export interface OutcomeRules {
  readonly now: Date;
  /** The request carried an idempotency key that the other side knows. */
  readonly keyed: boolean;
  /** Every message of the notifier goes to this other side, so one that cannot be reached has no need to be asked again. */
  readonly shared: boolean;
  /** What the other side calls the message; null if it did not say. */
  readonly receipt: string | null;
}

/**
 * What an exchange says about the message. Pure.
 *
 * | exchange | outcome |
 * | --- | --- |
 * | no connection, or lost before any byte of the body was handed over | unavailable |
 * | lost, or silent, after that | ambiguous |
 * | 2xx, whatever its body | accepted |
 * | 303 | ambiguous: it is how a form that was taken is answered (RFC 9110 section 15.4.4) |
 * | other 3xx | refusedPermanent: redirects are not followed |
 * | 408 | ambiguous: it says that the request did not arrive as a whole, but all of it was handed over |
 * | 409 with a key | ambiguous: an earlier call with this key is under way |
 * | 429, 503 | unavailable, not before its `Retry-After` |
 * | 425 | refusedTransient, not before its `Retry-After` |
 * | other 4xx | refusedPermanent |
 * | other 5xx | ambiguous: what failed may have failed after the message was taken |
 *
 * An answer that came before the body was handed over is definite: refusedTransient where this says ambiguous. A 2xx then
 * is ambiguous, as nobody knows what it accepts. What is unavailable is refusedTransient where the next message goes to
 * another side.
 */
export function outcomeOfExchange(exchange: Exchange, rules: OutcomeRules): Outcome {
  if (exchange.kind === "unsent") {
    if (exchange.because === "blocked") return refusedPermanent(exchange.why);
    return exchange.because === "unreachable" && rules.shared
      ? unavailable(exchange.why)
      : refusedTransient(exchange.why);
  }
  if (exchange.kind === "unanswered") return ambiguous(exchange.why);
  const { status, headers, early } = exchange;
  const why = `status ${status}`;
  if (status >= 200 && status < 300) {
    return early ? ambiguous(`${why} before it had the body`) : accepted(rules.receipt ?? undefined);
  }
  if (status === 425 || status === 429 || status === 503) {
    const retryAfter = retryAfterOf(headers, rules.now) ?? undefined;
    return status !== 425 && rules.shared ? unavailable(why, retryAfter) : refusedTransient(why, retryAfter);
  }
  const unclear = status === 303 || status === 408 || (status === 409 && rules.keyed) || status >= 500;
  if (unclear) return early ? refusedTransient(why) : ambiguous(why);
  return refusedPermanent(why);
}
