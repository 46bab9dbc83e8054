import { closeSync, openSync, writeSync } from "node:fs";
import { type CounterEvaluation, type EvaluationResult, MilepostError } from "@milepost/core/store";
import type Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type SqliteStore, sqliteStore } from "./index.js";
import { type TemporaryDatabase, temporaryDatabase } from "./sqlite-harness.js";
import { definition, event, metric, rules } from "./store-samples.js";

// What statements of the host come to that only SQLite has. The conformance cases have the rest.

let database: TemporaryDatabase;
let db: Database.Database;
let store: SqliteStore;
beforeEach(async () => {
  database = temporaryDatabase();
  db = database.open();
  db.exec("CREATE TABLE host_log (text, CHECK (text <> 'refused')); CREATE TABLE host_once (id INTEGER PRIMARY KEY)");
  store = sqliteStore(db, { busyTimeout: 50 });
  await store.migrate();
  await store.definitions.install({ definitions: [definition()] });
});
afterEach(() => database.dispose());

type SqlValues = NonNullable<CounterEvaluation["effects"]>[number]["statement"]["values"];
/** A statement that no `sql` text has looked at, as a host in plain JavaScript could make one. */
function statement(text: string, ...values: SqlValues) {
  return { crossing: null, statement: { kind: "sql", texts: text.split("?"), values } } as const;
}

const logs = (text: string) => statement("INSERT INTO host_log VALUES (?)", text);

/** Evaluations of new counters, each with its effects. */
async function evaluated(...effects: NonNullable<CounterEvaluation["effects"]>[]): Promise<CounterEvaluation[]> {
  const subjects = effects.map((_, i) => `s${i}`);
  const feeds = [{ period: "lifetime", below: null, above: null, due: true }];
  await store.counters.add({
    events: subjects.map((subject) => event({ id: subject, subject, feeds })),
    rules: rules(),
  });
  return subjects.map((subject, i) => ({
    ...{ tenant: "t", metric, subject, period: "lifetime", generation: 1, reached: 1, from: 0, upTo: 1 },
    ...{ band: { below: null, above: null }, state: {}, crossings: [], effects: effects[i]! },
  }));
}

async function commit(...effects: NonNullable<CounterEvaluation["effects"]>[]): Promise<readonly EvaluationResult[]> {
  return store.crossings.commitEvaluation({ evaluations: await evaluated(...effects) });
}

const logged = () => db.prepare("SELECT text FROM host_log ORDER BY rowid").pluck().all();
async function waiting(): Promise<readonly string[]> {
  const due = await store.counters.due({ metrics: [metric], limit: 10, trailLimit: 1 });
  return due.map(({ subject }) => subject).sort();
}

test("whole numbers arrive as integers, booleans as 0 and 1, times as ISO text", async () => {
  const values = [5, 3_000_000_000, -0, 0.5, 2n ** 62n, true, false, new Date(7), null, "é"];
  const sql = `INSERT INTO host_log VALUES ${values.map(() => "(?)").join(", ")}`;
  expect(await commit([statement(sql, ...values)])).toEqual(["committed"]);
  const stored = db
    .prepare("SELECT typeof(text) || ' ' || ifnull(text, '') FROM host_log ORDER BY rowid")
    .pluck()
    .all();
  expect(stored).toEqual([
    ...["integer 5", "integer 3000000000", "integer 0", "real 0.5", `integer ${2n ** 62n}`, "integer 1", "integer 0"],
    ...["text 1970-01-01T00:00:00.007Z", "null ", "text é"],
  ]);
});

test("a value beside a digit does not become another parameter", async () => {
  const [result] = await commit([statement("INSERT INTO host_log VALUES (?1)", "a")]);
  expect(result).toMatchObject({ failed: 0, error: { code: "SQLITE_ERROR" } });
  expect(logged()).toEqual([]);
});

test("a table is named as the host names it, be it in braces", async () => {
  db.exec('CREATE TABLE "{counters}" (n)');
  expect(await commit([statement('INSERT INTO "{counters}" VALUES (1)')])).toEqual(["committed"]);
  expect(db.prepare('SELECT count(*) FROM "{counters}"').pluck().get()).toBe(1);
});

test("rows that a statement answers are dropped, and what it changed is kept", async () => {
  const effects = [
    statement("INSERT INTO host_log VALUES ('a'), ('b') RETURNING text"),
    statement("SELECT * FROM host_log"),
  ];
  expect(await commit(effects)).toEqual(["committed"]);
  expect(logged()).toEqual(["a", "b"]);
});

test.each([
  ["COMMIT"],
  ["/* ; */ END"],
  ["ROLLBACK"],
  ["ROLLBACK TO milepost_evaluation"],
  ["RELEASE milepost_evaluation"],
  ["SAVEPOINT mine"],
  ["BEGIN"],
  ["BEGIN IMMEDIATE"],
  ["UPDATE host_log SET text = 'x'; COMMIT"],
  ["-- nothing"],
  ["VACUUM"],
])("%s fails its own evaluation, and ends no transaction of ours", async (text) => {
  const results = await commit([logs("before")], [logs("undone"), statement(text)], [logs("after")]);
  expect(results).toEqual(["committed", { failed: 1, error: expect.any(Error) }, "committed"]);
  expect(logged()).toEqual(["before", "after"]);
  expect(await waiting()).toEqual(["s1"]);
});

