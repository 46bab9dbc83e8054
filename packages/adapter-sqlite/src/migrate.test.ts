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
import { definition, event, metric, rules } from "./store-samples.js";

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

describe("a database of the first version", () => {
  const key = { tenant: "t", metric, subject: "acme", period: "lifetime" };
  const band = { below: null, above: 1_000 };
  const births = [{ period: "lifetime", ...band, due: false }];

  async function upgraded() {
    const driver = sqliteDriver(db, { tablePrefix: "milepost_", busyTimeout: 0, patience: realPatience });
    await migrate(driver, migrations.slice(0, 1));
    db.exec(`INSERT INTO milepost_definitions (metric, generation, fingerprint, decrements, births, milestones) VALUES
        ('${metric}', 4, 'f', 1, '${JSON.stringify(births)}', '["a", "b"]'),
        ('bare', 1, 'g', 0, '${JSON.stringify(births)}', '[]');
      INSERT INTO milepost_events VALUES ('t', '${metric}', 'evt-1');
      INSERT INTO milepost_counters (tenant, metric, subject, period, value, rev, folded, due, above, generation) VALUES
        ('t', '${metric}', 'acme', 'lifetime', 7, 3, 2, 1, 1000, 4),
        ('t', '${metric}', 'idle', 'lifetime', 5, 1, 0, 0, 1000, 0);
      INSERT INTO milepost_trail VALUES ('t', '${metric}', 'acme', 'lifetime', 3, 6, '["evt-1"]', '[1]',
        '["2026-11-05T12:00:00.123Z"]', '2026-11-05T12:00:00.124Z')`);
    const store = sqliteStore(db);
    expect(await store.migrate()).toEqual({ applied: names.slice(1) });
    return store;
  }

  test("keeps its definitions: each milestone known since ever, with a fingerprint that none has", async () => {
    const store = await upgraded();
    const known = { fingerprint: "", added: 0, changed: 0, birth: births[0]! };
    const milestones = ["a", "b"].map((name) => ({ name, ...known }));
    const stored = definition({ generation: 4, births, milestones, adopted: 0 });
    const bare = definition({ metric: "bare", decrements: false, births, adopted: 0 });
    expect(await store.definitions.list()).toEqual([bare, stored]);
    expect(await store.definitions.install({ definitions: [{ ...stored, generation: 5, retain: "events" }] })).toBe(
      true,
    );
  });

  test("keeps its counters, trails and ids, and counts on", async () => {
    const store = await upgraded();
    const occurredAts = [new Date("2026-11-05T12:00:00.123Z")];
    const trail = [{ rev: 3, generation: 0, from: 6, limitVersion: null, ids: ["evt-1"], amounts: [1], occurredAts }];
    const due = await store.counters.due({ metrics: [metric], limit: 9, trailLimit: 9 });
    expect(due).toEqual([{ ...key, folded: 2, generation: 4, state: {}, trail }]);
    const idle = { ...key, subject: "idle", value: 5, rev: 1, folded: 0, generation: 0, state: {} };
    const page = await store.counters.idle({ metric, generation: 4, limit: 9 });
    expect(page).toEqual({ counters: [idle], next: null });

    const events = ["evt-1", "evt-2"].map((id) => event({ id, subject: "idle" }));
    const added = await store.counters.add({ events, rules: rules({ generation: 4, bandsSince: 1 }) });
    expect(added).toMatchObject({ duplicates: [0], counters: [{ subject: "idle", value: 6, rev: 2, due: true }] });
    const evaluation = { ...key, generation: 4, reached: 4, from: 2, upTo: 3, band, state: {}, crossings: [] };
    expect(await store.crossings.commitEvaluation({ evaluations: [evaluation] })).toEqual(["committed"]);
    expect(await store.counters.get({ keys: [key] })).toEqual([{ ...key, value: 7, rev: 3, due: false }]);
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
