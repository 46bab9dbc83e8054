import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { PlannedStore, total, ways } from "./query-plans.js";

// What the server does on a table of 20,000 notifications, of which one in a hundred is dead, and 20,000 that wait.

const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store } = planned;
beforeAll(async () => {
  await store.migrate();
  await planned.fill(
    `INSERT INTO notifications (tenant, id, source_kind, source_id, channel, recipient_key, item_key, notifier, mode,
        recipient, template, data, state, reason, not_before, max_attempts, created_at, settled_at)
      SELECT 't' || n % 2, 'n' || n, 'crossing', 'c' || n, 'email', 'r' || n, '', 'smtp', 'at-most-once', '{}', 'h', '{}',
        CASE n % 100 WHEN 0 THEN 'failed' ELSE 'sent' END, CASE n % 100 WHEN 0 THEN 'refused' END, now(), 5, now(), now()
      FROM generate_series(1, 20000) n;
    INSERT INTO notifications (tenant, id, source_kind, source_id, channel, recipient_key, item_key, notifier, mode,
        recipient, template, data, not_before, max_attempts, created_at)
      SELECT 't' || n % 2, 'p' || n, 'crossing', 'd' || n, 'email', 'r' || n, '', 'waiting', 'at-most-once', '{}', 'h',
        '{}', now(), 5, now()
      FROM generate_series(1, 20000) n;
    INSERT INTO templates (tenant, hash, content, created_at) VALUES ('t0', 'h', '{}', now()), ('t1', 'h', '{}', now())`,
    ["notifications"],
  );
});
afterAll(() => sandbox.dispose());

test("dead letters are read by an index that has only such rows, and whether one was redriven by its key", async () => {
  const found = await planned.accessesOf(() => store.notifications.deadLetters({ tenant: "t0", limit: 20 }));
  expect(ways(found)).not.toContainEqual(expect.stringMatching(/^Seq Scan/));
  expect(ways(found)).toContainEqual(expect.stringMatching(/ notifications_dead$/));
  // either plan: all 200 dead letters of the tenant and a look for each, at most
  expect(total(found)).toBeLessThan(2 * 2 * 200 + 10);
  const since = new Date(0);
  const filter = { tenant: "t0", after: "n5", state: "failed", reason: "refused", notifier: "smtp", since } as const;
  const narrowed = await planned.accessesOf(() => store.notifications.deadLetters({ ...filter, limit: 20 }));
  expect(ways(narrowed)).not.toContainEqual(expect.stringMatching(/^Seq Scan/));
  expect(total(narrowed)).toBeLessThan(2 * 2 * 200 + 10);
});

test("a claim reads of each lane what it can take, and writes its rows by their key", async () => {
  const claim = { notifiers: ["waiting"], limit: 10, served: [], lease: 1_000 };
  const found = (await planned.accessesOf(() => store.notifications.claim(claim))).filter(
    ({ table }) => table === "notifications",
  );
  expect(ways(found)).not.toContainEqual(expect.stringMatching(/^Seq Scan/));
  // either plan: the two lanes, ten rows of each, five of each under a lock and again by their key
  expect(total(found)).toBeLessThan(2 * (10 + 2 * 10 + 2 * 10 + 2 * 10));
});
