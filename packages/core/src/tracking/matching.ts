import { compareKeys } from "../text-key.js";
import {
  type EventReference,
  eventKeyText,
  type NewDeliveryEvent,
  type TrackedNotification,
} from "./delivery-event.js";

/** A notification that a store has found by one of an event's references. */
export interface FoundNotification {
  readonly by: keyof EventReference;
  /** The text it was looked for by. */
  readonly text: string;
  readonly notification: TrackedNotification;
}

/** In this order, the surest first. */
const ways = ["notification", "messageId", "receipt"] as const;

/**
 * Answers for each event which of the found notifications it is about: by the first of its references that leads to one. A
 * receipt that several notifications have, as servers that answer only "OK" give, leads to one only together with its
 * address, and to none if that does not decide it either.
 */
export function matcher(
  found: readonly FoundNotification[],
): (event: Pick<NewDeliveryEvent, "about" | "recipientKey">) => TrackedNotification | null {
  const rows = new Map<string, Map<string, TrackedNotification>>();
  for (const { by, text, notification } of found) {
    const key = `${by}\0${text}`;
    const those = rows.get(key) ?? new Map<string, TrackedNotification>();
    rows.set(key, those.set(notification.id, notification));
  }
  return ({ about, recipientKey }) => {
    for (const by of ways) {
      const text = about[by];
      const all = text === null ? [] : [...(rows.get(`${by}\0${text}`)?.values() ?? [])];
      const meant =
        by === "receipt" && recipientKey !== null ? all.filter((each) => each.recipientKey === recipientKey) : all;
      if (meant.length === 1) return meant[0]!;
    }
    return null;
  };
}

/** Of events with one key the first, ordered by it: the order in which every store locks. */
export function inOrder(events: readonly NewDeliveryEvent[]): readonly NewDeliveryEvent[] {
  const first = new Map<string, NewDeliveryEvent>();
  for (const event of events) {
    const key = eventKeyText(event);
    if (!first.has(key)) first.set(key, event);
  }
  return [...first.values()].sort((a, b) => compareKeys(a.source, b.source) || compareKeys(a.id, b.id));
}
