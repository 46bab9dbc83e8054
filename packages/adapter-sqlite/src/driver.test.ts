import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { RecordedEvent } from "@milepost/core/store";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { type SqliteDatabase, sqliteDriver } from "./driver.js";
import { sqliteStore } from "./index.js";
import { type Patience, pauseBeforeTry } from "./patience.js";
import { type OpenedSqliteStore, openSqliteStore } from "./sqlite-harness.js";
import { birth, definition, event, rules } from "./store-samples.js";

let opened: OpenedSqliteStore;
beforeEach(async () => {
  opened = await openSqliteStore();
  await opened.store.definitions.install({ definitions: [definition()] });
});
afterEach(() => opened.dispose());

function events(...ids: string[]): RecordedEvent[] {
  const feeds = [{ ...birth, above: 2 }];
  return ids.map((id) => event({ id, subject: `of ${id}`, feeds }));
}

function add(store = opened.store, ...ids: string[]) {
  return store.counters.add({ events: events(...ids), rules: rules() });
}

/** Whether `promise` is still open after many turns of the event loop; a blocked loop would not come to answer. */
async function staysOpen(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  for (let turn = 0; turn < 200; turn++) await nextTurn();
  return !settled;
}

describe("transactions", () => {
  test("a batch, due counters and all, is exactly one transaction", async () => {
    const log: string[] = [];
    const db = new Database(opened.database.file, { verbose: (sql) => void log.push(String(sql)) });
    const store = sqliteStore(db);
    await add(store, "a");
    log.length = 0;
    const { counters } = await store.counters.add({
      events: [...events("a", "b", "c"), ...events("d", "e").map((event) => ({ ...event, subject: "hot" }))],
      rules: rules(),
    });
    expect(counters.filter((counter) => counter.due)).toHaveLength(1);
    const bounds = log.filter((sql) => /^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)/i.test(sql));
    expect(bounds).toEqual(["BEGIN IMMEDIATE", "COMMIT"]);
    expect(log.at(0)).toBe("BEGIN IMMEDIATE");
    expect(log.at(-1)).toBe("COMMIT");
    db.close();
  });

  test("a step that fails half-way leaves nothing, and the handle without a transaction", async () => {
    const big = events("x", "y").map((e) => ({ ...e, subject: "x", amount: Number.MAX_SAFE_INTEGER }));
    const batch = [...events("a"), ...big];
    const step = opened.store.counters.add({ events: batch, rules: rules() });
    await expect(step).rejects.toMatchObject({ code: "counter_overflow" });
    expect(opened.db.inTransaction).toBe(false);
    expect(await opened.store.counters.list({ tenant: "t", limit: 9 })).toEqual([]);
    expect((await add(opened.store, "a")).duplicates).toEqual([]);
  });

  test("a throw that SQLite rolled back already is passed on as it is", async () => {
    const driver = sqliteDriver(opened.db, { tablePrefix: "milepost_", busyTimeout: 0, patience: idle() });
    const step = driver.write((step) => {
      step.run("ROLLBACK");
      throw new TypeError("mine");
    });
    await expect(step).rejects.toMatchObject({ code: "store_failed", cause: new TypeError("mine") });
  });

  test("integers are numbers on a handle whose host chose BigInt", async () => {
    opened.db.defaultSafeIntegers(true);
    const store = sqliteStore(opened.db);
    expect(store.supports.durableCommits).toBe(true);
    expect((await add(store, "a")).counters).toMatchObject([{ value: 1, rev: 1, due: false }]);
  });

  test("after close() the handle is still the host's", async () => {
    await opened.store.close();
    await opened.store.close();
    expect(opened.db.prepare("SELECT 1 AS one").get()).toEqual({ one: 1 });
  });

  test("a handle that its host has closed says so", async () => {
    const db = opened.database.open();
    const store = sqliteStore(db);
    db.close();
    await expect(add(store, "a")).rejects.toMatchObject({ code: "store_unavailable" });
    expect(() => sqliteStore(db)).toThrowError(expect.objectContaining({ code: "store_unavailable" }));
  });
});

