import assert from "node:assert/strict";
import type { NewNotification } from "../delivery/notification.js";
import type { Suppression } from "../recipient/suppression.js";
import type { DeliveryEventRepository } from "../store/delivery-event-repository.js";
import type { Store } from "../store/store.js";
import type { NewDeliveryEvent } from "../tracking/delivery-event.js";
import { type EngagementFigures, figuresOf } from "../tracking/engagement.js";
import { type DeliveryFacts, noFacts } from "../tracking/facts.js";
import { audience, key, sending } from "./campaign-samples.js";
import { claimed, mark, settlement } from "./notification-samples.js";
import { at, minute, start } from "./samples.js";

// Events of Ada's message unless said, and the steps that bring messages to where a case begins.

export const about = "delivery events";
export const softBounces = { limit: 3, within: 1_000 };

export function event(fields: Partial<NewDeliveryEvent> = {}): NewDeliveryEvent {
  return {
    ...{ tenant: "default", source: "ses", id: "evt-1", type: "delivered", bounce: null, reason: null },
    ...{ occurredAt: at(5), via: "webhook", recipientKey: null, url: null, position: null, userAgent: null, ip: null },
    ...{ country: null, city: null, zone: null, device: null, client: null, raw: null, acting: null },
    about: { notification: "ntf-0001", messageId: null, receipt: null },
    ...fields,
  };
}

/** An event about one notification. */
export function eventOf(notification: string, fields: Partial<NewDeliveryEvent> = {}): NewDeliveryEvent {
  return event({ about: { notification, messageId: null, receipt: null }, ...fields });
}

/** Events with the ids `evt-1`, `evt-2` …. */
export function events(...each: readonly Partial<NewDeliveryEvent>[]): NewDeliveryEvent[] {
  return each.map((fields, i) => event({ id: `evt-${i + 1}`, ...fields }));
}

export const addressed = (recipientKey: string): Partial<NewDeliveryEvent> => {
  return { about: { notification: null, messageId: null, receipt: null }, recipientKey };
};

type Recorded = Awaited<ReturnType<DeliveryEventRepository["record"]>>;
export function record(
  store: Store,
  all: readonly NewDeliveryEvent[],
  now: Date = at(10),
  tenant = "default",
): Promise<Recorded> {
  return store.deliveryEvents.record({ tenant, events: all, softBounces, now });
}

/** Sends `sent` of so many messages of the campaign `spring`, with receipts; the others wait. */
export async function mailed(
  store: Store,
  count: number,
  sent: number,
  fields: Partial<NewNotification> = {},
): Promise<void> {
  // several messages to one address are of several items
  const all = audience(count, fields).map((each) => ({ ...each, itemKey: each.id }));
  await sending(store, all);
  const rows = (await claimed(store)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  assert.equal(rows.length, count);
  const going = rows.slice(0, sent);
  await store.notifications.mark({ marks: going.map((each) => mark(each)), lease: minute, now: start });
  const settlements = going.map((each) => settlement(each, { receipt: `rcp-${each.id}` }));
  await store.notifications.settle({ settlements, now: at(1) });
}

export async function factsOfOne(
  store: Store,
  notification = "ntf-0001",
  tenant = "default",
): Promise<DeliveryFacts | null> {
  const [found] = await store.deliveryEvents.facts({ tenant, notifications: [notification] });
  if (found === undefined) return null;
  const { tenant: _, notification: __, ...facts } = found;
  return facts;
}

export const facts = (fields: Partial<DeliveryFacts>): DeliveryFacts => ({ ...noFacts, events: 1, ...fields });

/** What is forbidden, by address and scope: without the times, which are those of the recording. */
export async function forbidden(store: Store, tenant = "default"): Promise<readonly Omit<Suppression, "at">[]> {
  const all = await store.suppressions.list({ tenant, limit: 10_000 });
  return all.map(({ at: _, tenant: __, ...rest }) => ({ tenant: "", ...rest }));
}

export async function figures(store: Store, tenant = "default"): Promise<EngagementFigures | undefined> {
  return figuresOf(await store.deliveryEvents.engagement({ tenant, by: "campaign" })).get(key.id);
}
