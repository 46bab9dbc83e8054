import { inspect } from "node:util";
import { counterOverflow, notificationNotFound } from "@milepost/core/store";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isBusy, translateError } from "./errors.js";
import { sqliteStore } from "./index.js";
import { type OpenedSqliteStore, openSqliteStore } from "./sqlite-harness.js";

let opened: OpenedSqliteStore;
beforeEach(async () => {
  opened = await openSqliteStore();
});
afterEach(() => opened.dispose());

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("driver errors", () => {
  test.each([
    ["SQLITE_BUSY", "store_busy"],
    ["SQLITE_BUSY_SNAPSHOT", "store_busy"],
    ["SQLITE_BUSY_RECOVERY", "store_busy"],
    ["SQLITE_LOCKED", "store_busy"],
    ["SQLITE_LOCKED_SHAREDCACHE", "store_busy"],
    ["SQLITE_FULL", "store_unavailable"],
    ["SQLITE_IOERR_FSYNC", "store_unavailable"],
    ["SQLITE_CANTOPEN", "store_unavailable"],
    ["SQLITE_CORRUPT", "store_failed"],
    ["SQLITE_READONLY", "store_unavailable"],
    ["SQLITE_NOMEM", "store_unavailable"],
    ["SQLITE_CONSTRAINT_UNIQUE", "store_failed"],
  ])("%s is %s; the message has the code, the cause is kept", (sqlite, code) => {
    const error = new Database.SqliteError("secret row", sqlite);
    const translated = translateError(error);
    expect(translated).toMatchObject({ code, cause: { message: "secret row", name: "SqliteError", code: sqlite } });
    expect(translated.message).not.toContain("secret");
    if (code !== "store_busy") expect(translated.message).toContain(sqlite);
    expect(isBusy(error)).toBe(code === "store_busy");
  });

  test("a cause says what SQLite refused and where, and quotes no value", () => {
    opened.db.exec("CREATE TABLE host_people (email TEXT UNIQUE) STRICT");
    opened.db.exec(`CREATE TRIGGER host_no_eve BEFORE INSERT ON host_people WHEN NEW.email LIKE 'eve%'
      BEGIN SELECT RAISE(ABORT, 'not for canary@acme.example'); END`);
    const insert = opened.db.prepare("INSERT INTO host_people VALUES (?)");
    insert.run("canary@acme.example");
    const causeOf = (run: () => unknown) => {
      const { cause } = translateError(thrownBy(run));
      expect(inspect(cause, { showHidden: true, depth: null })).not.toContain("canary");
      return (cause as Error).message;
    };
    expect(causeOf(() => insert.run("canary@acme.example"))).toBe("UNIQUE constraint failed: host_people.email");
    expect(causeOf(() => insert.run("eve"))).toBe("not for [address]");
    expect(causeOf(() => opened.db.prepare("SELECT json_extract('{}', ?)").get("canary"))).toBe("bad JSON path: …");
    expect(causeOf(() => opened.db.prepare("SELECT FROM x"))).toBe('near "FROM": syntax error');
    expect(causeOf(() => JSON.parse("canary"))).toBe("a text that cannot be parsed");
  });

  test("a missing table or column says to migrate", () => {
    const table = thrownBy(() => opened.db.prepare("SELECT * FROM milepost_absent"));
    const column = thrownBy(() => opened.db.prepare("SELECT absent FROM milepost_counters"));
    const inserted = thrownBy(() => opened.db.prepare("INSERT INTO milepost_counters (absent) VALUES (1)"));
    for (const error of [table, column, inserted]) {
      expect(translateError(error)).toMatchObject({
        code: "schema_missing",
        message: expect.stringContaining("migrate()"),
      });
    }
  });

  test("the table's own check on a counter's value is counter_overflow, in core's words", () => {
    const insert = opened.db.prepare(
      "INSERT INTO milepost_counters (tenant, metric, subject, period, value, rev, due) VALUES ('t', 'm', 's', 'p', ?, 1, 0)",
    );
    const error = thrownBy(() => insert.run(2 ** 53));
    expect(translateError(error)).toMatchObject({
      code: "counter_overflow",
      message: counterOverflow().message,
    });
  });

  test("an error of ours stays as it is", () => {
    const error = notificationNotFound("n");
    expect(translateError(error)).toBe(error);
  });

  test("a row that cannot be read is not quoted", async () => {
    opened.db.exec(
      "INSERT INTO milepost_definitions (metric, generation, decrements, births, milestones) " +
        "VALUES ('m', 1, 0, 'secret', '[]');" +
        "INSERT INTO milepost_subjects VALUES ('t', 's', 'n', NULL, NULL, '{secret')",
    );
    for (const step of [opened.store.definitions.list(), opened.store.subjects.get({ tenant: "t", id: "s" })]) {
      const error = await step.then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      expect(error).toMatchObject({
        code: "store_failed",
        cause: { name: "SyntaxError", message: "a text that cannot be parsed" },
      });
      expect(error?.message).not.toContain("secret");
    }
  });

  test("a full disk is store_unavailable, and the step is rolled back", async () => {
    opened.db.pragma(`max_page_count = ${opened.db.pragma("page_count", { simple: true })}`);
    const subjects = Array.from({ length: 100 }, (_, i) => ({
      tenant: "t",
      id: `s${i}`,
      name: "x".repeat(1000),
      locale: null,
      zone: null,
      fields: {},
      members: null,
    }));
    await expect(opened.store.subjects.put({ subjects })).rejects.toMatchObject({
      code: "store_unavailable",
    });
    expect(opened.db.inTransaction).toBe(false);
    expect(await opened.store.subjects.list({ tenant: "t", limit: 9 })).toEqual([]);
  });

  test("a read-only handle reads, and refuses to write", async () => {
    const pause = { tenant: "t", notifier: "n", paused: true, by: "me", why: "test" };
    const db = new Database(opened.database.file, { readonly: true });
    const store = sqliteStore(db);
    expect(await store.definitions.list()).toEqual([]);
    await expect(store.lanes.setPaused(pause)).rejects.toMatchObject({ code: "store_unavailable" });
    db.close();
  });
});
