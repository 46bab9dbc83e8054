import {
  additionsOf,
  type DeliveryEventRepository,
  type FoundNotification,
  forgottenBefore,
  inOrder,
  type MatchedEvent,
  marksOf,
  matcher,
  mergeFacts,
  type NewDeliveryEvent,
  type NotificationState,
  nextLookAt,
  noFacts,
  type SoftBounceLimit,
  type TrackedNotification,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import { allOf, list } from "./conditions.js";
import { eventCodec, factsCodec, factsOfRow, type StoredDeliveryEvent } from "./delivery-event-row.js";
import type { Driver, Step } from "./driver.js";
import { engagementStep } from "./engagement.js";
import { forbidByEvents, keepAddressEvent } from "./suppression-steps.js";

export function deliveryEventRepository(driver: Driver): DeliveryEventRepository {
  // No locks, as Postgres needs them, and no merging in SQL: under BEGIN IMMEDIATE a row that was read stays as it is.
  return {
    record({ tenant, events, softBounces, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const numbers = new Map<NewDeliveryEvent, number>();
        for (const event of inOrder(events)) {
          const key = step.get(
            `INSERT INTO {delivery_event_keys} (tenant, source, id, received_at) VALUES (?, ?, ?, ?)
             ON CONFLICT DO NOTHING RETURNING number`,
            ...[tenant, event.source, event.id, at.toISOString()],
          );
          if (key !== undefined) numbers.set(event, Number(key.number));
        }
        const matched = matchedIn(step, tenant, [...numbers.keys()]);
        for (const { event, notification } of matched) insertEvent(step, event, numbers.get(event)!, notification, at);
        const suppressed = apply(step, tenant, matched, softBounces, at);
        const applied = matched.map(({ event: { source, id }, notification }) => {
          return { source, id, notification: notification?.id ?? null };
        });
        return { applied, suppressed };
      });
    },

    match({ limit, softBounces, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const due = step
          .all(
            "SELECT * FROM {delivery_events} WHERE match_at <= ? ORDER BY match_at, number LIMIT ?",
            at.toISOString(),
            limit,
          )
          .map(eventCodec.decode);
        for (const tenant of new Set(due.map((event) => event.tenant))) {
          const those = due.filter((event) => event.tenant === tenant);
          const matched = matchedIn(step, tenant, those);
          for (const { event, notification } of matched) placeEvent(step, event, notification, at);
          const placed = matched.filter(({ notification }) => notification !== null);
          apply(step, tenant, placed, softBounces, at);
        }
        return due.length;
      });
    },

    facts({ tenant, notifications }) {
      const sql = `SELECT * FROM {delivery_facts} WHERE tenant = ? AND notification IN (SELECT value FROM json_each(?))
        ORDER BY notification`;
      return driver.read((step) =>
        step.all(sql, tenant, list(notifications)).map((row) => factsOfRow(factsCodec.decode(row))),
      );
    },

    list({ tenant, notification, recipientKey, types, unmatched, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["notification = ?", notification],
        ["recipient_key = ?", recipientKey],
        ["type IN (SELECT value FROM json_each(?))", list(types)],
        ["number > ?", after],
      ]);
      const sql = `SELECT * FROM {delivery_events} WHERE ${where}${unmatched ? " AND notification IS NULL" : ""}
        ORDER BY number LIMIT ?`;
      return driver.read((step) =>
        step.all(sql, ...values, limit).map((row) => {
          const { matchAt: _, ...event } = eventCodec.decode(row);
          return event;
        }),
      );
    },

    engagement: (input) => driver.snapshot((step) => engagementStep(step, input)),

    // one table, which grows by itself
    prepare: async () => 0,

    purge({ age, limit, now }) {
      return driver.write((step) => {
        const edge = forgottenBefore(step.now(now), age).toISOString();
        const gone = (table: string) =>
          step.run(
            `DELETE FROM {${table}} WHERE rowid IN (SELECT rowid FROM {${table}} WHERE received_at < ?
             ORDER BY received_at LIMIT ?)`,
            edge,
            limit,
          );
        return Math.max(gone("delivery_event_keys"), gone("delivery_events"));
      });
    },
  };
}

const columns = "id, recipient_key, scope, campaign, template, state, created_at";

