import { createMilepost, milestone, sql, thresholds } from "@milepost/core";
import type {
  CounterEvaluation,
  Effect,
  EffectFailure,
  EvaluationResult,
  NewCrossing,
  SqlStatement,
} from "@milepost/core/store";
import { MilepostError } from "@milepost/core/store";
import type pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

// What only Postgres has of effects: others hold rows meanwhile, time-outs, retries, connections that are lost.

const metric = "ad.spend";
const key = (subject: string) => ({ tenant: "default", metric, subject, period: "lifetime" });
const shops = "CREATE TABLE host_shops (id text PRIMARY KEY, online boolean NOT NULL)";
const offline = (id: string) => sql`UPDATE host_shops SET online = ${false} WHERE id = ${id}`;

let sandbox: Sandbox;
let store: PostgresStore;
let host: ReturnType<Sandbox["host"]>;
beforeEach(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  host = sandbox.host();
  store = sandbox.store();
  await store.migrate();
  const definition = {
    metric,
    generation: 1,
    decrements: false,
    gauge: false,
    retain: "ids",
    eventRetention: null,
  } as const;
  const rest = { rememberedSince: null, births: [], milestones: [], former: [], removed: [], adopted: 0 };
  await store.definitions.install({ definitions: [{ ...definition, ...rest }] });
  await host.run(shops);
  await host.run("INSERT INTO host_shops VALUES ('acme', true), ('brand', true)");
});
afterEach(() => sandbox.dispose());

async function count(subject: string, id: string, through = store): Promise<void> {
  const feeds = [{ period: "lifetime", below: null, above: null, due: true }];
  const event = { tenant: "default", metric, id, subject, amount: 1, occurredAt: new Date(), feeds };
  const rules = { [metric]: { generation: 1, bandsSince: 0, gauge: false, retain: "ids" as const, purged: false } };
  await through.counters.add({ events: [event], rules });
}

/** The evaluation of a counter's first event: one crossing, under the subject's name, with these statements. */
function evaluated(subject: string, ...statements: readonly SqlStatement[]): CounterEvaluation {
  const crossing: NewCrossing = {
    ...{ ...key(subject), id: subject, milestone: "budget", threshold: "1", limitVersion: 0, arming: 1, at: 1 },
    ...{ code: null, severity: null, limitAmount: null, skipped: 0, previous: 0, value: 1 },
    direction: "rising",
    eventId: "e1",
    reachedAt: new Date(),
    state: "silent",
  };
  const effects = statements.map((statement): Effect => ({ crossing: subject, statement }));
  const band = { below: null, above: null };
  const span = { generation: 1, reached: 1, from: 0, upTo: 1, band, state: {} };
  return { ...key(subject), ...span, crossings: [crossing], effects };
}

async function commit(evaluation: CounterEvaluation, through = store): Promise<EvaluationResult> {
  return (await through.crossings.commitEvaluation({ evaluations: [evaluation] }))[0]!;
}

async function failed(evaluation: CounterEvaluation, through = store): Promise<{ code?: string; message: string }> {
  const result = await commit(evaluation, through);
  expect(result).toMatchObject({ failed: 0 });
  expect(await store.crossings.list({ tenant: "default", limit: 10 })).toEqual([]);
  expect(await store.counters.get({ keys: [key(evaluation.subject)] })).toMatchObject([{ due: true }]);
  return (result as EffectFailure).error as { code?: string; message: string };
}

const online = async () => (await host.all("SELECT id FROM host_shops WHERE online ORDER BY id")).map(({ id }) => id);

test("an effect that waits for a row of the host's holds up nobody who records, and fails after a second", async () => {
  const holder = await sandbox.pool({ options: `-c search_path=${sandbox.hostSchema}` }).connect();
  await holder.query("BEGIN; SELECT FROM host_shops WHERE id = 'acme' FOR UPDATE");
  await count("acme", "e1");
  let ended = false;
  const evaluation = commit(evaluated("acme", offline("acme"))).finally(() => {
    ended = true;
  });
  const admin = sandbox.pool();
  const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE host_shops%'";
  while ((await admin.query(waiting)).rowCount === 0);

  const other = sandbox.store();
  await count("acme", "e2", other);
  await count("brand", "e3", other);
  expect(await commit(evaluated("brand", offline("brand")), other)).toBe("committed");
  expect(await other.counters.get({ keys: [key("acme")] })).toMatchObject([{ value: 2, rev: 2 }]);
  expect(ended, "all of that while the effect waited").toBe(false);

  expect(await evaluation).toMatchObject({ failed: 0, error: { code: "55P03" } });
  await holder.query("COMMIT");
  holder.release();
  expect(await online()).toEqual(["acme"]);
  expect(await commit(evaluated("acme", offline("acme")))).toBe("committed");
  expect(await online()).toEqual([]);
  expect(await store.counters.due({ metrics: [metric], limit: 9, trailLimit: 9 })).toMatchObject([
    { subject: "acme", folded: 1, trail: [{ rev: 2, ids: ["e2"] }] },
  ]);
});