describe("the host's own transaction on the shared handle", () => {
  test.each(["COMMIT", "ROLLBACK"])("a step waits for its %s and is stored for good", async (end) => {
    opened.db.exec("CREATE TABLE host (a); BEGIN; INSERT INTO host VALUES (1)");
    const step = add(opened.store, "a");
    expect(await staysOpen(step)).toBe(true);
    opened.db.exec(end);
    expect((await step).counters).toMatchObject([{ value: 1 }]);
    const other = await opened.reopen();
    expect(await other.counters.list({ tenant: "t", limit: 9 })).toMatchObject([{ value: 1 }]);
    expect(opened.db.prepare("SELECT count(*) FROM host").pluck().get()).toBe(end === "COMMIT" ? 1 : 0);
  });

  test("one held open for 200 ms is waited for while the event loop goes on, and no step becomes part of it", async () => {
    opened.db.exec("CREATE TABLE host (a); BEGIN; INSERT INTO host VALUES (1)");
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    const steps = [
      add(opened.store, "a"),
      add(opened.store, "b"),
      opened.store.counters.list({ tenant: "t", limit: 9 }),
    ];
    await delay(200);
    clearInterval(timer);
    // 40 on an idle machine; a loop that is blocked has none
    expect(turns).toBeGreaterThan(10);
    const other = await opened.reopen();
    expect(await other.counters.list({ tenant: "t", limit: 9 })).toEqual([]);
    opened.db.exec("ROLLBACK");
    await Promise.all(steps);
    expect(await other.counters.list({ tenant: "t", limit: 9 })).toHaveLength(2);
    expect(opened.db.prepare("SELECT * FROM host").all()).toEqual([]);
  });

  test("a step called inside db.transaction() runs after it", async () => {
    let step: ReturnType<typeof add> | undefined;
    const host = opened.db.transaction(() => {
      step = add(opened.store, "a");
      throw new Error("host's own failure");
    });
    expect(host).toThrow("host's own failure");
    expect((await step)?.counters).toMatchObject([{ value: 1 }]);
  });

  test("a read waits too, so that it never sees what is not committed", async () => {
    opened.db.exec("BEGIN; INSERT INTO milepost_lanes (tenant, notifier) VALUES ('t', 'n')");
    const step = opened.store.lanes.list({ tenant: "t" });
    expect(await staysOpen(step)).toBe(true);
    opened.db.exec("ROLLBACK");
    expect(await step).toEqual([]);
  });

  test("one that stays open ends the wait with store_busy, and nothing is stored", async () => {
    const store = sqliteStore(opened.db, { busyTimeout: 5 });
    opened.db.exec("BEGIN");
    await expect(add(store, "a")).rejects.toMatchObject({
      code: "store_busy",
      message: expect.stringContaining("host"),
    });
    opened.db.exec("COMMIT");
    expect(await store.counters.list({ tenant: "t", limit: 9 })).toEqual([]);
  });

  test("an iteration of the host that is not finished is waited for", async () => {
    const rows = opened.db.prepare("SELECT value FROM json_each('[1,2]')").iterate();
    rows.next();
    const step = add(opened.store, "a");
    expect(await staysOpen(step)).toBe(true);
    rows.return?.();
    expect((await step).counters).toMatchObject([{ value: 1 }]);
  });
});

describe("another connection that writes", () => {
  test("is waited for without blocking the event loop", async () => {
    const foreign = opened.database.open();
    foreign.exec("BEGIN IMMEDIATE");
    const step = add(opened.store, "a");
    expect(await staysOpen(step)).toBe(true);
    foreign.exec("COMMIT");
    expect((await step).counters).toMatchObject([{ value: 1 }]);
  });

  test("does not hold up a step that only reads", async () => {
    await add(opened.store, "a");
    opened.database.open().exec("BEGIN IMMEDIATE");
    expect(await opened.store.counters.list({ tenant: "t", limit: 9 })).toHaveLength(1);
    expect(await opened.store.counters.due({ metrics: ["m"], limit: 9, trailLimit: 9 })).toEqual([]);
  });

  test("and does not end in time is store_busy", async () => {
    opened.database.open().exec("BEGIN IMMEDIATE");
    const step = add(sqliteStore(opened.db, { busyTimeout: 5 }), "a");
    await expect(step).rejects.toMatchObject({ code: "store_busy", cause: { code: "SQLITE_BUSY" } });
    expect(opened.db.inTransaction).toBe(false);
  });

  test("is asked again after pauses that grow, never beyond the timeout", async () => {
    opened.database.open().exec("BEGIN IMMEDIATE");
    let now = 0;
    const pauses: number[] = [];
    const sleep = async (milliseconds: number) => {
      pauses.push(milliseconds);
      now += milliseconds;
    };
    const patience: Patience = { now: () => now, sleep, random: () => 0.999_999 };
    const driver = sqliteDriver(opened.db, { tablePrefix: "milepost_", busyTimeout: 100, patience });
    await expect(driver.write(() => 1)).rejects.toMatchObject({ code: "store_busy" });
    expect(pauses.slice(0, 7).map(Math.round)).toEqual([1, 2, 4, 8, 16, 32, 32]);
    expect(now).toBe(100);
  });
});

test("a pause has half of its length from chance", () => {
  expect([0, 0.5, 1].map((random) => pauseBeforeTry(4, random))).toEqual([4, 6, 8]);
});

test("a better-sqlite3 Database is a SqliteDatabase", () => {
  expectTypeOf<Database.Database>().toExtend<SqliteDatabase>();
  expectTypeOf(sqliteStore).toBeCallableWith(opened.db);
});

function idle(): Patience {
  return { now: () => 0, sleep: async () => {}, random: () => 0 };
}