/** Each event with the notification it is about. */
function matchedIn<Event extends Pick<NewDeliveryEvent, "about" | "recipientKey">>(
  step: Step,
  tenant: string,
  events: readonly Event[],
): readonly { readonly event: Event; readonly notification: TrackedNotification | null }[] {
  const found: FoundNotification[] = [];
  const find = (by: FoundNotification["by"], text: string | null, sql: string, ...more: readonly string[]) => {
    if (text === null) return;
    const from = `SELECT ${columns} FROM {notifications} WHERE tenant = ?`;
    for (const row of step.all(`${from} AND ${sql}`, tenant, text, ...more)) {
      found.push({ by, text, notification: trackedOf(row) });
    }
  };
  for (const { about, recipientKey } of events) {
    find("notification", about.notification, "id = ?");
    find("messageId", about.messageId, "message_id = ? LIMIT 2");
    // a server may answer the same to all: one more than one is enough to know that it says nothing
    if (recipientKey === null) find("receipt", about.receipt, "receipt = ? LIMIT 2");
    else find("receipt", about.receipt, "receipt = ? AND recipient_key = ? LIMIT 2", recipientKey);
  }
  const notificationOf = matcher(found);
  return events.map((event) => ({ event, notification: notificationOf(event) }));
}

function trackedOf(row: Readonly<Record<string, unknown>>): TrackedNotification {
  return {
    id: String(row.id),
    recipientKey: String(row.recipient_key),
    scope: String(row.scope),
    campaign: String(row.campaign),
    template: String(row.template),
    state: row.state as NotificationState,
    createdAt: new Date(String(row.created_at)),
  };
}

function insertEvent(
  step: Step,
  { acting, ...event }: NewDeliveryEvent,
  number: number,
  notification: TrackedNotification | null,
  now: Date,
): void {
  const recipientKey = notification?.recipientKey ?? event.recipientKey;
  step.run(
    `INSERT INTO {delivery_events} (${eventCodec.columns}) VALUES (${eventCodec.marks})`,
    ...eventCodec.values({
      ...event,
      number,
      recipientKey,
      notification: notification?.id ?? null,
      receivedAt: now,
      matchAt: notification === null ? nextLookAt(event.about, now, now) : null,
    }),
  );
  if (acting === null) return;
  const [entity, entityId] = recipientKey === null ? ["delivery_event", event.id] : ["recipient", recipientKey];
  insertAct(step, { tenant: event.tenant, entity: entity!, entityId: entityId!, act: event.type, ...acting, at: now });
}

/** What was found for an event that had no notification, or when it is looked for next. */
function placeEvent(
  step: Step,
  { number, about, receivedAt, recipientKey }: StoredDeliveryEvent,
  notification: TrackedNotification | null,
  now: Date,
): void {
  const matchAt = notification === null ? nextLookAt(about, receivedAt, now) : null;
  step.run(
    "UPDATE {delivery_events} SET notification = ?, recipient_key = ?, match_at = ? WHERE number = ?",
    notification?.id ?? null,
    notification?.recipientKey ?? recipientKey,
    matchAt?.toISOString() ?? null,
    number,
  );
}

/** Merges new events into the facts of their notifications and addresses; answers how many addresses that forbade. */
function apply(
  step: Step,
  tenant: string,
  matched: readonly MatchedEvent[],
  softBounces: SoftBounceLimit,
  now: Date,
): number {
  const { facts, addresses } = additionsOf(matched);
  for (const { notification, facts: added } of facts) {
    const { id, campaign, template, createdAt, state } = notification;
    const row = step.get("SELECT * FROM {delivery_facts} WHERE tenant = ? AND notification = ?", tenant, id);
    const merged = mergeFacts(row === undefined ? noFacts : factsCodec.decode(row), added);
    step.run(
      `INSERT OR REPLACE INTO {delivery_facts} (${factsCodec.columns}) VALUES (${factsCodec.marks})`,
      ...factsCodec.values({
        ...{ tenant, notification: id, campaign, template, queuedAt: createdAt, settled: state === "sent" },
        ...merged,
        marks: marksOf(merged),
      }),
    );
  }
  for (const { recipientKey, event } of addresses) keepAddressEvent(step, { tenant, recipientKey }, event);
  const touched = new Set(addresses.map(({ recipientKey }) => recipientKey));
  return [...touched].filter((recipientKey) => forbidByEvents(step, { tenant, recipientKey }, softBounces, now)).length;
}
