import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { PostgresQuery } from "./driver.js";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

// What the server does on tables of 20,000 rows, by the plan made for any values (a named statement's from its sixth
// execution on) and by the one made for these.

const metric = "m";
let sandbox: Sandbox;
let store: PostgresStore;
let pool: pg.Pool;
const sent: PostgresQuery[] = [];
/** A step's own transaction is left out, so that all of it can be undone. */
let undoing = false;
beforeAll(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  pool = sandbox.pool({ max: 1 });
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => unknown;
    client.query = ((config: PostgresQuery | string, ...more: unknown[]) => {
      if (typeof config === "string") return query(config, ...more);
      sent.push(config);
      return query(undoing && /^(BEGIN|COMMIT)/.test(config.text) ? { text: "SELECT" } : config);
    }) as typeof client.query;
  });
  store = sandbox.store({}, pool);
  await store.migrate();
  // 400 tenants with 50 counters each, of which every tenth tenant has the metric, in the midst of others.
  await pool.query(`SET search_path TO "${sandbox.schema}";
    INSERT INTO counters (tenant, metric, subject, period, value, rev, due, dip, peak, place, generation)
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
      FROM generate_series(1, 20000) n;
    RESET search_path`);
  for (const table of ["counters", "events", "retained_events", "inbox"]) {
    await pool.query(`ANALYZE "${sandbox.schema}".${table}`);
  }
});
afterAll(() => sandbox.dispose());

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}
interface Access {
  readonly how: string;
  readonly table: string;
  readonly index: string | undefined;
  /** Rows that were looked at, those that a filter left out among them. */
  readonly rows: number;
}

function accesses(node: PlanNode): Access[] {
  const rows = ((node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0)) * (node["Actual Loops"] ?? 0);
  const table = node["Relation Name"];
  const own = table === undefined ? [] : [{ how: node["Node Type"], table, index: node["Index Name"], rows }];
  return [...own, ...(node.Plans ?? []).flatMap(accesses)];
}

/** How the statements that a step sends get at the tables, by either plan. */
async function accessesOf(step: () => Promise<unknown>): Promise<Access[]> {
  sent.length = 0;
  await pool.query("BEGIN");
  undoing = true;
  await step();
  undoing = false;
  await pool.query("ROLLBACK");
  const found: Access[] = [];
  for (const { text, values } of sent.filter(({ name }) => name !== undefined)) {
    for (const mode of ["force_generic_plan", "force_custom_plan"]) {
      const name = `plan_${randomBytes(4).toString("hex")}`;
      const given = (values ?? [])
        .map((value) => (value === null ? "NULL" : pg.escapeLiteral(String(value))))
        .join(", ");
      await pool.query(`SET plan_cache_mode = ${mode}; PREPARE ${name} AS ${text}`);
      await pool.query("BEGIN");
      const { rows } = await pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE ${name} (${given})`);
      await pool.query("ROLLBACK; RESET plan_cache_mode");
      found.push(...accesses(rows[0]["QUERY PLAN"][0].Plan).filter(({ how }) => how !== "ModifyTable"));
    }
  }
  expect(found).not.toEqual([]);
  return found;
}

const total = (found: readonly Access[]) => found.reduce((sum, { rows }) => sum + rows, 0);
const ways = (found: readonly Access[]) => [...new Set(found.map(({ how, index }) => `${how} ${index ?? ""}`))].sort();

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
