import { inspect } from "node:util";
import { createMilepost, every, MilepostError, milestone, sql } from "@milepost/core";
import pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";
import { postgresStore } from "./postgres-store.js";

// S14 where Postgres is special: the passwords in its urls, and the values that its server quotes. Everything else is in
// core's conformance cases.

const word = "kanarie";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(inject("databaseUrl"));
});
afterEach(() => sandbox.dispose());

/** As a logger would print it that leaves nothing out. */
const printed = (what: unknown) =>
  inspect(what, { showHidden: true, depth: null, getters: true }) + JSON.stringify(what);

test.each([
  ["nobody listens there", `postgres://app:${word}@127.0.0.1:1/none`],
  ["there is no such host", `postgres://app:${word}@host.invalid:5432/none`],
  ["the url is none", `postgres://app:${word}@[::1/none`],
  ["the role does not exist", ""],
])("no password is told where the database cannot be reached: %s", async (_, url) => {
  const server = new URL(inject("databaseUrl"));
  const connectionString = url || `postgres://nobody:${word}@${server.host}${server.pathname}`;
  const store = postgresStore(new pg.Pool({ connectionString }));
  const m = milestone({ name: "m", metric: "m", policy: every(1) });
  const milepost = createMilepost({ store, milestones: [m] });
  const told: unknown[] = [];
  const failed = new Promise<void>((resolve) => {
    milepost.on("error", (event) => {
      told.push(event);
      resolve();
    });
  });
  const warned = (warning: Error) => told.push(warning);
  process.on("warning", warned);
  for (const work of [
    () => milepost.migrate(),
    () => milepost.record({ id: "e", metric: "m", subject: "s" }),
    () => milepost.runOnce(),
  ]) {
    const error = await work().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(MilepostError.is(error) && error.cause instanceof Error).toBe(true);
    told.push(error);
  }
  const worker = milepost.worker();
  await worker.start();
  await failed;
  await worker.stop({ grace: 0 });
  process.off("warning", warned);
  expect(printed(told)).not.toContain(word);
  await milepost.close();
});

test("what a host's statement is refused for is kept with code, constraint and routine, and without its values", async () => {
  const pool = sandbox.pool();
  const store = sandbox.store({}, pool);
  await store.migrate();
  await pool.query(
    `CREATE TABLE ${sandbox.schema}.people (email text CONSTRAINT one_each UNIQUE, age integer CHECK (age > 0))`,
  );
  const people = `${sandbox.schema}.people`;
  await pool.query(`INSERT INTO ${people} (email) VALUES ('${word}@leak.example')`);
  const statement = (text: string, value: unknown) =>
    sql([`INSERT INTO ${people} ${text.split("?")[0]}`, text.split("?")[1]!] as never, value as string);
  const address = `${word}@leak.example`;
  const cases = {
    unique: ["(email) VALUES (?)", "23505", "_bt_check_unique"],
    check: [`(email, age) VALUES (? || '.2', -1)`, "23514", "ExecConstraints"],
    number: ["(age) VALUES ((?::text)::integer)", "22P02", "pg_strtoint32_safe"],
    raise: [`(age) SELECT 1 FROM (SELECT ${people.split(".")[0]}.fail(?)) AS f`, "P0001", "exec_stmt_raise"],
  } as const;
  await pool.query(`CREATE FUNCTION ${sandbox.schema}.fail(text) RETURNS integer LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'nobody is called %', $1 USING DETAIL = $1, HINT = $1; END $$`);
  const milestones = Object.entries(cases).map(([name, [text]]) =>
    milestone({ name, metric: name, policy: every(1), effect: () => statement(text, address) }),
  );
  const milepost = createMilepost({ store, milestones });
  const told: { readonly error: unknown }[] = [];
  milepost.on("error", (event) => told.push(event));
  for (const metric of Object.keys(cases)) await milepost.record({ id: "e", metric, subject: "s" });
  expect(told.map(({ error }) => ((error as Error).cause as { readonly code?: string }).code)).toEqual(
    Object.values(cases).map(([, code]) => code),
  );
  expect(told.map(({ error }) => ((error as Error).cause as { readonly routine?: string }).routine)).toEqual(
    Object.values(cases).map(([, , routine]) => routine),
  );
  expect(told[0]?.error).toMatchObject({ cause: { constraint: "one_each", table: "people" } });
  const parked = await milepost.parked.list();
  expect(parked).toHaveLength(4);
  expect(printed([told, parked])).not.toContain(word);
  await milepost.close();
});
