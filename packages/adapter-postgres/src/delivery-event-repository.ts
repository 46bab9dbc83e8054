import {
  type DeliveryEvent,
  type DeliveryEventRepository,
  inOrder,
  type NewDeliveryEvent,
  nextLookAt,
  weighs,
} from "@milepost/core/store";
import { findNotifications } from "./delivery-event-match.js";
import { partitionSteps } from "./delivery-event-partitions.js";
import { factSteps } from "./delivery-facts.js";
import type { Database, Value } from "./driver.js";
import { engagementStep } from "./engagement.js";
import { suppressionSteps } from "./suppression-steps.js";
import { textArray, time } from "./values.js";

const columns = `e.number, e.tenant, e.source, e.id, e.type, e.bounce, e.reason, e.notification,
  e.recipient_key AS "recipientKey", e.about, e.occurred_at AS "occurredAt", e.received_at AS "receivedAt", e.via, e.url,
  e.position, e.user_agent AS "userAgent", e.ip, e.country, e.city, e.zone, e.device, e.client, e.raw`;

// In the order of the keys: two calls with the same events wait for each other and not in a circle.
const keysText = `
INSERT INTO {delivery_event_keys} AS k (tenant, source, id, received_at)
SELECT $1, g.source, g.id, (SELECT date_trunc('milliseconds', coalesce($4::timestamptz, clock_timestamp())))
FROM ROWS FROM (unnest($2::text[]), unnest($3::text[])) AS g (source, id)
ORDER BY g.source COLLATE "C", g.id COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING k.source, k.id, k.number, k.received_at AS "receivedAt"`;

const insertText = `
INSERT INTO {delivery_events} (number, tenant, source, id, type, bounce, reason, notification, recipient_key, about, occurred_at,
  received_at, via, url, position, user_agent, ip, country, city, zone, device, client, raw, match_at)
SELECT p.number, $1, p.source, p.id, p.type, p.bounce, p.reason, p.notification, p."recipientKey", p.about, p."occurredAt",
  $3, p.via, p.url, p.position, p."userAgent", p.ip, p.country, p.city, p.zone, p.device, p.client, nullif(p.raw, 'null'),
  p."matchAt"
FROM jsonb_to_recordset($2) AS p (number bigint, source text, id text, type text, bounce text, reason text, notification text,
  "recipientKey" text, about jsonb, "occurredAt" timestamptz, via text, url text, position integer, "userAgent" text, ip text,
  country text, city text, zone text, device text, client text, raw jsonb, "matchAt" timestamptz)`;

const actsText = `
INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
SELECT $1, p.entity, p."entityId", p.act, p.by, p.why, $3
FROM jsonb_to_recordset($2) AS p (entity text, "entityId" text, act text, by text, why text)`;

const dueText = `
SELECT ${columns} FROM {delivery_events} e
WHERE e.match_at <= coalesce($1::timestamptz, clock_timestamp()) ORDER BY e.match_at, e.number LIMIT $2 FOR UPDATE SKIP LOCKED`;

const placeText = `
UPDATE {delivery_events} e SET notification = p.notification, recipient_key = p."recipientKey", match_at = p."matchAt"
FROM jsonb_to_recordset($1) AS p (number bigint, tenant text, "receivedAt" timestamptz, notification text, "recipientKey" text,
  "matchAt" timestamptz)
WHERE e.tenant = p.tenant AND e.number = p.number AND e.received_at = p."receivedAt"`;

type Key = Pick<DeliveryEvent, "source" | "id" | "number" | "receivedAt">;

