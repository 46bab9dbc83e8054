import { compareKeys } from "../text-key.js";
import { type AddressEvent, addressEventOf } from "./address-events.js";
import type { NewDeliveryEvent, TrackedNotification } from "./delivery-event.js";
import { type DeliveryFacts, factsOf, mergeFacts, noFacts } from "./facts.js";

/** An event that was new, and the notification it is about. */
export interface MatchedEvent {
  readonly event: Pick<
    NewDeliveryEvent,
    "type" | "bounce" | "occurredAt" | "source" | "id" | "reason" | "recipientKey"
  >;
  readonly notification: TrackedNotification | null;
}

/** What new events add to the stored facts. */
export interface Additions {
  /** By notification, ordered by its id: merged into what is stored of it. */
  readonly facts: readonly { readonly notification: TrackedNotification; readonly facts: DeliveryFacts }[];
  /** Ordered by address. */
  readonly addresses: readonly { readonly recipientKey: string; readonly event: AddressEvent }[];
  /** Addresses that messages came back from, once for each; contacts count them. */
  readonly bounced: readonly string[];
}

export function additionsOf(matched: readonly MatchedEvent[]): Additions {
  const facts = new Map<string, { notification: TrackedNotification; facts: DeliveryFacts }>();
  const addresses: { recipientKey: string; event: AddressEvent }[] = [];
  for (const { event, notification } of matched) {
    if (notification !== null) {
      const before = facts.get(notification.id)?.facts ?? noFacts;
      facts.set(notification.id, { notification, facts: mergeFacts(before, factsOf(event)) });
    }
    const recipientKey = notification?.recipientKey ?? event.recipientKey;
    const said = addressEventOf(event, notification);
    if (recipientKey !== null && said !== null) addresses.push({ recipientKey, event: said });
  }
  addresses.sort((a, b) => compareKeys(a.recipientKey, b.recipientKey));
  return {
    facts: [...facts.values()].sort((a, b) => compareKeys(a.notification.id, b.notification.id)),
    addresses,
    bounced: addresses.flatMap(({ recipientKey, event }) => (event.type === "bounced" ? [recipientKey] : [])),
  };
}
