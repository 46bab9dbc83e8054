import { createMilepost, MilepostError, milestone, thresholds } from "@milepost/core";
import { hostileNames } from "@milepost/core/conformance";
import { tableNamer } from "@milepost/core/store";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { migrations } from "./migrations.generated.js";
import { ownDatabase } from "./postgres-harness.js";
import { ddl, postgresStore } from "./postgres-store.js";

const hostileName = fc
  .array(fc.oneof(fc.constantFrom(...hostileNames), fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 5 })
  .map((parts) => parts.join(""));

let database: Awaited<ReturnType<typeof ownDatabase>>;
let pool: pg.Pool;
beforeAll(async () => {
  database = await ownDatabase(inject("databaseUrl"));
  pool = new pg.Pool({ connectionString: database.url, max: 4 });
  await pool.query("CREATE TABLE public.victim (name text); INSERT INTO public.victim VALUES ('unharmed')");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** Everything that has a name, by the schema it is in; a schema itself and a role are in none. */
async function everything(): Promise<readonly { readonly schema: string | null; readonly name: string }[]> {
  const { rows } = await pool.query(`
    SELECT n.nspname::text AS schema, 'relation ' || c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname <> 'pg_toast'
    UNION ALL SELECT n.nspname, 'function ' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION ALL SELECT n.nspname, 'operator ' || o.oprname FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
    UNION ALL SELECT n.nspname, 'type ' || t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
      WHERE n.nspname <> 'pg_toast'
    UNION ALL SELECT NULL, 'schema ' || nspname FROM pg_namespace
    UNION ALL SELECT NULL, 'role ' || rolname FROM pg_roles
    UNION ALL SELECT NULL, 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal`);
  return rows;
}

/** Migrates, counts one event and reads it again; answers whether the names were accepted. */
async function use(schema: string, tablePrefix: string, byHand: boolean): Promise<boolean> {
  let store: ReturnType<typeof postgresStore>;
  try {
    store = postgresStore(pool, { schema, tablePrefix });
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_options", path: expect.stringMatching(/^(schema|tablePrefix)$/) });
    expect(() => ddl({ schema, tablePrefix })).toThrow(MilepostError);
    return false;
  }
  if (byHand) await pool.query(ddl({ schema, tablePrefix }));
  const milepost = createMilepost({
    store,
    milestones: [milestone({ name: "m", metric: "x", policy: thresholds(1) })],
  });
  expect((await milepost.migrate()).applied).toHaveLength(byHand ? 0 : migrations.length);
  const { value, crossings } = await milepost.record({ id: "e", metric: "x", subject: "s" });
  expect([value, crossings.length]).toEqual([1, 1]);
  return true;
}

test("whatever a schema and prefix are called, nothing is made outside of them", { timeout: 120_000 }, async () => {
  const before = await everything();
  const used = new Map<string, string>();
  const samples = fc.sample(fc.tuple(hostileName, hostileName, fc.boolean()), { numRuns: 600, seed: 16 });
  let refused = 0;
  for (const [schema, tablePrefix, byHand] of samples) {
    if (used.has(schema) || schema === "public") continue;
    if (await use(schema, tablePrefix, byHand)) used.set(schema, tablePrefix);
    else refused += 1;
  }
  expect(used.size).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);

  const after = await everything();
  const outside = after.filter(({ schema }) => schema === null || !used.has(schema));
  const schemas = [...used.keys()].map((schema) => ({ schema: null, name: `schema ${schema}` }));
  const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();
  expect(sorted(outside)).toEqual(sorted([...before, ...schemas]));
  const inside = after.filter(({ schema }) => schema !== null && used.has(schema));
  const strange = inside.filter(
    ({ schema, name }) => !/^(relation|type) /.test(name) || !named(name, used.get(schema!)!),
  );
  expect(strange).toEqual([]);
  expect((await pool.query("SELECT name FROM public.victim")).rows).toEqual([{ name: "unharmed" }]);
});

/** Array types have an underscore before their element's name, and Postgres cuts those off that get too long by it. */
function named(described: string, prefix: string): boolean {
  const name = described.slice(described.indexOf(" ") + 1);
  return name.startsWith(prefix) || name.startsWith(`_${prefix}`);
}

test("no name of ours is cut off with the longest prefix that is accepted", async () => {
  const accepted = (length: number) => {
    try {
      return tableNamer({ tablePrefix: "p".repeat(length) }) !== undefined;
    } catch {
      return false;
    }
  };
  const tablePrefix = "p".repeat(Array.from({ length: 64 }, (_, i) => 63 - i).find(accepted)!);
  expect(tablePrefix.length).toBeGreaterThanOrEqual(20);
  const names = new Set(
    migrations.flatMap(({ sql }) => [...sql.matchAll(/\{#?([a-z_]+)\}/g)].map(([, name]) => name!)),
  );
  await pool.query(ddl({ schema: "longest", tablePrefix }));
  const { rows } = await pool.query(`
    SELECT relname AS name FROM pg_class WHERE relnamespace = 'longest'::regnamespace
    UNION SELECT typname FROM pg_type WHERE typnamespace = 'longest'::regnamespace
    UNION SELECT conname FROM pg_constraint WHERE connamespace = 'longest'::regnamespace`);
  const made = new Set(rows.map(({ name }) => name));
  expect([...names].filter((name) => !made.has(tablePrefix + name))).toEqual([]);
});

test.each(["pg_catalog", "pg_toast", "pg_temp", "pg_", "information_schema"])(
  "%s is Postgres' own and no schema for us",
  (schema) => {
    const refusal = expect.objectContaining({ code: "invalid_options", path: "schema" });
    expect(() => postgresStore(pool, { schema })).toThrow(refusal);
    expect(() => ddl({ schema })).toThrow(refusal);
  },
);
