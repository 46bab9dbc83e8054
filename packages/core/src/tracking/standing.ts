import type { NotificationState, TerminalState } from "../delivery/notification.js";
import { type DeliveryFacts, factMarks, marksOf } from "./facts.js";

/** Where a message stands, in one word: by its state, and by what was heard of it since. */
export type MessageStanding =
  | "queued"
  | TerminalState
  | "delivered"
  | "opened"
  | "clicked"
  | "bounced"
  | "complained"
  | "unsubscribed";

const { sent, delivered, opened, clicked, softBounced, hardBounced, complained, unsubscribed, failed } = factMarks;

/** Only somebody who has the message does these. */
const readMarks = opened | clicked | complained | unsubscribed;
const bounceMarks = softBounced | hardBounced;

/**
 * Whether a message went out: by its state, or by a fact that says so of one whose outcome is not known to us (yet). A
 * bounce or a failure alone says nothing of that: a provider reports them of messages that it did not take, too.
 */
export function wentOut(state: NotificationState, marks: number): boolean {
  return state === "sent" || (marks & (sent | delivered | readMarks)) !== 0;
}

/** Whether it is known to have arrived: the provider says so, or somebody has done something with it. */
export function arrived(marks: number): boolean {
  return (marks & (delivered | readMarks)) !== 0;
}

/** Whether it went out and nothing says that it did not arrive: what open and click rates are rates of. */
export function mayBeRead(state: NotificationState, marks: number): boolean {
  return wentOut(state, marks) && ((marks & readMarks) !== 0 || (marks & (bounceMarks | failed)) === 0);
}

/**
 * The standing of a notification, a function of its state and the facts alone. What its reader has done weighs more than
 * what servers say, the last thing that a reader can do most, and bad news of servers more than good.
 */
export function standingOf(state: NotificationState, facts: DeliveryFacts): MessageStanding {
  const marks = marksOf(facts);
  const has = (which: number) => (marks & which) !== 0;
  if (has(complained)) return "complained";
  if (has(unsubscribed)) return "unsubscribed";
  if (has(clicked)) return "clicked";
  if (has(opened)) return "opened";
  if (has(bounceMarks)) return "bounced";
  if (has(failed)) return "failed";
  if (has(delivered)) return "delivered";
  if (has(sent)) return "sent";
  return state === "pending" || state === "leased" || state === "sending" || state === "ambiguous" ? "queued" : state;
}
