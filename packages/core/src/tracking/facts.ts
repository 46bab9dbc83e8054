import { compareKeys } from "../text-key.js";
import type { BounceKind, NewDeliveryEvent } from "./delivery-event.js";

/**
 * What is known of a sent message, merged from its delivery events. Each field says one thing that no other event takes
 * back, so a late `delivered` never erases a complaint, and the order in which events come makes no difference.
 */
export interface DeliveryFacts {
  /** Events that are in it. */
  readonly events: number;
  readonly sentAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly firstOpenedAt: Date | null;
  readonly lastOpenedAt: Date | null;
  readonly opens: number;
  readonly firstClickedAt: Date | null;
  readonly lastClickedAt: Date | null;
  readonly clicks: number;
  /** Of the bounce that weighs most: a hard one before a soft one, then the earliest. */
  readonly bouncedAt: Date | null;
  readonly bounce: BounceKind | null;
  readonly bounceReason: string | null;
  readonly complainedAt: Date | null;
  readonly unsubscribedAt: Date | null;
  readonly failedAt: Date | null;
}

/** The facts of one notification. */
export interface NotificationFacts extends DeliveryFacts {
  readonly tenant: string;
  readonly notification: string;
}

export const noFacts: DeliveryFacts = {
  events: 0,
  sentAt: null,
  deliveredAt: null,
  firstOpenedAt: null,
  lastOpenedAt: null,
  opens: 0,
  firstClickedAt: null,
  lastClickedAt: null,
  clicks: 0,
  bouncedAt: null,
  bounce: null,
  bounceReason: null,
  complainedAt: null,
  unsubscribedAt: null,
  failedAt: null,
};

/** The facts of one event by itself. */
export function factsOf(event: Pick<NewDeliveryEvent, "type" | "occurredAt" | "bounce" | "reason">): DeliveryFacts {
  const { type, occurredAt, bounce, reason } = event;
  const one = { ...noFacts, events: 1 };
  switch (type) {
    case "sent":
      return { ...one, sentAt: occurredAt };
    case "delivered":
      return { ...one, deliveredAt: occurredAt };
    case "opened":
      return { ...one, firstOpenedAt: occurredAt, lastOpenedAt: occurredAt, opens: 1 };
    case "clicked":
      return { ...one, firstClickedAt: occurredAt, lastClickedAt: occurredAt, clicks: 1 };
    case "bounced":
      return { ...one, bouncedAt: occurredAt, bounce: bounce ?? "hard", bounceReason: reason };
    case "complained":
      return { ...one, complainedAt: occurredAt };
    case "unsubscribed":
      return { ...one, unsubscribedAt: occurredAt };
    case "failed":
      return { ...one, failedAt: occurredAt };
  }
}

/**
 * The facts of two sets of events together. Commutative and associative, with {@link noFacts} as the neutral one; the sets
 * must have no event in common, because opens and clicks are counted: that each event is applied once is the store's matter.
 */
export function mergeFacts(a: DeliveryFacts, b: DeliveryFacts): DeliveryFacts {
  const { bouncedAt, bounce, bounceReason } = weightier(a, b);
  return {
    events: a.events + b.events,
    sentAt: earlier(a.sentAt, b.sentAt),
    deliveredAt: earlier(a.deliveredAt, b.deliveredAt),
    firstOpenedAt: earlier(a.firstOpenedAt, b.firstOpenedAt),
    lastOpenedAt: later(a.lastOpenedAt, b.lastOpenedAt),
    opens: a.opens + b.opens,
    firstClickedAt: earlier(a.firstClickedAt, b.firstClickedAt),
    lastClickedAt: later(a.lastClickedAt, b.lastClickedAt),
    clicks: a.clicks + b.clicks,
    bouncedAt,
    bounce,
    bounceReason,
    complainedAt: earlier(a.complainedAt, b.complainedAt),
    unsubscribedAt: earlier(a.unsubscribedAt, b.unsubscribedAt),
    failedAt: earlier(a.failedAt, b.failedAt),
  };
}

type Bounced = Pick<DeliveryFacts, "bouncedAt" | "bounce" | "bounceReason">;

function weightier(a: Bounced, b: Bounced): Bounced {
  if (a.bounce === null || b.bounce === null) return a.bounce === null ? b : a;
  const order =
    compareKeys(a.bounce, b.bounce) ||
    a.bouncedAt!.getTime() - b.bouncedAt!.getTime() ||
    // two bounces of one instant: by what they say, only so that it is always the same one
    compareKeys(a.bounceReason ?? "", b.bounceReason ?? "");
  return order <= 0 ? a : b;
}

function earlier(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a <= b ? a : b;
}

function later(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a >= b ? a : b;
}

/**
 * Which facts there are, one bit each: what figures are counted by, so that a store groups a million rows into a few. Stores
 * keep it beside the facts.
 */
export const factMarks = {
  sent: 1,
  delivered: 2,
  opened: 4,
  clicked: 8,
  softBounced: 16,
  hardBounced: 32,
  complained: 64,
  unsubscribed: 128,
  failed: 256,
} as const;

export function marksOf(facts: DeliveryFacts): number {
  let marks = 0;
  if (facts.sentAt !== null) marks |= factMarks.sent;
  if (facts.deliveredAt !== null) marks |= factMarks.delivered;
  if (facts.firstOpenedAt !== null) marks |= factMarks.opened;
  if (facts.firstClickedAt !== null) marks |= factMarks.clicked;
  if (facts.bounce === "soft") marks |= factMarks.softBounced;
  if (facts.bounce === "hard") marks |= factMarks.hardBounced;
  if (facts.complainedAt !== null) marks |= factMarks.complained;
  if (facts.unsubscribedAt !== null) marks |= factMarks.unsubscribed;
  if (facts.failedAt !== null) marks |= factMarks.failed;
  return marks;
}
