import { MilepostError } from "@milepost/core/store";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";
import { ddl } from "./postgres-store.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(inject("databaseUrl"));
});
afterEach(() => sandbox.dispose());

describe("migrate", () => {
  test("20 at once all succeed, and one of them applies each migration", async () => {
    const reports = await Promise.all(
      Array.from({ length: 20 }, () => sandbox.store({}, sandbox.pool({ max: 1 })).migrate()),
    );
    expect(reports.filter(({ applied }) => applied.length > 0)).toEqual([{ applied: ["ground", "proof"] }]);
  });

  test("two prefixes in one new schema may be migrated at once", async () => {
    const prefixes = ["a_", "b_", "c_", "d_"];
    const reports = await Promise.all(prefixes.map((tablePrefix) => sandbox.store({ tablePrefix }).migrate()));
    expect(reports).toEqual(prefixes.map(() => ({ applied: ["ground", "proof"] })));
  });

  test("an applied migration that differs from the shipped one is refused", async () => {
    const pool = sandbox.pool();
    const store = sandbox.store({}, pool);
    await store.migrate();
    await pool.query(`UPDATE "${sandbox.schema}".migrations SET checksum = 'other'`);
    await expect(store.migrate()).rejects.toMatchObject({ code: "schema_changed" });
  });

  test("a schema newer than this code is refused", async () => {
    const pool = sandbox.pool();
    const store = sandbox.store({}, pool);
    await store.migrate();
    await pool.query(`INSERT INTO "${sandbox.schema}".migrations VALUES (999, 'later', 'x', now())`);
    await expect(store.migrate()).rejects.toMatchObject({ code: "schema_newer" });
  });

  test("a migration that fails half-way leaves nothing behind", async () => {
    const pool = sandbox.pool();
    await pool.query(`CREATE SCHEMA "${sandbox.schema}"; CREATE TABLE "${sandbox.schema}".acts ()`);
    await expect(sandbox.store({}, pool).migrate()).rejects.toMatchObject({ code: "store_failed" });
    const { rows } = await pool.query("SELECT tablename FROM pg_tables WHERE schemaname = $1", [sandbox.schema]);
    expect(rows).toEqual([{ tablename: "acts" }]);
  });

  test("a step before migrate() says that tables are missing", async () => {
    const step = sandbox.store().definitions.list();
    await expect(step).rejects.toSatisfy((error) => MilepostError.is(error) && error.message.includes("migrate()"));
    await expect(step).rejects.toMatchObject({ code: "schema_missing" });
  });
});

describe("ddl", () => {
  test("is everything that migrate() would do", async () => {
    const pool = sandbox.pool();
    await pool.query(ddl({ schema: sandbox.schema }));
    const store = sandbox.store({}, pool);
    expect(await store.migrate()).toEqual({ applied: [] });
    expect(await store.lanes.list({ tenant: "default" })).toEqual([]);
  });
});

test.each([
  { schema: `Sch"em; DROP TABLE x --$1 {counters}`, tablePrefix: `pre"fix $& {a} ` },
  { schema: "schéma'ø", tablePrefix: "select" },
])("a schema and prefix of any characters are only names: $schema", async (naming) => {
  await sandbox.dispose();
  sandbox = new Sandbox(inject("databaseUrl"), `${naming.schema}${Math.random().toString(36).slice(2, 8)}`);
  const store = sandbox.store({ tablePrefix: naming.tablePrefix });
  expect(await store.migrate()).toEqual({ applied: ["ground", "proof"] });
  expect(await store.migrate()).toEqual({ applied: [] });
  await store.lanes.setPaused({ tenant: "default", notifier: "smtp", paused: true, by: "ann", why: "test" });
  expect(await store.lanes.list({ tenant: "default" })).toHaveLength(1);
  const byHand = sandbox.store({ tablePrefix: "hand" });
  await sandbox.pool().query(ddl({ schema: sandbox.schema, tablePrefix: "hand" }));
  expect(await byHand.migrate()).toEqual({ applied: [] });
});

test("names that Postgres would truncate are refused", () => {
  expect(() => sandbox.store({ tablePrefix: "p".repeat(24) })).toThrow(
    expect.objectContaining({ code: "invalid_options" }),
  );
  expect(() => sandbox.store({ schema: "s".repeat(64) })).toThrow(expect.objectContaining({ code: "invalid_options" }));
});