export function deliveryEventRepository(database: Database): DeliveryEventRepository {
  const suppressions = suppressionSteps(database);
  const facts = factSteps(database, suppressions);
  const found = findNotifications(database);
  const partitions = partitionSteps(database);
  const keys = database.statement("delivery_events_keys", keysText);
  const insert = database.statement("delivery_events_insert", insertText);
  const acts = database.statement("delivery_events_acts", actsText);
  const due = database.statement("delivery_events_due", dueText);
  const place = database.statement("delivery_events_place", placeText);

  return {
    record: ({ tenant, events, softBounces, now: given }) =>
      database.transaction(async (run) => {
        const ordered = inOrder(events);
        // before all other locks, as every step that may forbid an address does
        if (ordered.some(({ type }) => weighs(type))) await suppressions.lock(run, tenant);
        const sources = textArray(ordered.map(({ source }) => source));
        const ids = textArray(ordered.map(({ id }) => id));
        const stored = await run<Key>(keys, [tenant, sources, ids, time(given)]);
        if (stored.length === 0) return { applied: [], suppressed: 0 };
        const now = stored[0]!.receivedAt;
        const numbers = new Map(stored.map(({ source, id, number }) => [JSON.stringify([source, id]), number]));
        const numberOf = ({ source, id }: Pick<NewDeliveryEvent, "source" | "id">) =>
          numbers.get(JSON.stringify([source, id]));
        const fresh = ordered.filter((event) => numberOf(event) !== undefined);
        const matched = await found(run, tenant, fresh);
        const rows = matched.map(({ event: { acting, ...event }, notification }) => ({
          ...event,
          number: numberOf(event)!,
          notification: notification?.id ?? null,
          recipientKey: notification?.recipientKey ?? event.recipientKey,
          matchAt: notification === null ? nextLookAt(event.about, now, now) : null,
        }));
        await run(insert, [tenant, JSON.stringify(rows), time(now)]);
        const acted = matched.flatMap(({ event: { acting, type, id } }, i) => {
          if (acting === null) return [];
          const { recipientKey } = rows[i]!;
          const entity = recipientKey === null ? "delivery_event" : "recipient";
          return { entity, entityId: recipientKey ?? id, act: type, ...acting };
        });
        if (acted.length > 0) await run(acts, [tenant, JSON.stringify(acted), time(now)]);
        const suppressed = await facts.apply(run, tenant, matched, { softBounces, now, given });
        return { applied: rows.map(({ source, id, notification }) => ({ source, id, notification })), suppressed };
      }),

    match: ({ limit, softBounces, now: given }) =>
      database.transaction(async (run) => {
        const all = await run<DeliveryEvent>(due, [time(given), limit]);
        if (all.length === 0) return 0;
        const tenants = [...new Set(all.map(({ tenant }) => tenant))].sort();
        for (const tenant of tenants) {
          const heavy = all.some((event) => event.tenant === tenant && weighs(event.type));
          if (heavy) await suppressions.lock(run, tenant);
        }
        const now = await suppressions.now(run, given);
        for (const tenant of tenants) {
          const those = all.filter((event) => event.tenant === tenant);
          const matched = await found(run, tenant, those);
          const rows = matched.map(({ event, notification }) => ({
            ...{ number: event.number, tenant, receivedAt: event.receivedAt },
            notification: notification?.id ?? null,
            recipientKey: notification?.recipientKey ?? event.recipientKey,
            matchAt: notification === null ? nextLookAt(event.about, event.receivedAt, now) : null,
          }));
          await run(place, [JSON.stringify(rows)]);
          const placed = matched.filter(({ notification }) => notification !== null);
          await facts.apply(run, tenant, placed, { softBounces, now, given });
        }
        return all.length;
      }),

    facts: ({ tenant, notifications }) => facts.read(tenant, notifications),

    list({ tenant, notification, recipientKey, types, unmatched, after, limit }) {
      const values: Value[] = [tenant, limit];
      const where = ["e.tenant = $1"];
      const value = (given: Value) => `$${values.push(given)}`;
      if (notification !== undefined) where.push(`e.notification = ${value(notification)}`);
      if (recipientKey !== undefined) where.push(`e.recipient_key = ${value(recipientKey)}`);
      if (types !== undefined) where.push(`e.type = ANY (${value(textArray(types))}::text[])`);
      if (unmatched) where.push("e.notification IS NULL");
      if (after !== undefined) where.push(`e.number > ${value(after)}`);
      const statement = database.statement(
        "delivery_events_list",
        `SELECT ${columns} FROM {delivery_events} e WHERE ${where.join(" AND ")} ORDER BY e.number LIMIT $2`,
      );
      return database.run<DeliveryEvent>(statement, values);
    },

    engagement: (input) => engagementStep(database, input),
    prepare: (input) => partitions.prepare(input),
    purge: (input) => partitions.purge(input),
  };
}
