import { inspect } from "node:util";
import { MilepostError } from "@milepost/core/store";
import pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import type { PostgresPool } from "./driver.js";
import { leavesConnectionUsable, translateError } from "./errors.js";
import { Sandbox } from "./postgres-harness.js";
import { postgresStore } from "./postgres-store.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(inject("databaseUrl"));
});
afterEach(() => sandbox.dispose());

const server = (code: string, more: object = {}) => ({ code, severity: "ERROR", message: "row of acme", ...more });

test.each([
  ["40P01", "store_busy"],
  ["40001", "store_busy"],
  ["55P03", "store_busy"],
  ["08006", "store_unavailable"],
  ["57P01", "store_unavailable"],
  ["53300", "store_unavailable"],
  ["42P01", "schema_missing"],
  ["3F000", "schema_missing"],
  ["23505", "store_failed"],
  ["42601", "store_failed"],
])("SQLSTATE %s is %s", (state, code) => {
  expect(translateError(server(state), "counters_value_safe")).toMatchObject({ code });
});

test("a value beyond the safe integers is an overflow, another check is not", () => {
  const check = (constraint: string) => translateError(server("23514", { constraint }), "counters_value_safe").code;
  expect(check("counters_value_safe")).toBe("counter_overflow");
  expect(check("another")).toBe("store_failed");
});

test("errors of the network and the pool are store_unavailable, other ones store_failed", () => {
  const codeOf = (error: unknown) => translateError(error, "").code;
  expect(codeOf(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }))).toBe("store_unavailable");
  expect(codeOf(new Error("Connection terminated unexpectedly"))).toBe("store_unavailable");
  expect(codeOf(new Error("timeout exceeded when trying to connect"))).toBe("store_unavailable");
  expect(codeOf(new TypeError("x is not a function"))).toBe("store_failed");
});

test("neither message nor cause holds row data; the cause says what was refused, and where", () => {
  const cause = Object.assign(new Error('duplicate key value violates unique constraint "people_email"'), {
    ...{ code: "23505", severity: "ERROR", schema: "public", table: "people", constraint: "people_email" },
    ...{ file: "nbtinsert.c", line: "666", routine: "_bt_check_unique", length: 200 },
    ...{ detail: "Key (email)=(canary@acme.example) already exists.", where: "SQL statement canary", hint: "canary" },
    ...{ internalQuery: "INSERT canary", parameters: ["canary"], query: { values: ["canary"] } },
  });
  const error = translateError(cause, "");
  expect(inspect(error, { showHidden: true, depth: null })).not.toContain("canary");
  expect(error.cause).toMatchObject({
    ...{ message: cause.message, code: "23505", table: "people", constraint: "people_email" },
    ...{ routine: "_bt_check_unique", stack: cause.stack },
  });
});

test.each([
  [
    "22P02",
    'invalid input syntax for type integer: "canary "of" hearts"',
    'invalid input syntax for type integer: "…"',
  ],
  ["22003", 'value "canary" is out of range for type integer', 'value "…"'],
  ["42703", 'column "emial" does not exist', 'column "emial" does not exist'],
  ["P0001", "no budget for canary@acme.example", "no budget for [address]"],
])("of a refusal %s the cause says %s without its values", (state, message, said) => {
  const { cause } = translateError(server(state, { message }), "");
  expect((cause as Error).message).toBe(said);
});

test("what the network, the pool, a url or a query builder says is kept without passwords and parameters", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), { code: "ECONNREFUSED", port: 5432 });
  expect(translateError(refused, "").cause).toMatchObject({
    message: refused.message,
    code: "ECONNREFUSED",
    port: 5432,
  });
  const both = new AggregateError([refused, new Error("connect ECONNREFUSED ::1:5432")]);
  expect(translateError(Object.assign(both, { code: "ECONNREFUSED" }), "").cause).toMatchObject({
    ...{ message: "connect ECONNREFUSED 127.0.0.1:5432; connect ECONNREFUSED ::1:5432", code: "ECONNREFUSED" },
  });
  const url = Object.assign(new TypeError("Invalid URL"), {
    ...{ code: "ERR_INVALID_URL", input: "postgres://app:canary@db" },
  });
  const builder = Object.assign(new Error("Failed query: INSERT params: canary"), {
    ...{ params: ["canary"], cause: new Error("Connection terminated: postgres://app:canary@db/x") },
  });
  const parsed = (() => {
    try {
      return JSON.parse("canary");
    } catch (error) {
      return error;
    }
  })();
  for (const error of [url, builder, parsed, "canary", { message: "postgres://app:canary@db/x" }]) {
    const translated = translateError(error, "");
    expect(inspect(translated, { showHidden: true, depth: null })).not.toContain("canary");
  }
});

test("a connection is kept only after an error of a statement", () => {
  expect(leavesConnectionUsable(server("23505"))).toBe(true);
  expect(leavesConnectionUsable({ ...server("57P01"), severity: "FATAL" })).toBe(false);
  expect(leavesConnectionUsable(new Error("Connection terminated unexpectedly"))).toBe(false);
});

test("a server that is not there is store_unavailable", async () => {
  const pool = new pg.Pool({ connectionString: "postgres://nobody@127.0.0.1:1/none" });
  await expect(postgresStore(pool).definitions.list()).rejects.toMatchObject({ code: "store_unavailable" });
  await pool.end();
});

test("a connection killed in the middle of a step is dropped by the pool, and the next step works", async () => {
  const pool = sandbox.pool({ max: 1, application_name: sandbox.schema });
  pool.on("error", () => {});
  const store = sandbox.store({}, pool);
  await store.migrate();
  const admin = sandbox.pool();
  const holder = await admin.connect();
  await holder.query(`BEGIN; LOCK TABLE "${sandbox.schema}".lanes IN ACCESS EXCLUSIVE MODE`);
  const step = store.lanes.list({ tenant: "default" }).catch((error: unknown) => error);
  const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = $1 AND wait_event_type = 'Lock'`;
  while ((await admin.query(kill, [sandbox.schema])).rowCount === 0);
  const error = await step;
  await holder.query("ROLLBACK");
  holder.release();
  expect(MilepostError.is(error) && error.code).toBe("store_unavailable");
  expect(await store.lanes.list({ tenant: "default" })).toEqual([]);
  expect(pool.totalCount).toBe(1);
});

test("after a refused statement the connection is kept", async () => {
  const pool = sandbox.pool({ max: 1 });
  let connections = 0;
  pool.on("connect", () => {
    connections += 1;
  });
  const store = sandbox.store({}, pool);
  await expect(store.lanes.list({ tenant: "default" })).rejects.toMatchObject({ code: "schema_missing" });
  await store.migrate();
  expect(connections).toBe(1);
});

test("a real pg.Pool fits the structural type, also with the host's own parsers and DateStyle", async () => {
  const types = { getTypeParser: () => () => "the host's" };
  const options = "-c DateStyle=ISO,DMY -c TimeZone=Asia/Kolkata -c default_transaction_isolation=serializable";
  const pool = sandbox.pool({ types: types as never, options });
  const port: PostgresPool = pool;
  const store = postgresStore(port, { schema: sandbox.schema });
  await store.migrate();
  const now = new Date("2026-11-21T07:57:28.123Z");
  await store.lanes.setPaused({ tenant: "default", notifier: "smtp", paused: true, by: "ann", why: "w", now });
  const acts = await store.acts.list({ limit: 100, tenant: "default", entity: "lane", entityId: "smtp" });
  expect(acts).toEqual([{ ...acts[0], at: now, act: "pause" }]);
});