test("the time-outs are the effects' own, or the pool's where those are shorter; the commit has the pool's", async () => {
  await host.run("CREATE TABLE host_seen (number serial, timeouts text)");
  const now = "current_setting('lock_timeout') || ' ' || current_setting('statement_timeout')";
  await host.run(`CREATE FUNCTION host_look() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO ${sandbox.hostSchema}.host_seen (timeouts) SELECT ${now}; RETURN NULL; END $$`);
  await host.run(`CREATE TRIGGER host_look AFTER INSERT ON "${sandbox.schema}".crossings EXECUTE FUNCTION host_look()`);
  const look: SqlStatement = { kind: "sql", texts: [`INSERT INTO host_seen (timeouts) SELECT ${now}`], values: [] };
  const through = (setting: string) =>
    sandbox.store({}, sandbox.pool({ options: `-c search_path=public,${sandbox.hostSchema} ${setting}`, max: 1 }));
  for (const [i, setting] of [
    "",
    "-c lock_timeout=300 -c statement_timeout=1min",
    "-c lock_timeout=2min -c statement_timeout=4321",
  ].entries()) {
    const subject = `s${i}`;
    await count(subject, subject);
    const one = through(setting);
    expect(await commit(evaluated(subject, look), one)).toBe("committed");
  }
  expect((await host.all("SELECT timeouts FROM host_seen ORDER BY number")).map((row) => row.timeouts)).toEqual([
    ...["1s 5s", "0 0"],
    ...["300ms 5s", "300ms 1min"],
    ...["1s 4321ms", "2min 4321ms"],
  ]);
});

test("an effect that takes too long fails", async () => {
  await count("acme", "e1");
  const options = `-c search_path=${sandbox.hostSchema} -c statement_timeout=200`;
  const error = await failed(
    evaluated("acme", sql`SELECT pg_sleep(${60})`),
    sandbox.store({}, sandbox.pool({ options })),
  );
  expect(error.code).toBe("57014");
});

test("a statement that ends the transaction fails, and its connection is used on", async () => {
  const pool = sandbox.pool({ max: 1 });
  const one = sandbox.store({}, pool);
  for (const [i, statement] of [sql`/* /* */ */ COMMIT`, sql`/* /* */ */ ROLLBACK AND CHAIN`].entries()) {
    await count(`s${i}`, `e${i}`);
    const error = await failed(evaluated(`s${i}`, statement), one);
    expect(MilepostError.is(error) && error.code).toBe("store_failed");
  }
  expect((await pool.query("SELECT pg_current_xact_id_if_assigned() AS id")).rows).toEqual([{ id: null }]);
  expect(await commit(evaluated("s0", offline("acme")), one)).toBe("committed");
  expect(await online()).toEqual(["brand"]);
  expect(pool.totalCount).toBe(1);
});

test("what a constraint puts off to the commit fails as the effect does", async () => {
  await host.run(`CREATE TABLE host_orders (shop text REFERENCES host_shops DEFERRABLE INITIALLY DEFERRED)`);
  await count("acme", "e1");
  const error = await failed(evaluated("acme", sql`INSERT INTO host_orders VALUES (${"nobody"})`));
  expect(error.code).toBe("23503");
  expect(await host.all("SELECT * FROM host_orders")).toEqual([]);
});

test("an effect runs again after a deadlock, and is given up if it ends in one each time", async () => {
  await host.run("CREATE SEQUENCE host_tries");
  await host.run(`CREATE FUNCTION host_unlucky(until integer, state text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('host_tries') < until THEN RAISE 'unlucky' USING ERRCODE = state; END IF; END $$`);
  await count("acme", "e1");
  await count("brand", "e2");
  expect(await commit(evaluated("acme", sql`SELECT host_unlucky(${3}, ${"40P01"})`))).toBe("committed");
  expect(await host.all("SELECT last_value::integer AS tries FROM host_tries")).toEqual([{ tries: 3 }]);
  const result = await commit(evaluated("brand", offline("brand"), sql`SELECT host_unlucky(${1000}, ${"40001"})`));
  expect(result).toMatchObject({ failed: 1, error: { code: "40001" } });
  expect(await online()).toEqual(["acme", "brand"]);
  expect(await host.all("SELECT last_value::integer AS tries FROM host_tries")).toEqual([{ tries: 13 }]);
});

