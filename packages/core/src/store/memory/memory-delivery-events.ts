import type { Notification } from "../../delivery/notification.js";
import { compareKeys } from "../../text-key.js";
import { additionsOf, type MatchedEvent } from "../../tracking/applied.js";
import { forgottenBefore, type NewDeliveryEvent, nextLookAt } from "../../tracking/delivery-event.js";
import { type FactCount, type StateCount, timeStep } from "../../tracking/engagement.js";
import { marksOf, mergeFacts, noFacts } from "../../tracking/facts.js";
import { type FoundNotification, inOrder, matcher } from "../../tracking/matching.js";
import type { DeliveryEventRepository, EngagementInput } from "../delivery-event-repository.js";
import { countBounce } from "./memory-contacts.js";
import { forbidByEvents, keepAddressEvent } from "./suppression-steps.js";
import { keyOf, type Tables } from "./tables.js";

type SoftBounces = Parameters<DeliveryEventRepository["record"]>[0]["softBounces"];

export function memoryDeliveryEvents(tables: Tables): DeliveryEventRepository {
  let numbers = 0;

  function found(tenant: string, events: readonly Pick<NewDeliveryEvent, "about">[]): FoundNotification[] {
    const wanted = new Map<string, keyof NewDeliveryEvent["about"]>();
    for (const { about } of events) {
      for (const by of ["notification", "messageId", "receipt"] as const) {
        if (about[by] !== null) wanted.set(`${by}\0${about[by]}`, by);
      }
    }
    return [...tables.notifications.values()].flatMap((row) => {
      if (row.tenant !== tenant) return [];
      const texts = { notification: row.id, messageId: row.messageId, receipt: row.receipt };
      return (["notification", "messageId", "receipt"] as const).flatMap((by) => {
        const text = texts[by];
        if (text === null || !wanted.has(`${by}\0${text}`)) return [];
        const { id, recipientKey, scope, template, state, createdAt } = row;
        return [
          {
            by,
            text,
            notification: { id, recipientKey, scope, campaign: campaignOf(row), template, state, createdAt },
          },
        ];
      });
    });
  }

  function apply(tenant: string, matched: readonly MatchedEvent[], softBounces: SoftBounces, now: Date): number {
    const { facts, addresses, bounced } = additionsOf(matched);
    for (const { notification, facts: added } of facts) {
      const key = keyOf(tenant, notification.id);
      const {
        tenant: _,
        notification: __,
        ...before
      } = tables.deliveryFacts.get(key) ?? {
        ...{ tenant, notification: notification.id },
        ...noFacts,
      };
      tables.deliveryFacts.set(key, { tenant, notification: notification.id, ...mergeFacts(before, added) });
    }
    for (const { recipientKey, event } of addresses) keepAddressEvent(tables, { tenant, recipientKey }, event);
    for (const recipientKey of bounced) countBounce(tables, { tenant, recipientKey });
    const touched = new Set(addresses.map(({ recipientKey }) => recipientKey));
    return [...touched].filter((recipientKey) => forbidByEvents(tables, { tenant, recipientKey }, softBounces, now))
      .length;
  }

  return {
    async record({ tenant, events, softBounces, now = tables.clock() }) {
      const fresh = inOrder(events).filter(
        ({ source, id }) => !tables.deliveryEventKeys.has(keyOf(tenant, source, id)),
      );
      const notificationOf = matcher(found(tenant, fresh));
      const matched = fresh.map((event) => ({ event, notification: notificationOf(event) }));
      const stored = matched.map(({ event: { acting, ...event }, notification }) => {
        tables.deliveryEventKeys.set(keyOf(tenant, event.source, event.id), now);
        const recipientKey = notification?.recipientKey ?? event.recipientKey;
        if (acting !== null) {
          const entity = recipientKey === null ? "delivery_event" : "recipient";
          const entityId = recipientKey ?? event.id;
          tables.acts.push({ tenant, entity, entityId, act: event.type, ...acting, at: now });
        }
        return {
          ...event,
          number: ++numbers,
          recipientKey,
          notification: notification?.id ?? null,
          receivedAt: now,
          matchAt: notification === null ? nextLookAt(event.about, now, now) : null,
        };
      });
      tables.deliveryEvents = [...tables.deliveryEvents, ...stored];
      const suppressed = apply(tenant, matched, softBounces, now);
      const applied = stored.map(({ source, id, notification }) => ({ source, id, notification }));
      return { applied, suppressed };
    },

    async match({ limit, softBounces, now = tables.clock() }) {
      const due = tables.deliveryEvents
        .filter(({ matchAt }) => matchAt !== null && matchAt <= now)
        .sort((a, b) => a.matchAt!.getTime() - b.matchAt!.getTime() || a.number - b.number)
        .slice(0, limit);
      for (const tenant of new Set(due.map((event) => event.tenant))) {
        const those = due.filter((event) => event.tenant === tenant);
        const notificationOf = matcher(found(tenant, those));
        const matched = those.map((event) => ({ event, notification: notificationOf(event) }));
        const places = new Map(matched.map(({ event, notification }) => [event.number, notification]));
        tables.deliveryEvents = tables.deliveryEvents.map((event) => {
          if (!places.has(event.number)) return event;
          const notification = places.get(event.number) ?? null;
          if (notification === null) return { ...event, matchAt: nextLookAt(event.about, event.receivedAt, now) };
          return { ...event, notification: notification.id, recipientKey: notification.recipientKey, matchAt: null };
        });
        apply(
          tenant,
          matched.filter(({ notification }) => notification !== null),
          softBounces,
          now,
        );
      }
      return due.length;
    },

    async facts({ tenant, notifications }) {
      return [...new Set(notifications)].sort(compareKeys).flatMap((id) => {
        return tables.deliveryFacts.get(keyOf(tenant, id)) ?? [];
      });
    },

    async list({ tenant, notification, recipientKey, types, unmatched, after = 0, limit }) {
      return tables.deliveryEvents
        .filter((event) => event.tenant === tenant && event.number > after)
        .filter((event) => notification === undefined || event.notification === notification)
        .filter((event) => recipientKey === undefined || event.recipientKey === recipientKey)
        .filter((event) => types === undefined || types.includes(event.type))
        .filter((event) => !unmatched || event.notification === null)
        .slice(0, limit)
        .map(({ matchAt: _, ...event }) => event);
    },

    async engagement(input) {
      const states: StateCount[] = [];
      const facts: FactCount[] = [];
      for (const row of tables.notifications.values()) {
        const key = groupOf(row, input);
        if (key === undefined) continue;
        const { tenant, id, state, redrive } = row;
        states.push({ key, state, redriven: redrive > 0, count: 1 });
        const known = tables.deliveryFacts.get(keyOf(tenant, id));
        if (known === undefined) continue;
        facts.push({ key, state, marks: marksOf(known), count: 1, opens: known.opens, clicks: known.clicks });
      }
      return { states, facts };
    },

    prepare: async () => 0,

    async purge({ age, limit, now = tables.clock() }) {
      const edge = forgottenBefore(now, age);
      const keys = [...tables.deliveryEventKeys].filter(([, at]) => at < edge).slice(0, limit);
      for (const [key] of keys) tables.deliveryEventKeys.delete(key);
      const gone = new Set(tables.deliveryEvents.filter(({ receivedAt }) => receivedAt < edge).slice(0, limit));
      tables.deliveryEvents = tables.deliveryEvents.filter((event) => !gone.has(event));
      return Math.max(keys.length, gone.size);
    },
  };
}

function campaignOf({ source }: Notification): string {
  return source.kind === "campaign" ? source.id : "";
}

/** The group that a notification is counted in; undefined if in none. */
function groupOf(row: Notification, { tenant, by, campaigns, from, to }: EngagementInput): string | undefined {
  const campaign = campaignOf(row);
  const { createdAt } = row;
  if (row.tenant !== tenant || (by === "campaign" && campaign === "")) return undefined;
  if (campaigns !== undefined && (campaign === "" || !campaigns.includes(campaign))) return undefined;
  if ((from !== undefined && createdAt < from) || (to !== undefined && createdAt >= to)) return undefined;
  if (by === "campaign") return campaign;
  return by === "template" ? row.template : String(Math.floor(createdAt.getTime() / timeStep));
}
