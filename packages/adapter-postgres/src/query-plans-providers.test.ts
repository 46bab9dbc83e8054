import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { PlannedStore, total, ways } from "./query-plans.js";

// What the server does with 100,000 rows that wait in the lanes of 400 accounts, two of each tenant; half of them for later.

const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store } = planned;
beforeAll(async () => {
  await store.migrate();
  await planned.fill(
    `INSERT INTO providers (tenant, id, family, channel, kind, name, sender, settings, state, is_primary, position,
        created_at)
      SELECT 't' || t, 'a' || a, 'mail', 'email', 'smtp', 'A', '{}', '{}',
        CASE WHEN t = 7 AND a = 0 THEN 'failing' ELSE 'active' END, a = 0, a, now()
      FROM generate_series(1, 200) t, generate_series(0, 1) a;
    INSERT INTO lanes (tenant, notifier, paused)
      SELECT tenant, family || '/' || id, state <> 'active' FROM providers;
    INSERT INTO notifications (tenant, id, source_kind, source_id, campaign, channel, recipient_key, item_key, notifier,
        mode, recipient, template, data, not_before, max_attempts, created_at)
      SELECT 't' || 1 + n % 200, 'n' || n, 'campaign', 'c' || n % 3, 'c' || n % 3, 'email', 'r' || n, '',
        'mail/a' || (n / 200) % 2, 'at-most-once', '{}', 'h', '{}',
        now() + CASE n / 400 % 2 WHEN 0 THEN interval '0' ELSE interval '1 day' END, 5, now()
      FROM generate_series(0, 99999) n;
    INSERT INTO templates (tenant, hash, content, created_at) SELECT 't' || t, 'h', '{}', now()
      FROM generate_series(1, 200) t`,
    ["notifications", "providers", "lanes", "templates"],
  );
});
afterAll(() => sandbox.dispose());

const ofNotifications = async (step: () => Promise<unknown>) =>
  (await planned.accessesOf(step)).filter(({ table }) => table === "notifications");

test("a claim of all accounts hops from line to line by the index, and reads of each what it can take", async () => {
  const claim = { notifiers: [], families: ["mail"], limit: 10, served: [], lease: 1_000 };
  const found = await ofNotifications(() => store.notifications.claim(claim));
  expect(ways(found)).not.toContainEqual(expect.stringMatching(/^Seq Scan/));
  // either plan: 1,200 lines, ten rows of each, ten under a lock and again by their key
  expect(total(found)).toBeLessThan(2 * (1_200 * 11 + 3 * 10 + 100));
});

test("lanes that cannot send are found by their accounts, and whether any row waits there by one look each", async () => {
  const found = await ofNotifications(() => store.providers.stranded({ after: null, limit: 100 }));
  expect(ways(found)).not.toContainEqual(expect.stringMatching(/^Seq Scan/));
  expect(total(found)).toBeLessThan(2 * 2 * 400);
});

test("a failover reads the rows whose time has come, of one lane", async () => {
  const lane = { tenant: "t7", notifier: "mail/a0" };
  const found = await ofNotifications(() => store.providers.failover({ ...lane, limit: 50 }));
  expect(ways(found)).not.toContainEqual(expect.stringMatching(/^Seq Scan/));
  // either plan: the lane's three lines, fifty rows of each at most, and fifty by their key
  expect(total(found)).toBeLessThan(2 * (10 + 3 * 50 * 2 + 2 * 50));
});