test("a statement that rolls back the whole transaction fails its own evaluation, and the others are committed", async () => {
  db.exec("INSERT INTO host_once VALUES (1)");
  db.exec(`CREATE TRIGGER host_veto BEFORE DELETE ON host_once BEGIN SELECT RAISE(ROLLBACK, 'no'); END`);
  const results = await commit(
    [logs("first")],
    [logs("undone"), statement("INSERT OR ROLLBACK INTO host_once VALUES (1)")],
    [logs("second")],
    [statement("DELETE FROM host_once")],
    [],
  );
  const failures = [
    { failed: 1, error: expect.objectContaining({ code: "SQLITE_CONSTRAINT_PRIMARYKEY" }) },
    { failed: 0, error: expect.objectContaining({ code: "SQLITE_CONSTRAINT_TRIGGER" }) },
  ];
  expect(results).toEqual(["committed", failures[0], "committed", failures[1], "committed"]);
  expect(logged()).toEqual(["first", "second"]);
  expect(await waiting()).toEqual(["s1", "s3"]);
});

test("a foreign key that is put off to the commit fails the evaluation that breaks it, and no other", async () => {
  db.pragma("foreign_keys = ON");
  db.exec("CREATE TABLE host_child (parent REFERENCES host_once DEFERRABLE INITIALLY DEFERRED)");
  const child = (parent: number) => statement("INSERT INTO host_child VALUES (?)", parent);
  const results = await commit(
    [logs("first")],
    [child(7), logs("undone")],
    [child(8), statement("INSERT INTO host_once VALUES (8)")],
  );
  const error = expect.objectContaining({ code: "SQLITE_CONSTRAINT_FOREIGNKEY" });
  expect(results).toEqual(["committed", { failed: 1, error }, "committed"]);
  expect(logged()).toEqual(["first"]);
  expect(await waiting()).toEqual(["s1"]);
});

test("a statement that keeps what it did before it failed leaves nothing of it", async () => {
  const partly = statement("INSERT OR FAIL INTO host_once VALUES (1), (2), (2)");
  const [result] = await commit([partly]);
  expect(result).toMatchObject({ failed: 0, error: { code: "SQLITE_CONSTRAINT_PRIMARYKEY" } });
  expect(db.prepare("SELECT count(*) FROM host_once").pluck().get()).toBe(0);
});

test("a table of another database that is locked is waited for, and is no failure of the statement", async () => {
  const other = temporaryDatabase();
  try {
    const holder = other.open();
    holder.exec("CREATE TABLE host_far (text)");
    db.pragma("busy_timeout = 0");
    db.exec(`ATTACH '${holder.name}' AS far`);
    const far = statement("INSERT INTO far.host_far VALUES ('x')");
    const evaluations = await evaluated([logs("beside")], [far]);

    holder.exec("BEGIN IMMEDIATE");
    const busy = await store.crossings.commitEvaluation({ evaluations }).catch((error: unknown) => error);
    expect(MilepostError.is(busy) && busy.code).toBe("store_busy");
    expect(logged()).toEqual([]);
    expect(await waiting()).toEqual(["s0", "s1"]);

    holder.exec("COMMIT");
    expect(await store.crossings.commitEvaluation({ evaluations })).toEqual(["committed", "committed"]);
    expect(holder.prepare("SELECT count(*) FROM host_far").pluck().get()).toBe(1);
    db.exec("DETACH far");
  } finally {
    other.dispose();
  }
});

test("a table of another database that takes no writes fails its own evaluation, and the others are committed", async () => {
  const other = temporaryDatabase();
  try {
    const holder = other.open();
    holder.exec("CREATE TABLE host_far (text)");
    holder.close();
    const file = openSync(other.file, "r+");
    // the version that may write it, of an SQLite to come: a file of the host's that is read-only, also to root
    writeSync(file, Uint8Array.of(3), 0, 1, 18);
    closeSync(file);
    db.exec(`ATTACH '${other.file}' AS far`);
    const results = await commit([logs("undone"), statement("INSERT INTO far.host_far VALUES ('x')")], [logs("kept")]);
    const error = expect.objectContaining({ code: "SQLITE_READONLY" });
    expect(results).toEqual([{ failed: 1, error }, "committed"]);
    expect(logged()).toEqual(["kept"]);
    expect(await waiting()).toEqual(["s0"]);
    db.exec("DETACH far");
  } finally {
    other.dispose();
  }
});

test("a full disk is an error of the step, in which nothing is stored", async () => {
  const pages = Number(db.pragma("page_count", { simple: true }));
  const evaluations = await evaluated([logs("beside")], [statement("INSERT INTO host_log VALUES (zeroblob(5000000))")]);
  db.pragma(`max_page_count = ${pages + 20}`);
  const full = await store.crossings.commitEvaluation({ evaluations }).catch((error: unknown) => error);
  expect(MilepostError.is(full) && full.code).toBe("store_unavailable");
  expect(logged()).toEqual([]);
  expect(await waiting()).toEqual(["s0", "s1"]);
  db.pragma("max_page_count = 1000000");
  expect(await store.crossings.commitEvaluation({ evaluations })).toEqual(["committed", "committed"]);
});

test("a function of the host that throws, or uses the handle, fails its statement", async () => {
  db.function("host_throws", () => {
    throw new Error("out of shops");
  });
  db.function("host_nested", () => db.prepare("INSERT INTO host_log VALUES ('nested')").run().changes);
  const results = await commit(
    [statement("SELECT host_throws()")],
    [statement("SELECT host_nested()")],
    [logs("fine")],
  );
  expect(results).toMatchObject([{ failed: 0, error: { message: "out of shops" } }, { failed: 0 }, "committed"]);
  expect(logged()).toEqual(["fine"]);
});
