import type { NewDeliveryEvent } from "@milepost/core/store";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Access, PlannedStore, total, ways } from "./query-plans.js";

// What the server does on tables of 20,000 rows: notifications of twenty campaigns, their events and facts, and what was said
// of addresses.

const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store } = planned;
const accessesOf = planned.accessesOf.bind(planned);
const large = ["notifications", "delivery_events_else", "delivery_event_keys", "delivery_facts", "address_events"];
beforeAll(async () => {
  await store.migrate();
  await planned.fill(
    `INSERT INTO notifications (tenant, id, source_kind, source_id, campaign, channel, recipient_key, item_key, notifier, mode,
      recipient, template, data, state, max_attempts, not_before, created_at, fence, attempts, message_id, receipt)
      SELECT 't', 'n' || n, 'campaign', 'c' || n % 20, 'c' || n % 20, 'email', 'r' || n, '', 'smtp', 'at-most-once', '{}',
        't' || n % 3, '{}', 'sent', 5, now(), timestamptz '2026-11-01Z' + n * interval '1 minute', 1, 1, '<n' || n || '>',
        CASE n % 2 WHEN 0 THEN 'OK' ELSE 'rcp-' || n END
      FROM generate_series(1, 20000) n;
    INSERT INTO delivery_event_keys (tenant, source, id, received_at)
      SELECT 't', 'ses', 'e' || n, now() FROM generate_series(1, 20000) n;
    INSERT INTO delivery_events (number, tenant, source, id, type, notification, recipient_key, about, occurred_at, received_at,
      via, match_at)
      SELECT n, 't', 'ses', 'e' || n, 'opened', CASE WHEN n % 100 > 0 THEN 'n' || n END, 'r' || n, '{}', now(), now(), 'webhook',
        CASE WHEN n % 200 = 0 THEN now() - interval '1 minute' END
      FROM generate_series(1, 20000) n;
    INSERT INTO delivery_facts (tenant, notification, campaign, template, queued_at, settled, events, first_opened_at,
      last_opened_at, opens, clicks)
      SELECT 't', 'n' || n, 'c' || n % 20, 't' || n % 3, timestamptz '2026-11-01Z' + n * interval '1 minute', true, 1, now(), now(),
        1, 0
      FROM generate_series(1, 20000) n;
    INSERT INTO address_events (tenant, recipient_key, source, id, type, bounce, scope, occurred_at)
      SELECT 't', 'r' || n, 'ses', 'b' || n, 'bounced', 'soft', '*', now() FROM generate_series(1, 20000) n`,
    large,
  );
  // as autovacuum leaves them: an index alone is read only where rows are known to be visible to all
  for (const table of ["notifications", "delivery_facts"])
    await planned.pool.query(`VACUUM "${sandbox.schema}".${table}`);
});
afterAll(() => sandbox.dispose());

const softBounces = { limit: 3, within: 1_000 };
const of = (found: readonly Access[], ...tables: string[]) => found.filter(({ table }) => tables.includes(table));
function expectIndexes(found: readonly Access[]): void {
  expect(found.filter(({ how, table }) => how === "Seq Scan" && large.includes(table))).toEqual([]);
}

function events(count: number, about: (i: number) => Partial<NewDeliveryEvent["about"]>, type: "opened" | "bounced") {
  return Array.from(
    { length: count },
    (_, i): NewDeliveryEvent => ({
      ...{ tenant: "t", source: "ses", id: `new-${i}`, type, bounce: type === "bounced" ? "soft" : null, reason: null },
      ...{
        occurredAt: new Date(),
        via: "webhook",
        recipientKey: null,
        url: null,
        position: null,
        userAgent: null,
        ip: null,
      },
      ...{ country: null, city: null, zone: null, device: null, client: null, raw: null, acting: null },
      about: { notification: null, messageId: null, receipt: null, ...about(i) },
    }),
  );
}

test("events find their messages by an index, whatever says which one it is, and a receipt of ten thousand reads two", async () => {
  const ways1: readonly ((i: number) => Partial<NewDeliveryEvent["about"]>)[] = [
    (i) => ({ notification: `n${i * 7 + 1}` }),
    (i) => ({ messageId: `<n${i * 7 + 1}>` }),
    (i) => ({ receipt: `rcp-${i * 2 + 1}` }),
    () => ({ receipt: "OK" }),
  ];
  for (const about of ways1) {
    for (const type of ["opened", "bounced"] as const) {
      const input = { tenant: "t", events: events(100, about, type), softBounces };
      const found = await accessesOf(() => store.deliveryEvents.record(input));
      expectIndexes(found);
      expect(total(of(found, "notifications"))).toBeLessThanOrEqual(2 * 2 * 100);
      expect(total(of(found, "delivery_facts"))).toBeLessThanOrEqual(2 * 2 * 100);
      expect(total(of(found, "address_events"))).toBeLessThanOrEqual(2 * 2 * 100);
    }
  }
});

test("events to look at again, pages of events and facts are read by an index", async () => {
  const page = { tenant: "t", limit: 50, after: 10_000 };
  const steps: readonly (readonly [() => Promise<unknown>, number])[] = [
    [() => store.deliveryEvents.match({ limit: 20, softBounces }), 500],
    [() => store.deliveryEvents.list(page), 110],
    [() => store.deliveryEvents.list({ ...page, unmatched: true }), 110],
    [() => store.deliveryEvents.list({ ...page, notification: "n12345" }), 10],
    [() => store.deliveryEvents.list({ ...page, recipientKey: "r12345" }), 10],
    [() => store.deliveryEvents.facts({ tenant: "t", notifications: ["n1", "n2", "n3"] }), 10],
    [() => store.deliveryEvents.purge({ age: 86_400_000, limit: 100 }), 10],
  ];
  for (const [step, most] of steps) {
    const found = of(await accessesOf(step), ...large);
    expectIndexes(found);
    expect(total(found)).toBeLessThanOrEqual(2 * most);
  }
});

test("figures of a campaign read its own rows, and of those only an index", async () => {
  const found = await accessesOf(() =>
    store.deliveryEvents.engagement({ tenant: "t", by: "campaign", campaigns: ["c1"] }),
  );
  expectIndexes(found);
  expect(ways(of(found, "notifications", "delivery_facts"))).toContain("Index Only Scan notifications_campaign");
  expect(ways(of(found, "notifications", "delivery_facts"))).toContain("Index Only Scan delivery_facts_campaign");
});

test("figures of an hour read what was queued in it", async () => {
  const from = new Date("2026-11-03T10:00:00Z");
  const to = new Date("2026-11-03T11:00:00Z");
  for (const by of ["time", "template"] as const) {
    const found = await accessesOf(() => store.deliveryEvents.engagement({ tenant: "t", by, from, to }));
    expectIndexes(found);
    expect(total(of(found, "notifications", "delivery_facts"))).toBeLessThanOrEqual(2 * 4 * 60);
  }
});
