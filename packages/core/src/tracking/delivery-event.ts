import type { Json } from "../json.js";

export const deliveryEventTypes = [
  "sent",
  "delivered",
  "opened",
  "clicked",
  "bounced",
  "complained",
  "unsubscribed",
  "failed",
] as const;
export type DeliveryEventType = (typeof deliveryEventTypes)[number];

/** How a delivery event came: told by the provider, seen by ourselves, said by a person, called by the host's code. */
export const deliveryEventWays = ["webhook", "pixel", "manual", "api"] as const;
export type DeliveryEventWay = (typeof deliveryEventWays)[number];

/** `hard`: there is no such mailbox. `soft`: not now, a full one for example. */
export type BounceKind = "hard" | "soft";

/** Which notification an event is about, in the order in which it is looked for. All null: only its address is known. */
export interface EventReference {
  readonly notification: string | null;
  /** With its angle brackets, as the notification has it. */
  readonly messageId: string | null;
  /** What the provider answered when it accepted the message. */
  readonly receipt: string | null;
}

/** A fact about a message that was sent, as it is handed to the store. */
export interface NewDeliveryEvent {
  readonly tenant: string;
  /** Whose event it is: the provider's name, or the host's. */
  readonly source: string;
  /** The source's own id of it: applied once per tenant and source. */
  readonly id: string;
  readonly type: DeliveryEventType;
  /** Of a bounce, else null. */
  readonly bounce: BounceKind | null;
  /** What the other side said, on one line. */
  readonly reason: string | null;
  readonly occurredAt: Date;
  readonly via: DeliveryEventWay;
  readonly about: EventReference;
  /** The address it names, as `recipientKey()` writes it. */
  readonly recipientKey: string | null;
  readonly url: string | null;
  /** Which of the message's links was clicked, from 1. */
  readonly position: number | null;
  readonly userAgent: string | null;
  readonly ip: string | null;
  readonly country: string | null;
  readonly city: string | null;
  readonly zone: string | null;
  readonly device: string | null;
  readonly client: string | null;
  /** As the provider sent it. */
  readonly raw: Json;
  /** Who says so and why: of a person, and kept as an act. */
  readonly acting: { readonly by: string; readonly why: string } | null;
}

/** A delivery event as it is stored: never changed, save that its notification may be found later. */
export interface DeliveryEvent extends Omit<NewDeliveryEvent, "acting"> {
  /** Rises in the order in which events were recorded. */
  readonly number: number;
  /** The notification it is a fact of; null while none is known. */
  readonly notification: string | null;
  /** The notification's address, else the one that the event names. */
  readonly recipientKey: string | null;
  readonly receivedAt: Date;
}

/** What of a notification its events look at. */
export interface TrackedNotification {
  readonly id: string;
  readonly recipientKey: string;
  readonly scope: string;
  readonly campaign: string;
  readonly template: string;
  readonly state: string;
  readonly createdAt: Date;
}

/** The key of an event in one tenant. */
export const eventKeyText = ({ source, id }: Pick<NewDeliveryEvent, "source" | "id">): string => `${source}\0${id}`;

const minute = 60_000;
const hour = 60 * minute;

/** Milliseconds after it came at which the notification of an event is looked for again. */
const tries = [minute, 10 * minute, hour, 6 * hour, 24 * hour] as const;

/**
 * When the notification of an event is to be looked for again; null once that is given up, and for an event that names none.
 * A provider's webhook may be faster than its own answer: the receipt is stored only with that.
 */
export function nextLookAt(about: EventReference, receivedAt: Date, now: Date): Date | null {
  if (about.messageId === null && about.receipt === null) return null;
  const wait = tries.find((each) => receivedAt.getTime() + each > now.getTime());
  return wait === undefined ? null : new Date(receivedAt.getTime() + wait);
}

/** The instant before which events are forgotten: whole months of UTC, so that a month's events can go at once. */
export function forgottenBefore(now: Date, age: number): Date {
  const edge = new Date(Math.max(now.getTime() - age, 0));
  return new Date(Date.UTC(edge.getUTCFullYear(), edge.getUTCMonth()));
}

/** The first instants of this month and of so many that follow it, in UTC, and of the one after them. */
export function monthsFrom(now: Date, ahead: number): readonly Date[] {
  return Array.from({ length: ahead + 2 }, (_, i) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + i)));
}
