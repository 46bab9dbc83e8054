import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { PlannedStore, total, ways } from "./query-plans.js";

// What the server does for one subject, and for what was not sent, on tables of 20,000 rows.

const metric = "m";
const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store } = planned;
const accessesOf = planned.accessesOf.bind(planned);
const large = ["counters", "trail", "parked", "crossings", "notices", "notifications", "attempts", "levels", "acts"];
beforeAll(async () => {
  await store.migrate();
  // 2,000 subjects of 4 tenants, each with 10 crossings, one notice of each, and a notification of either.
  await planned.fill(
    `INSERT INTO definitions (metric, generation, decrements, births, milestones) VALUES ('${metric}', 1, false, '[]', '[]');
    INSERT INTO counters (tenant, metric, subject, period, value, rev, due, dip, peak, place, generation)
      SELECT 't' || n % 4, '${metric}', 's' || n, 'lifetime', 1, 1, true, 1, 1, 1, 1 FROM generate_series(1, 20000) n;
    INSERT INTO trail (tenant, metric, subject, period, rev, from_value, ids, amounts, occurred_ats, recorded_at)
      SELECT 't' || n % 4, '${metric}', 's' || n, 'lifetime', 1, 0, '{e}', '{1}', '{2026-01-01}', now()
      FROM generate_series(1, 20000) n;
    INSERT INTO parked (tenant, metric, subject, period, folded, reason, detail, attempts, since, retry_at)
      SELECT 't' || n % 4, '${metric}', 's' || n, 'lifetime', 0, 'effect_failed', '', 1, now(), now()
      FROM generate_series(1, 20000) n;
    INSERT INTO crossings (tenant, id, milestone, metric, subject, period, threshold, limit_version, arming, at, direction,
      previous, value, event_id, reached_at, state, notifications, not_before, created_at)
      SELECT 't' || n % 4, 'c' || n, 'budget', '${metric}', 's' || n % 2000, 'lifetime', n, 0, 1, 1, 'rising', 0, 1, 'e',
        now(), CASE n % 50 WHEN 4 THEN 'leased' ELSE 'announced' END, 1, now(), now()
      FROM generate_series(1, 20000) n;
    INSERT INTO notices (tenant, id, crossing, milestone, kind, number, value, noticed_at, state, reason, notifications,
      not_before, created_at)
      SELECT 't' || n % 4, 'n' || n, 'c' || n, 'budget', 'reminder', 1, 1, now(),
        CASE WHEN n % 50 = 4 THEN 'leased' WHEN n % 100 = 0 THEN 'failed' ELSE 'announced' END,
        CASE n % 100 WHEN 0 THEN 'silent' END, 1, now(), now()
      FROM generate_series(1, 20000) n;
    INSERT INTO notifications (tenant, id, source_kind, source_id, channel, recipient_key, item_key, notifier, mode,
      recipient, template, data, state, not_before, max_attempts, created_at)
      SELECT 't' || n % 4, kind || n, kind, left(kind, 1) || n, 'email', 'r', '', 'smtp', 'at-most-once', '{}', 't', '{}',
        CASE n % 50 WHEN 4 THEN 'pending' ELSE 'sent' END, now(), 5, now()
      FROM generate_series(1, 20000) n, unnest('{crossing,notice}'::text[]) kind;
    INSERT INTO attempts (tenant, notification, number, fence, started_at)
      SELECT 't' || n % 4, 'crossing' || n, 1, 1, now() FROM generate_series(1, 20000) n;
    INSERT INTO levels_heads SELECT 't' || n % 4, 'm' || n % 10, 's' || n, 1, 0 FROM generate_series(1, 20000) n;
    INSERT INTO levels (tenant, milestone, subject, version, levels, by, why, created_at)
      SELECT 't' || n % 4, 'm' || n % 10, 's' || n, 1, '[]', 'b', 'w', now() FROM generate_series(1, 20000) n;
    INSERT INTO acts (tenant, entity, entity_id, act, by, why, at)
      SELECT 't' || n % 4, 'counter', '["${metric}","s' || n || '","lifetime"]', 'release', 'b', 'w', now()
      FROM generate_series(1, 20000) n`,
    [...large, "levels_heads", "definitions"],
  );
});
afterAll(() => sandbox.dispose());

test("a subject's rows of every kind are found by an index, whatever others have", async () => {
  const act = { entityId: "digest", by: "ann", why: "asked" };
  const halted = await accessesOf(() => store.subjects.halt({ tenant: "t0", subject: "s4", act }));
  const erased = await accessesOf(() => store.subjects.erase({ tenant: "t0", subject: "s4", limit: 5 }));
  for (const found of [halted, erased]) {
    const ours = found.filter(({ table }) => [...large, "levels_heads"].includes(table));
    expect(ways(ours).filter((way) => way.startsWith("Seq Scan"))).toEqual([]);
    // ten crossings, each with a notice and two notifications, looked at in a few statements under two plans
    expect(total(ours)).toBeLessThan(2 * 10 * 4 * 5);
  }
});

test("what was not sent of notices is counted without reading what was", async () => {
  const found = await accessesOf(() => store.notices.reasons({ tenant: "t0", since: new Date(0) }));
  expect(ways(found).filter((way) => way.startsWith("Seq Scan"))).toEqual([]);
  expect(total(found)).toBe(2 * 200);
});
