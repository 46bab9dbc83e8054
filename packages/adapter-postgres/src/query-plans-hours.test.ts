import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Access, PlannedStore, total, ways } from "./query-plans.js";

// What the server does when the hours of 20,000 notifications close at one instant, beside as many without hours.

const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store } = planned;
const closed = new Date("2026-11-20T17:00:00Z");
const now = new Date("2026-11-20T17:00:05Z");
beforeAll(async () => {
  await store.migrate();
  await planned.fill(
    `INSERT INTO notifications (tenant, id, source_kind, source_id, channel, recipient_key, item_key, notifier, mode,
        recipient, template, data, state, not_before, max_attempts, created_at, open_until)
      SELECT 't', 'n' || n, 'crossing', 'c' || n, 'email', 'r' || n, '', 'smtp', 'at-most-once', '{}', 'h', '{}',
        'pending', '${closed.toISOString()}', 5, now(), CASE n % 2 WHEN 0 THEN '${closed.toISOString()}'::timestamptz END
      FROM generate_series(1, 40000) n`,
    ["notifications"],
  );
});
afterAll(() => sandbox.dispose());

const scans = (found: readonly Access[]) => ways(found).filter((way) => way.startsWith("Seq Scan"));

test("rows whose hours have closed are read by an index in its order, and no more of them than are asked for", async () => {
  const found = await planned.accessesOf(() => store.notifications.closed({ limit: 500, now }));
  expect(ways(found)).toEqual(["Index Scan notifications_closing"]);
  // by either plan
  expect(total(found)).toBeLessThanOrEqual(2 * 500);
});

test("hours are opened anew by the rows' keys", async () => {
  const openings = Array.from({ length: 500 }, (_, i) => {
    const times = { closed, notBefore: new Date("2026-11-21T08:00:00Z"), openUntil: new Date("2026-11-21T17:00:00Z") };
    return { tenant: "t", id: `n${2 * i}`, ...times };
  });
  const found = await planned.accessesOf(() => store.notifications.reopen({ openings }));
  expect(scans(found)).toEqual([]);
  // each is read to be locked and to be written, by either plan
  expect(total(found.filter(({ table }) => table === "notifications"))).toBeLessThanOrEqual(2 * 2 * 500);
});
