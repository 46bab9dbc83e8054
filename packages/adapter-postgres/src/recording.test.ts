import { setImmediate as nextTurn } from "node:timers/promises";
import type { InstalledDefinition, RecordedEvent, RecordingRules } from "@milepost/core/store";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { ownDatabase, Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

const metric = "email.delivered";
const birth = { period: "lifetime", below: null, above: 1_000_000, due: false };
const definition = (generation = 1, more: Partial<InstalledDefinition> = {}): InstalledDefinition => ({
  metric,
  generation,
  decrements: true,
  gauge: false,
  retain: "ids",
  eventRetention: null,
  rememberedSince: null,
  births: [birth],
  milestones: [],
  former: [],
  removed: [],
  adopted: 0,
  ...more,
});
const rule: RecordingRules = { generation: 1, bandsSince: 0, gauge: false, retain: "ids", purged: false };
const rules = { [metric]: rule };
let ids = 0;
const event = (more: Partial<RecordedEvent> = {}): RecordedEvent => ({
  tenant: "default",
  metric,
  id: `evt-${++ids}`,
  subject: "acme",
  amount: 1,
  occurredAt: new Date("2026-11-21T10:00:00.001Z"),
  feeds: [birth],
  ...more,
});

let database: Awaited<ReturnType<typeof ownDatabase>>;
let sandbox: Sandbox;
let store: PostgresStore;
let admin: pg.Pool;
beforeAll(async () => {
  // a transaction of another test keeps old row versions from being pruned, and updates from being HOT
  database = await ownDatabase(inject("databaseUrl"));
});
afterAll(() => database.drop());
beforeEach(async () => {
  sandbox = new Sandbox(database.url);
  admin = sandbox.pool();
  store = sandbox.store();
  await store.migrate();
});
afterEach(() => sandbox.dispose());

/** Resolves when a backend of this sandbox's tables waits for a lock. */
async function somebodyWaits(count = 1): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`;
  while (((await admin.query(waiting, [sandbox.schema])).rowCount ?? 0) < count);
}

/** Every query of a pool and the SQLSTATE of each that failed. */
function watch(pool: pg.Pool): { readonly queries: { name?: string }[]; readonly failures: string[] } {
  const seen = { queries: [] as { name?: string }[], failures: [] as string[] };
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (config: { name?: string }) => Promise<unknown>;
    client.query = ((config: { name?: string }) => {
      seen.queries.push(config);
      return query(config).catch((error: { code: string }) => {
        seen.failures.push(error.code);
        throw error;
      });
    }) as never;
  });
  return seen;
}

describe("add", () => {
  test("is exactly one query, named once per connection", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const pool = sandbox.pool({ max: 1 });
    const { queries } = watch(pool);
    const counted = sandbox.store({}, pool);
    await counted.definitions.list(); // a new connection is first asked for its search_path
    queries.length = 0;
    for (const size of [1, 700]) {
      const events = Array.from({ length: size }, (_, i) => event({ subject: `s${i % 50}` }));
      await counted.counters.add({ events, rules });
    }
    expect(queries).toHaveLength(2);
    expect(queries[0]?.name).toMatch(/^milepost_counters_add_/);
    expect(queries[1]?.name).toBe(queries[0]?.name);
  });

  test("is exactly one query too where events are kept, and a transaction only where the inbox is drained", async () => {
    const purged = { ...rule, purged: true };
    const kept = { ...rule, retain: "events" as const };
    await store.definitions.install({ definitions: [definition(), definition(1, { metric: "kept" })] });
    const pool = sandbox.pool({ max: 1 });
    const { queries } = watch(pool);
    const recorder = sandbox.store({}, pool);
    await recorder.definitions.list();
    queries.length = 0;
    await recorder.counters.add({ events: [event()], rules: { [metric]: purged } });
    await recorder.counters.add({ events: [event(), event({ metric: "kept" })], rules: { ...rules, kept } });
    await recorder.counters.add({ events: [event()], rules, drained: [] });
    const names = ["milepost_counters_add_keeping_", "milepost_counters_add_keeping_", "milepost_counters_add_"];
    expect(queries.map(({ name }) => name?.replace(/[0-9a-f]{16}$/, ""))).toEqual(names);
    queries.length = 0;
    await recorder.counters.add({ events: [event()], rules, drained: [1] });
    expect(queries).toHaveLength(4);
    const { rows } = await admin.query(`SELECT metric FROM "${sandbox.schema}".events WHERE occurred_at IS NOT NULL`);
    expect(rows).toEqual([{ metric }]);
    const list = (of: string) => store.events.list({ tenant: "default", metric: of, subject: "acme", limit: 9 });
    expect([(await list(metric)).length, (await list("kept")).length]).toEqual([0, 1]);
  });

  test("is one query of another text where a metric is a gauge, and the plain one beside it where none is", async () => {
    const gauge = { ...rule, gauge: true };
    await store.definitions.install({ definitions: [definition(), definition(1, { metric: "depth", gauge: true })] });
    const pool = sandbox.pool({ max: 1 });
    const { queries } = watch(pool);
    const recorder = sandbox.store({}, pool);
    await recorder.definitions.list();
    queries.length = 0;
    const observed = () => event({ metric: "depth", amount: 5 });
    await recorder.counters.add({ events: [observed()], rules: { depth: gauge } });
    await recorder.counters.add({ events: [event(), observed()], rules: { ...rules, depth: gauge } });
    await recorder.counters.add({ events: [event()], rules });
    const names = ["milepost_counters_add_setting_", "milepost_counters_add_setting_", "milepost_counters_add_"];
    expect(queries.map(({ name }) => name?.replace(/[0-9a-f]{16}$/, ""))).toEqual(names);
  });

  test("works without prepared statements", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const unprepared = sandbox.store({ prepare: false });
    const first = event();
    await unprepared.counters.add({ events: [first, event()], rules });
    const again = await unprepared.counters.add({ events: [event(), first], rules });
    expect(again).toMatchObject({ duplicates: [1], counters: [{ value: 3, rev: 2 }] });
    const names = await admin.query("SELECT FROM pg_prepared_statements WHERE statement LIKE $1", [sandbox.schema]);
    expect(names.rowCount).toBe(0);
  });

  test("in the band counters change by HOT updates and only events and counters are written", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const pool = sandbox.pool({ max: 1 });
    const recorder = sandbox.store({}, pool);
    for (let i = 0; i < 30; i += 1) {
      const events = Array.from({ length: 20 }, (_, n) => event({ subject: `s${n}` }));
      await recorder.counters.add({ events, rules });
    }
    const stats = `SELECT relname, n_tup_ins::int AS inserted, n_tup_upd::int AS updated, n_tup_hot_upd::int AS hot
      FROM pg_stat_user_tables WHERE schemaname = $1 AND n_tup_ins > 0 ORDER BY relname`;
    // Without this a backend keeps its statistics to itself for up to ten seconds.
    await pool.query("SELECT pg_stat_force_next_flush()");
    await pool.query("SELECT");
    const { rows } = await admin.query(stats, [sandbox.schema]);
    expect(rows.map((row) => row.relname).filter((name) => !/^(def|migr)/.test(name))).toEqual(["counters", "events"]);
    const counters = rows.find((row) => row.relname === "counters");
    expect(counters.updated).toBe(29 * 20);
    // 0.95 alone; transactions of other tests keep pages full for a while. With an index on what changes it would be 0.
    expect(counters.hot / counters.updated).toBeGreaterThan(0.5);
  });

  test("batches with the same ids and counters in random order never fail", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const pool = sandbox.pool({ max: 8 });
    const { failures } = watch(pool);
    const wide = sandbox.store({}, pool);
    const bait = Array.from({ length: 60 }, (_, i) => event({ subject: `s${i % 20}`, id: `bait-${i}` }));
    const shuffled = () =>
      bait
        .map((each) => [Math.random(), each] as const)
        .sort(([a], [b]) => a - b)
        .map(([, each]) => each);
    let duplicates = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let i = 0; i < 10; i += 1) {
          const events = [...shuffled(), ...shuffled().map((each) => ({ ...each, id: `x-${++ids}` }))];
          const added = await wide.counters.add({ events, rules });
          duplicates += added.duplicates.length;
        }
      }),
    );
    expect(duplicates).toBe(79 * 60);
    const counters = await store.counters.list({ tenant: "default", limit: 100 });
    expect(counters.reduce((sum, { value }) => sum + value, 0)).toBe(80 * 60 + 60);
    expect(failures).toEqual([]);
  });
});

describe("install against add", () => {
  test.each([true, false])("an add that knows an older generation stores nothing, prepared: %s", async (prepare) => {
    await store.definitions.install({ definitions: [definition(), definition(1, { metric: "warm" })] });
    const recorder = sandbox.store({ prepare }, sandbox.pool({ max: 1 }));
    // Past the fifth execution the server may use its cached generic plan.
    for (let i = 0; i < 8; i += 1) {
      await recorder.counters.add({ events: [event({ metric: "warm" })], rules: { warm: rule, ...rules } });
    }
    const installer = await admin.connect();
    await installer.query(`BEGIN; LOCK TABLE "${sandbox.schema}".definitions IN ACCESS EXCLUSIVE MODE`);
    await installer.query(`UPDATE "${sandbox.schema}".definitions SET generation = 2 WHERE metric = $1`, [metric]);
    const adding = recorder.counters.add({ events: [event()], rules });
    await somebodyWaits();
    await installer.query("COMMIT");
    installer.release();
    expect(await adding).toEqual({ stale: [metric], duplicates: [], counters: [] });
    expect(await store.counters.list({ tenant: "default", metric, limit: 10 })).toEqual([]);
  });

  test("an install waits for an add under way and then sees its counter", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const holder = await admin.connect();
    // Holds up the add inside its statement, at its event's id.
    const blocked = event();
    await holder.query("BEGIN");
    await holder.query(`INSERT INTO "${sandbox.schema}".events VALUES ('default', $1, $2)`, [metric, blocked.id]);
    const adding = store.counters.add({ events: [blocked], rules });
    await somebodyWaits();
    const installing = store.definitions.install({ definitions: [definition(2)] });
    await somebodyWaits(2);
    await holder.query("ROLLBACK");
    holder.release();
    expect((await adding).counters).toMatchObject([{ value: 1 }]);
    expect(await installing).toBe(true);
    const late = await store.counters.add({ events: [event()], rules });
    expect(late.stale).toEqual([metric]);
  });

  test("an install that comes too late waits for nobody", async () => {
    await store.definitions.install({ definitions: [definition()] });
    await store.definitions.install({ definitions: [definition(2)] });
    const holder = await admin.connect();
    await holder.query(`BEGIN; SELECT FROM "${sandbox.schema}".definitions`);
    expect(await store.definitions.install({ definitions: [definition()] })).toBe(false);
    expect(await store.definitions.install({ definitions: [definition(2)] })).toBe(false);
    await holder.query("COMMIT");
    holder.release();
  });

  test("installs of several new and known metrics at once, in any order, are whole: one per generation wins", async () => {
    const metrics = ["a", "b", "c", "d"];
    const wide = sandbox.store({}, sandbox.pool({ max: 8 }));
    for (const generation of [1, 2, 3]) {
      const known = generation === 1 ? metrics : [...metrics, `new-${generation}`];
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => {
          const order = i % 2 === 0 ? known : known.toReversed();
          const definitions = order.map((each) =>
            definition(each.startsWith("new") ? 1 : generation, { metric: each, former: [`by ${i}`] }),
          );
          return wide.definitions.install({ definitions });
        }),
      );
      expect(answers.filter((won) => won)).toHaveLength(1);
      const stored = (await wide.definitions.list()).filter((each) => known.includes(each.metric));
      expect(stored.map((each) => each.metric)).toEqual(known);
      expect(new Set(stored.map(({ former }) => former[0]))).toEqual(new Set([`by ${answers.indexOf(true)}`]));
    }
  });
});

describe("somebody who reads the definitions for long, as pg_dump does", () => {
  async function reader() {
    const holder = await admin.connect();
    await holder.query(`BEGIN; SELECT FROM "${sandbox.schema}".definitions`);
    return async () => {
      await holder.query("COMMIT");
      holder.release();
    };
  }

  test("does not hold up the installation of a metric that nobody knew", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const done = await reader();
    expect(await store.definitions.install({ definitions: [definition(1, { metric: "new" })] })).toBe(true);
    await done();
  });

  test("holds up a changed definition, but recording behind it only for a second", async () => {
    const other = definition(1, { metric: "other" });
    await store.definitions.install({ definitions: [definition(), other] });
    const done = await reader();
    const installing = store.definitions.install({ definitions: [definition(2)] });
    await somebodyWaits();
    const added = await store.counters.add({ events: [event({ metric: "other" })], rules: { other: rule } });
    expect(added.counters).toMatchObject([{ value: 1 }]);
    await done();
    expect(await installing).toBe(true);
  });
});

describe("a lock_timeout of the host's pool", () => {
  test("is obeyed: recording is store_busy at the first refusal", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const pool = sandbox.pool({ options: "-c lock_timeout=50ms" });
    const { failures } = watch(pool);
    const holder = await admin.connect();
    await holder.query(`BEGIN; LOCK TABLE "${sandbox.schema}".events IN ACCESS EXCLUSIVE MODE`);
    const adding = sandbox.store({}, pool).counters.add({ events: [event()], rules });
    await expect(adding).rejects.toMatchObject({ code: "store_busy", message: expect.stringContaining("55P03") });
    expect(failures).toEqual(["55P03"]);
    await holder.query("ROLLBACK");
    holder.release();
  });

  test("does not end the patience of an install, which sets its own", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const pool = sandbox.pool({ options: "-c lock_timeout=50ms" });
    const { failures } = watch(pool);
    const holder = await admin.connect();
    await holder.query(`BEGIN; SELECT FROM "${sandbox.schema}".definitions`);
    const installing = sandbox.store({}, pool).definitions.install({ definitions: [definition(2)] });
    while (failures.length === 0) await nextTurn();
    await holder.query("COMMIT");
    holder.release();
    expect(await installing).toBe(true);
  });
});

describe("evaluation against add", () => {
  const key = { tenant: "default", metric, subject: "acme", period: "lifetime" };
  const evaluation = {
    ...key,
    generation: 1,
    reached: 1,
    from: 0,
    band: { below: null, above: null },
    state: {},
    crossings: [],
  };

  test("an add that commits while the evaluation waits keeps the counter due, with its trail row", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const first = event({ amount: 1_000_000 });
    await store.counters.add({ events: [first], rules });
    const holder = await admin.connect();
    await holder.query("BEGIN");
    await holder.query(`UPDATE "${sandbox.schema}".counters SET rev = rev + 1, value = value + 5`);
    await holder.query(`INSERT INTO "${sandbox.schema}".trail
      SELECT tenant, metric, subject, period, rev, value - 5, '{late}', '{5}', '{2026-11-21Z}', now(), 1
      FROM "${sandbox.schema}".counters`);
    const committing = store.crossings.commitEvaluation({ evaluations: [{ ...evaluation, upTo: 1 }] });
    await somebodyWaits();
    await holder.query("COMMIT");
    holder.release();
    expect(await committing).toEqual(["committed"]);
    expect(await store.counters.get({ keys: [key] })).toMatchObject([{ rev: 2, due: true }]);
    const [due] = await store.counters.due({ metrics: [metric], limit: 10, trailLimit: 10 });
    expect(due).toMatchObject({ folded: 1, trail: [{ rev: 2, ids: ["late"] }] });
  });

  test("an add that commits while the evaluation of an idle counter waits makes it lost", async () => {
    await store.definitions.install({ definitions: [definition()] });
    await store.counters.add({ events: [event()], rules });
    await store.definitions.install({ definitions: [definition(2)] });
    const holder = await admin.connect();
    await holder.query("BEGIN");
    await holder.query(`UPDATE "${sandbox.schema}".counters SET rev = rev + 1, value = value + 1`);
    const idle = { ...evaluation, generation: 2, reached: 2, rev: 1, upTo: 1 };
    const committing = store.crossings.commitEvaluation({ evaluations: [idle] });
    await somebodyWaits();
    await holder.query("COMMIT");
    holder.release();
    expect(await committing).toEqual(["lost"]);
    const [counter] = (await store.counters.idle({ metric, generation: 2, limit: 1 })).counters;
    expect(counter).toMatchObject({ rev: 2, folded: 0, generation: 1 });
    expect(await store.crossings.commitEvaluation({ evaluations: [{ ...idle, rev: 2, upTo: 2 }] })).toEqual([
      "committed",
    ]);
  });

  test("every trail row is folded exactly once while writers and evaluators race", async () => {
    await store.definitions.install({
      definitions: [definition(1, { births: [{ ...birth, due: true }] })],
    });
    const wide = sandbox.store({}, sandbox.pool({ max: 8 }));
    const folded: string[] = [];
    let writing = 4;
    const write = async () => {
      for (let i = 0; i < 40; i += 1) {
        const feeds = [{ ...birth, above: 2 }];
        await wide.counters.add({ events: [event({ feeds })], rules });
      }
      writing -= 1;
    };
    const evaluate = async () => {
      for (;;) {
        const last = writing === 0;
        const due = await wide.counters.due({ metrics: [metric], limit: 5, trailLimit: 3 });
        if (due.length === 0 && last) return;
        for (const { trail, folded: from, state: _, ...counter } of due) {
          const upTo = trail.at(-1)?.rev ?? from;
          const band = { below: null, above: 0 };
          const [answer] = await wide.crossings.commitEvaluation({
            evaluations: [{ ...counter, generation: 1, reached: 1, from, upTo, band, state: {}, crossings: [] }],
          });
          if (answer === "committed") folded.push(...trail.flatMap(({ ids: all }) => all));
        }
      }
    };
    await Promise.all([write(), write(), write(), write(), evaluate(), evaluate()]);
    await evaluate();
    const [counter] = await store.counters.get({ keys: [key] });
    expect(counter).toMatchObject({ value: 160, due: false });
    // The counter was not due until its first value of 2, so its first event may have no trail.
    expect(new Set(folded).size).toBe(folded.length);
    expect(folded.length).toBeGreaterThanOrEqual(159);
  });
});
