import Database from "better-sqlite3";
import { afterEach, describe, expect, test } from "vitest";
import { sqliteStore } from "./index.js";
import { type TemporaryDatabase, temporaryDatabase } from "./sqlite-harness.js";

let database: TemporaryDatabase | undefined;
afterEach(() => database?.dispose());

describe("durability", () => {
  test("a file that is not in WAL mode is refused, and the message has the pragma to run", () => {
    database = temporaryDatabase();
    const db = database.open();
    db.pragma("journal_mode = DELETE");
    expect(() => sqliteStore(db)).toThrowError(
      expect.objectContaining({
        code: "unsafe_durability",
        message: expect.stringContaining("journal_mode = WAL"),
      }),
    );
  });

  test.each([
    ["OFF", false],
    ["NORMAL", false],
    ["FULL", true],
    ["EXTRA", true],
  ])("synchronous = %s: durableCommits is %s", (synchronous, durableCommits) => {
    database = temporaryDatabase();
    const db = database.open();
    db.pragma(`synchronous = ${synchronous}`);
    expect(sqliteStore(db).supports).toEqual({
      persistence: true,
      durableCommits,
      hostTransactions: true,
      wakeUps: false,
      effect: true,
    });
  });

  test("better-sqlite3's own setting for a WAL file, NORMAL, is seen although nothing was read from the file yet", () => {
    database = temporaryDatabase();
    database.open().exec("CREATE TABLE something (a)");
    const db = new Database(database.file);
    expect(sqliteStore(db).supports.durableCommits).toBe(false);
    db.close();
  });

  test("what a new file answers stays true when it is written", async () => {
    database = temporaryDatabase();
    const db = new Database(database.file);
    db.pragma("journal_mode = WAL");
    const store = sqliteStore(db);
    await store.migrate();
    await store.definitions.install({ definitions: [] });
    const synchronous = Number(db.pragma("synchronous", { simple: true }));
    expect(store.supports.durableCommits).toBe(synchronous >= 2);
    db.close();
  });

  test.each([":memory:", ""])("a database without a file (%j) forgets mark and notification together", (name) => {
    const db = new Database(name);
    expect(sqliteStore(db).supports).toEqual({
      persistence: false,
      durableCommits: true,
      hostTransactions: true,
      wakeUps: false,
      effect: true,
    });
    db.close();
  });
});
