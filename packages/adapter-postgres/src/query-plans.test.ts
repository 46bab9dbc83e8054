import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { PlannedStore, total, ways } from "./query-plans.js";

// What the server does on tables of 20,000 rows.

const metric = "m";
const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store, pool } = planned;
const accessesOf = planned.accessesOf.bind(planned);
beforeAll(async () => {
  await store.migrate();
  // 400 tenants with 50 counters each, of which every tenth tenant has the metric, in the midst of others.
  await planned.fill(
    `INSERT INTO counters (tenant, metric, subject, period, value, rev, due, dip, peak, place, generation)
      SELECT 't' || t, CASE WHEN t % 10 = 0 AND s BETWEEN 10 AND 19 THEN '${metric}' ELSE 'n' || (s % 3) || 'z' END,
        's' || s, 'lifetime', 1, 1, false, 1, 1, 1, 1
      FROM generate_series(1, 400) t, generate_series(1, 50) s;
    INSERT INTO events SELECT 't' || n % 400, CASE n % 2 WHEN 0 THEN '${metric}' ELSE 'other' END, 'e' || n,
      CASE WHEN n % 4 < 3 THEN timestamptz '2026-01-01' + n * interval '1 minute' END
      FROM generate_series(1, 20000) n;
    INSERT INTO retained_events SELECT 't' || n % 400, CASE n % 2 WHEN 0 THEN '${metric}' ELSE 'other' END, 's', n, 0,
      'e' || n, 1, timestamptz '2026-01-01' + n * interval '1 minute', n
      FROM generate_series(1, 20000) n;
    INSERT INTO inbox (tenant, metric, id, subject, amount, occurred_at, refusal) SELECT 't' || n % 400, '${metric}',
      'e' || n, 's', 1, now(), CASE WHEN n % 200 = 0 THEN '{"code": "c", "message": "m"}'::jsonb END
      FROM generate_series(1, 20000) n`,
    ["counters", "events", "retained_events", "inbox"],
  );
});
afterAll(() => sandbox.dispose());

test("idle counters are found by the primary key from tenant to tenant, without reading what lies between", async () => {
  const found = await accessesOf(() => store.counters.idle({ metric, generation: 2, limit: 100 }));
  expect(ways(found)).toEqual(["Index Only Scan counters_pkey", "Index Scan counters_pkey"]);
  // either plan: 100 counters, and one row for each of the about 100 tenants up to there
  expect(total(found)).toBeLessThan(2 * (100 + 150));
  const after = { tenant: "t40", metric, subject: "s15", period: "lifetime" };
  const rest = await accessesOf(() => store.counters.idle({ metric, generation: 2, limit: 10, after }));
  expect(ways(rest)).toEqual(ways(found));
  expect(total(rest)).toBeLessThan(2 * (10 + 30));
});

test("the walk over idle counters finds each once, and ends its calls also between tenants that have none", async () => {
  const pages = async (of: string, limit: number) => {
    const sizes: number[] = [];
    let after: Awaited<ReturnType<typeof store.counters.idle>>["next"] | undefined;
    do {
      const page = await store.counters.idle({ metric: of, generation: 2, limit, ...(after && { after }) });
      sizes.push(page.counters.length);
      after = page.next;
    } while (after !== null);
    return sizes;
  };
  expect(await pages(metric, 150)).toEqual([150, 150, 100]);
  expect(await pages("unknown", 150)).toEqual([0]);
  const schema = `"${sandbox.schema}"`;
  await pool.query(`INSERT INTO ${schema}.counters (tenant, metric, subject, period, value, rev, due, dip, peak, place)
    SELECT 'u' || n, 'z', 's', 'lifetime', 1, 1, false, 1, 1, 1 FROM generate_series(1, 700) n`);
  expect(await pages(metric, 150)).toEqual([150, 150, 100, 0]);
  expect(await pages("unknown", 150)).toEqual([0, 0, 0]);
  expect((await pages("z", 600)).reduce((sum, size) => sum + size, 0)).toBe(700);
  await pool.query(`DELETE FROM ${schema}.counters WHERE metric = 'z'`);
});

test("a purge finds the oldest rows of its metric by their time", async () => {
  const now = new Date("2026-01-08T00:00:00Z");
  await pool.query(`INSERT INTO "${sandbox.schema}".definitions (metric, generation, decrements, births, milestones)
    VALUES ('${metric}', 1, false, '[]', '[]')`);
  const purged = await accessesOf(() => store.events.purge({ metric, generation: 1, age: 1000, limit: 50, now }));
  const found = purged.filter(({ table }) => table !== "definitions");
  const indexes = ["Index Scan events_occurred_at", "Index Scan retained_events_occurred_at"];
  expect(ways(found)).toEqual([...indexes, "Tid Scan "]);
  expect(total(found)).toBe(2 * 2 * (50 + 50));
});

test("the inbox is listed and drained by its numbers, and its refused rows by their own index", async () => {
  const waiting = await accessesOf(() =>
    store.inbox.list({ refused: false, metrics: [metric], after: 9000, limit: 50 }),
  );
  expect(ways(waiting)).toEqual(["Index Scan inbox_waiting"]);
  expect(total(waiting)).toBeLessThan(2 * 60);
  const refused = await accessesOf(() => store.inbox.list({ refused: true, after: 9000, limit: 20 }));
  expect(ways(refused)).toEqual(["Index Scan inbox_refused"]);
  const retried = await accessesOf(() => store.inbox.decide({ act: "retry", tenant: "t200", by: "ann", why: "again" }));
  expect(ways(retried).some((way) => way.startsWith("Seq Scan"))).toBe(false);
  const drained = Array.from({ length: 100 }, (_, i) => 1 + ((i * 7919) % 20_000));
  const forgotten = await accessesOf(() => store.counters.add({ events: [], rules: {}, drained }));
  const inbox = forgotten.filter(({ table }) => table === "inbox");
  expect(ways(inbox).every((way) => /inbox_(pkey|waiting|refused)|Tid/.test(way))).toBe(true);
  expect(total(inbox)).toBeLessThanOrEqual(2 * 2 * 100);
});

test("ids are looked up by their key", async () => {
  const ids = Array.from({ length: 20 }, (_, i) => `e${4 + 400 * i}`);
  const found = await accessesOf(() => store.events.known({ tenant: "t4", metric, ids }));
  expect(ways(found)).toEqual(["Index Only Scan events_pkey"]);
  expect(total(found)).toBe(2 * ids.length);
});

test("retained events are listed by their key", async () => {
  const input = { tenant: "t4", metric, subject: "s", after: { rev: 9000, place: 0 }, limit: 5 };
  const found = await accessesOf(() => store.events.list(input));
  expect(ways(found)).toEqual(["Index Scan retained_events_pkey"]);
  expect(total(found)).toBe(2 * 5);
});
