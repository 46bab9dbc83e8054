import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Migration, migrationChecksum } from "@milepost/core/store";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sqliteDriver } from "./driver.js";
import { ddl, sqliteStore } from "./index.js";
import { migrate } from "./migrate.js";
import { migrations } from "./migrations.generated.js";
import { realPatience } from "./patience.js";
import { type TemporaryDatabase, temporaryDatabase } from "./sqlite-harness.js";

const names = migrations.map((migration) => migration.name);
let database: TemporaryDatabase;
let db: Database.Database;
beforeEach(() => {
  database = temporaryDatabase();
  db = database.open();
});
afterEach(() => database.dispose());

function schemaOf(handle: Database.Database): unknown[] {
  return handle.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").all();
}

describe("migrate", () => {
  test("applies every migration in order; a repeat applies none", async () => {
    const store = sqliteStore(db);
    expect(await store.migrate()).toEqual({ applied: names });
    expect(await store.migrate()).toEqual({ applied: [] });
    const rows = db.prepare("SELECT version, name, checksum FROM milepost_migrations").all();
    expect(rows).toEqual(migrations.map((m) => ({ version: m.version, name: m.name, checksum: migrationChecksum(m) })));
  });

  test("twenty handles in four processes migrate at once: one applies, the others find it done", async () => {
    const script = fileURLToPath(new URL("./migrate-process.ts", import.meta.url));
    const processes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", script, database.file, "5"], {
          stdio: ["pipe", "pipe", "inherit"],
          cwd: fileURLToPath(new URL(".", import.meta.url)),
        });
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
        expect((await lines.next()).value).toBe("ready");
        return { child, lines };
      }),
    );
    for (const { child } of processes) child.stdin.write("go\n");
    const applied = await Promise.all(
      processes.map(async ({ child, lines }) => {
        const ended = once(child, "close");
        const reports = JSON.parse((await lines.next()).value as string) as string[][];
        await ended;
        return reports;
      }),
    );
    expect(applied.flat()).toHaveLength(20);
    expect(applied.flat().filter((report) => report.length > 0)).toEqual([names]);
  }, 60_000);

  test("a migration that was changed after it was applied is refused", async () => {
    await sqliteStore(db).migrate();
    db.exec("UPDATE milepost_migrations SET checksum = 'other' WHERE version = 1");
    await expect(sqliteStore(db).migrate()).rejects.toMatchObject({ code: "schema_changed" });
  });

  test("a schema that is newer than the code is refused", async () => {
    await sqliteStore(db).migrate();
    db.exec("INSERT INTO milepost_migrations VALUES (9999, 'later', 'x', '2026-01-01T00:00:00.000Z')");
    await expect(sqliteStore(db).migrate()).rejects.toMatchObject({ code: "schema_newer" });
  });

  test("a migration that fails leaves nothing behind, not even those before it", async () => {
    const driver = sqliteDriver(db, { tablePrefix: "milepost_", busyTimeout: 0, patience: realPatience });
    const broken: Migration = {
      version: migrations.length + 1,
      name: "broken",
      sql: "CREATE TABLE {x} (a); NONSENSE;",
    };
    await expect(migrate(driver, [...migrations, broken])).rejects.toMatchObject({ code: "store_failed" });
    expect(schemaOf(db)).toEqual([]);
  });

  test("a step before it is refused with what to do", async () => {
    const step = sqliteStore(db).definitions.list();
    await expect(step).rejects.toMatchObject({
      code: "schema_missing",
      message: expect.stringContaining("migrate()"),
    });
  });
});

describe("ddl", () => {
  test("makes the same schema as migrate(), which finds nothing to do afterwards", async () => {
    await sqliteStore(db, { tablePrefix: "mine_" }).migrate();
    const other = new Database(":memory:");
    other.exec(ddl({ tablePrefix: "mine_" }));
    expect(schemaOf(other)).toEqual(schemaOf(db));
    expect(await sqliteStore(other, { tablePrefix: "mine_" }).migrate()).toEqual({ applied: [] });
    other.close();
  });
});

describe("tablePrefix", () => {
  const hostile = ['"; DROP TABLE host; --', "it's", "{counters}", "a b.c", "Ünï", "$1?@x:y", ""];
  test.each(hostile)("%j is only ever a name", async (tablePrefix) => {
    db.exec("CREATE TABLE host (a)");
    const store = sqliteStore(db, { tablePrefix });
    await store.migrate();
    expect(await store.counters.list({ tenant: "t", limit: 1 })).toEqual([]);
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
    expect(tables).toContain("host");
    expect(tables).toContain(`${tablePrefix}counters`);
  });

  test("two stores with different prefixes share a database and see nothing of each other", async () => {
    const one = sqliteStore(db, { tablePrefix: "one_" });
    const two = sqliteStore(db, { tablePrefix: "two_" });
    expect(await one.migrate()).toEqual(await two.migrate());
    await one.lanes.setPaused({ tenant: "t", notifier: "n", paused: true, by: "me", why: "test" });
    expect(await two.lanes.list({ tenant: "t" })).toEqual([]);
  });

  test.each(["sqlite_mine", "SQLite_", "x".repeat(60), "nul\0"])("%j is refused", (tablePrefix) => {
    const refused = expect.objectContaining({ code: "invalid_options", path: "tablePrefix" });
    expect(() => sqliteStore(db, { tablePrefix })).toThrowError(refused);
    expect(() => ddl({ tablePrefix })).toThrowError(refused);
  });
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("busyTimeout %s is refused", (busyTimeout) => {
  expect(() => sqliteStore(db, { busyTimeout })).toThrowError(
    expect.objectContaining({ code: "invalid_options", path: "busyTimeout" }),
  );
});
