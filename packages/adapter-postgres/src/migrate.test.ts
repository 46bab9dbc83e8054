import { MilepostError } from "@milepost/core/store";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { ddlText } from "./migrate.js";
import { migrations } from "./migrations.generated.js";
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
    expect(reports.filter(({ applied }) => applied.length > 0)).toEqual([
      {
        applied: [
          "ground",
          "proof",
          "policies",
          "reactions",
          "gauges",
          "asking",
          "lanes",
          "suppressions",
          "operating",
          "hours",
          "campaigns",
          "templates",
          "contacts",
          "delivery_events",
        ],
      },
    ]);
  });

  test("two prefixes in one new schema may be migrated at once", async () => {
    const prefixes = ["a_", "b_", "c_", "d_"];
    const reports = await Promise.all(prefixes.map((tablePrefix) => sandbox.store({ tablePrefix }).migrate()));
    expect(reports).toEqual(
      prefixes.map(() => ({
        applied: [
          "ground",
          "proof",
          "policies",
          "reactions",
          "gauges",
          "asking",
          "lanes",
          "suppressions",
          "operating",
          "hours",
          "campaigns",
          "templates",
          "contacts",
          "delivery_events",
        ],
      })),
    );
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

describe("a database of the first version", () => {
  const [metric, subject] = ["email.delivered", "acme"];
  const key = { tenant: "default", metric, subject, period: "lifetime" };
  const birth = { period: "lifetime", below: null, above: 1000, due: false };
  const rules = { generation: 4, bandsSince: 0, gauge: false, retain: "ids", purged: false } as const;
  const first = { tenant: "default", metric, id: "evt-1", subject, amount: 7, occurredAt: new Date(), feeds: [birth] };

  async function upgraded() {
    const pool = sandbox.pool();
    await pool.query(ddlText({ schema: sandbox.schema, tablePrefix: "" }, migrations.slice(0, 1)));
    const births = JSON.stringify([birth]);
    await pool.query(`SET search_path TO "${sandbox.schema}";
      INSERT INTO definitions (metric, generation, fingerprint, decrements, births, milestones) VALUES
        ('${metric}', 4, 'f', true, '${births}', '["a", "b"]'), ('bare', 1, 'g', false, '${births}', '[]');
      INSERT INTO events VALUES ('default', '${metric}', 'evt-1');
      INSERT INTO counters (tenant, metric, subject, period, value, rev, folded, due, above, dip, peak, place, generation)
        VALUES ('default', '${metric}', '${subject}', 'lifetime', 7, 3, 2, true, 1000, 7, 7, 1, 4),
               ('default', '${metric}', 'idle', 'lifetime', 5, 1, 0, false, 1000, 5, 5, 1, 0);
      INSERT INTO trail VALUES ('default', '${metric}', '${subject}', 'lifetime', 3, 6, '{evt-1}', '{1}', '{2026-11-21Z}',
        now());
      RESET search_path`);
    const store = sandbox.store({}, pool);
    expect(await store.migrate()).toEqual({
      applied: [
        "proof",
        "policies",
        "reactions",
        "gauges",
        "asking",
        "lanes",
        "suppressions",
        "operating",
        "hours",
        "campaigns",
        "templates",
        "contacts",
        "delivery_events",
      ],
    });
    return store;
  }

  test("keeps its definitions: each milestone known since ever, with a fingerprint that none has", async () => {
    const store = await upgraded();
    const known = { fingerprint: "", added: 0, changed: 0, birth };
    const common = {
      gauge: false,
      retain: "ids",
      eventRetention: null,
      rememberedSince: null,
      births: [birth],
      former: [],
      removed: [],
      adopted: 0,
    };
    const milestones = ["a", "b"].map((name) => ({ name, ...known }));
    const stored = { ...common, metric, generation: 4, decrements: true, milestones };
    expect(await store.definitions.list()).toEqual([
      { ...common, metric: "bare", generation: 1, decrements: false, milestones: [] },
      stored,
    ]);
    expect(await store.definitions.install({ definitions: [{ ...stored, generation: 5, retain: "events" }] })).toBe(
      true,
    );
  });

  test("keeps its counters, trails and ids, and counts on", async () => {
    const store = await upgraded();
    const [due] = await store.counters.due({ metrics: [metric], limit: 9, trailLimit: 9 });
    const trail = [
      {
        rev: 3,
        generation: 0,
        from: 6,
        ids: ["evt-1"],
        limitVersion: null,
        amounts: [1],
        occurredAts: [new Date("2026-11-21Z")],
      },
    ];
    expect(due).toEqual({ ...key, folded: 2, generation: 4, state: {}, trail });
    const { counters } = await store.counters.idle({ metric, generation: 4, limit: 9 });
    expect(counters).toEqual([{ ...key, subject: "idle", value: 5, rev: 1, folded: 0, generation: 0, state: {} }]);

    const events = [first, { ...first, id: "evt-2", subject: "idle" }];
    const added = await store.counters.add({ events, rules: { [metric]: { ...rules, bandsSince: 1 } } });
    expect(added).toMatchObject({ duplicates: [0], counters: [{ subject: "idle", value: 12, rev: 2, due: true }] });
    const evaluation = { ...key, generation: 4, reached: 4, from: 2, upTo: 3, band: birth, state: {}, crossings: [] };
    expect(await store.crossings.commitEvaluation({ evaluations: [evaluation] })).toEqual(["committed"]);
    expect(await store.counters.get({ keys: [key] })).toEqual([{ ...key, value: 7, rev: 3, due: false }]);
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
  expect(await store.migrate()).toEqual({
    applied: [
      "ground",
      "proof",
      "policies",
      "reactions",
      "gauges",
      "asking",
      "lanes",
      "suppressions",
      "operating",
      "hours",
      "campaigns",
      "templates",
      "contacts",
      "delivery_events",
    ],
  });
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