test("a connection that is lost in an effect is store_unavailable, and nothing is stored", async () => {
  const pool = sandbox.pool({ max: 1 });
  pool.on("error", () => {});
  const one = sandbox.store({}, pool);
  await count("acme", "e1");
  const lost = commit(evaluated("acme", offline("acme"), sql`SELECT pg_terminate_backend(pg_backend_pid())`), one);
  await expect(lost).rejects.toMatchObject({ code: "store_unavailable" });
  expect(await online()).toEqual(["acme", "brand"]);
  expect(await commit(evaluated("acme", offline("acme")), one)).toBe("committed");
});

test("an evaluation that somebody was before at runs nothing, and one that finds other crossings than it foresaw is lost", async () => {
  await host.run("CREATE SEQUENCE host_tries");
  await count("acme", "e1");
  const counted = sql`SELECT nextval('host_tries')`;
  expect(await commit({ ...evaluated("acme", counted), from: 7, upTo: 8 })).toBe("lost");
  expect(await host.all("SELECT is_called FROM host_tries")).toEqual([{ is_called: false }]);

  // as if another evaluator stored the crossing after this one looked
  const columns = `tenant, id, milestone, metric, subject, period, threshold, limit_version, arming, at, direction,
    previous, value, event_id, reached_at, state, not_before, created_at`;
  const meanwhile: SqlStatement = {
    kind: "sql",
    texts: [
      `INSERT INTO "${sandbox.schema}".crossings (${columns}) SELECT 'default', 'other', 'budget', '${metric}', 'acme',
      'lifetime', '1', 0, 1, 1, 'rising', 0, 1, 'e1', now(), 'silent', now(), now()`,
    ],
    values: [],
  };
  expect(await commit(evaluated("acme", offline("acme"), meanwhile))).toBe("lost");
  expect(await online()).toEqual(["acme", "brand"]);
  expect(await store.crossings.list({ tenant: "default", limit: 10 })).toEqual([]);
});

test("effects run without prepared statements too", async () => {
  const one = sandbox.store({ prepare: false });
  await count("acme", "e1");
  expect(await commit(evaluated("acme", offline("acme"), sql`DELETE FROM host_shops WHERE NOT online`), one)).toBe(
    "committed",
  );
  expect(await online()).toEqual(["brand"]);
});

test("a counter that is parked while its evaluation commits is parked no more", async () => {
  await count("acme", "e1");
  const holder: pg.PoolClient = await sandbox.pool().connect();
  await holder.query(`BEGIN; SELECT FROM "${sandbox.schema}".counters WHERE subject = 'acme' FOR UPDATE`);
  const evaluation = commit(evaluated("acme"));
  const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1";
  while ((await holder.query(waiting, [`%"${sandbox.schema}".%`])).rowCount === 0);
  const why = { reason: "effect_failed", detail: "locked", retryIn: 3_600_000 } as const;
  const parking = sandbox.store().parking.park({ ...key("acme"), ...why, from: 0 });
  await holder.query("COMMIT");
  holder.release();
  expect(await evaluation).toBe("committed");
  await parking;
  expect(await store.parking.list({ tenant: "default", limit: 9 })).toEqual([]);
  const release = { ...key("acme"), withoutEffects: false, by: "ann", why: "again" };
  expect(await store.parking.release(release)).toBe(false);
  await store.limits.add({ ...key("acme"), amount: 1, by: "b", why: "w" });
  const periods = [{ period: "lifetime", from: "lifetime" }];
  await store.limits.apply({ ...key("acme"), version: 1, generation: 1, periods });
  const due = await store.counters.due({ metrics: [metric], limit: 9, trailLimit: 9 });
  expect(due).toMatchObject([{ subject: "acme", folded: 1 }]);
  expect(due[0]).not.toHaveProperty("parked");
  await store.parking.park({ ...key("acme"), ...why, from: 1 });
  expect(await store.parking.list({ tenant: "default", limit: 9 })).toMatchObject([{ attempts: 1 }]);
});

test("an effect that loses its connection each time is parked, and holds up nobody that waits behind it", async () => {
  const pool = sandbox.pool();
  pool.on("error", () => {});
  const budget = milestone({
    name: "budget",
    metric: "ad.cost",
    policy: thresholds(1),
    effect: ({ subject }) =>
      subject === "acme" ? sql`SELECT pg_terminate_backend(pg_backend_pid())` : offline(subject),
  });
  const milepost = createMilepost({ store: sandbox.store({}, pool), milestones: [budget] });
  const subjects = ["acme", "brand"];
  const events = subjects.map((subject) => ({ id: subject, metric: "ad.cost", subject }));
  const { crossings } = await milepost.recordMany(events);
  expect(crossings.map(({ subject }) => subject)).toEqual(["brand"]);
  expect(await online()).toEqual(["acme"]);
  expect(await milepost.parked.list()).toMatchObject([{ subject: "acme", reason: "effect_failed", attempts: 1 }]);
  expect(await milepost.counters.get({ metric: "ad.cost", subject: "acme" })).toMatchObject({ value: 1, due: true });
});
