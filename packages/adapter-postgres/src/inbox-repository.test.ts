import type { InboxEvent, InstalledDefinition, RecordedEvent, RecordingRules } from "@milepost/core/store";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import type { PostgresTransaction } from "./driver.js";
import { ownDatabase, Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

const metric = "email.delivered";
const birth = { period: "lifetime", below: null, above: 1_000_000, due: false };
const rule: RecordingRules = { generation: 1, bandsSince: 0, gauge: false, retain: "events", purged: true };
let ids = 0;
const event = (more: Partial<InboxEvent> = {}): InboxEvent => ({
  tenant: "default",
  metric,
  id: `evt-${++ids}`,
  subject: "acme",
  amount: 1,
  observed: false,
  occurredAt: new Date("2026-11-21T10:00:00.001Z"),
  ...more,
});
const recorded = ({ tenant, metric, id, subject, amount, occurredAt }: InboxEvent): RecordedEvent => {
  return { tenant, metric, id, subject, amount, occurredAt, feeds: [birth] };
};
const definition = (generation = 1): InstalledDefinition => ({
  ...{
    metric,
    generation,
    decrements: true,
    gauge: false,
    retain: "events",
    eventRetention: 1,
    rememberedSince: null,
    births: [birth],
  },
  ...{ milestones: [], former: [], removed: [], adopted: 0 },
});

let sandbox: Sandbox;
let store: PostgresStore;
let pool: pg.Pool;
beforeEach(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  // Whatever waits for a lock of a host's fails at once.
  pool = sandbox.pool({ options: "-c lock_timeout=100ms" });
  store = sandbox.store({}, pool);
  await store.migrate();
});
afterEach(() => sandbox.dispose());

const waiting = () => store.inbox.list({ refused: false, limit: 10_000 });
const idsOf = (rows: readonly InboxEvent[]) => rows.map(({ id }) => id);

describe("enqueue", () => {
  test("stores all events of a call in their order, whatever their keys, when the host commits and not before", async () => {
    const keys = ["'; DROP TABLE x; --", "\\'", "$1 {inbox} $$", "ü💥", "\n\t", '"', "%s"];
    const host = await sandbox.hostTransaction();
    await host.client.query("SET LOCAL standard_conforming_strings = off");
    await host.client.query("SET LOCAL DateStyle = 'German, DMY'");
    const events = Array.from({ length: 1000 }, (_, i) => {
      const [a, b, c] = [0, 1, 2].map((n) => keys[(i + n) % keys.length]!);
      return event({ tenant: a!, metric: b!, subject: c!, amount: i % 2 ? i : Number.MIN_SAFE_INTEGER });
    });
    await store.inbox.enqueue(host.client, events.slice(0, 600));
    await store.inbox.enqueue(host.client, events.slice(600));
    expect(await waiting()).toEqual([]);
    await host.commit();
    const rows = await waiting();
    expect(rows.map(({ number: _, refusal, ...row }) => ({ ...row, refusal }))).toEqual(
      events.map((each) => ({ ...each, refusal: null })),
    );
    expect(rows.every(({ number }, i) => i === 0 || number > rows[i - 1]!.number)).toBe(true);
  });

  test("goes with the host's rollback, also to a savepoint", async () => {
    const host = await sandbox.hostTransaction();
    await store.inbox.enqueue(host.client, [event({ id: "kept" })]);
    await host.client.query("SAVEPOINT milepost");
    await store.inbox.enqueue(host.client, [event({ id: "undone" })]);
    await host.client.query("ROLLBACK TO SAVEPOINT milepost");
    await store.inbox.enqueue(host.client, [event({ id: "last" })]);
    await host.commit();
    expect(idsOf(await waiting())).toEqual(["kept", "last"]);
    const other = await sandbox.hostTransaction();
    await store.inbox.enqueue(other.client, [event()]);
    await other.rollback();
    expect(await waiting()).toHaveLength(2);
  });

  test("is one message to the server, and works in every kind of transaction", async () => {
    const client = await sandbox.pool().connect();
    const texts: string[] = [];
    const counting: PostgresTransaction = {
      query: (query) => {
        texts.push(query.text);
        return client.query(query);
      },
    };
    const begins = [
      "BEGIN",
      "BEGIN ISOLATION LEVEL SERIALIZABLE",
      "START TRANSACTION ISOLATION LEVEL REPEATABLE READ",
      "BEGIN; SELECT 1",
    ];
    for (const [i, begin] of begins.entries()) {
      await client.query(begin);
      await store.inbox.enqueue(counting, [event({ id: `in ${i}` })]);
      await client.query("COMMIT AND CHAIN");
      await store.inbox.enqueue(counting, [event({ id: `chained ${i}` })]);
      await client.query("COMMIT");
    }
    client.release();
    expect(texts).toHaveLength(2 * begins.length);
    expect(idsOf(await waiting())).toEqual(begins.flatMap((_, i) => [`in ${i}`, `chained ${i}`]));
  });

  test("refuses a client without a transaction and stores nothing, 1,000 times of 1,000", async () => {
    const client = await pool.connect();
    for (let i = 0; i < 1000; i += 1) {
      await expect(store.inbox.enqueue(client, [event()])).rejects.toMatchObject({
        code: "no_transaction",
        path: "tx",
      });
      await client.query("BEGIN");
      await store.inbox.enqueue(client, [event({ id: "in" })]);
      await client.query("COMMIT");
    }
    await client.query("BEGIN; COMMIT");
    await expect(store.inbox.enqueue(client, [])).rejects.toMatchObject({ code: "no_transaction" });
    client.release();
    const rows = await waiting();
    expect([rows.length, new Set(idsOf(rows))]).toEqual([1000, new Set(["in"])]);
  });

  test("refuses when the host's unawaited COMMIT was sent before it", async () => {
    const host = await sandbox.hostTransaction();
    const committing = host.commit();
    await expect(store.inbox.enqueue(host.client, [event()])).rejects.toMatchObject({ code: "no_transaction" });
    await committing;
    expect(await waiting()).toEqual([]);
  });

  test("refuses the pool and what has no query, as an option", async () => {
    for (const tx of [pool, {}, null, "BEGIN"]) {
      const refused = { code: "invalid_options", path: "tx" };
      await expect(store.inbox.enqueue(tx as PostgresTransaction, [event()])).rejects.toMatchObject(refused);
    }
    expect(await waiting()).toEqual([]);
  });

  test("translates what the driver throws, and leaves a failed transaction to the host to roll back", async () => {
    const host = await sandbox.hostTransaction();
    const missing = sandbox.store({ tablePrefix: "missing_" });
    await expect(missing.inbox.enqueue(host.client, [event()])).rejects.toMatchObject({ code: "schema_missing" });
    await expect(store.inbox.enqueue(host.client, [event()])).rejects.toMatchObject({ code: "no_transaction" });
    await host.rollback();
    expect(await waiting()).toEqual([]);
  });

  test("says in a sentence what is wrong with the client it was given", async () => {
    const refusal = (client: pg.PoolClient) => store.inbox.enqueue(client, [event()]).catch(({ message }) => message);
    const client = await pool.connect();
    expect(await refusal(client)).toBe(
      "There is no open transaction to record in: record between BEGIN and COMMIT of this client. Nothing was stored.",
    );
    await client.query("BEGIN READ ONLY");
    expect(await refusal(client)).toBe(
      "This transaction cannot write: begin one that may, on a server that may. Nothing was stored.",
    );
    expect(await refusal(client)).toBe(
      "This client's transaction has failed: roll it back and begin another. Nothing was stored.",
    );
    await client.query("ROLLBACK");
    client.release();
  });

  test("refuses a client of another database, which is what is wrong and not the schema", async () => {
    const elsewhere = await ownDatabase(inject("databaseUrl"));
    const client = new pg.Client({ connectionString: elsewhere.url });
    await client.connect();
    await client.query("BEGIN");
    await expect(store.inbox.enqueue(client, [event()])).rejects.toMatchObject({
      code: "schema_missing",
      path: "tx",
      expected: "a client on the store's database",
      message: expect.stringContaining("the database of this client has none of Milepost's tables (42P01)"),
    });
    await client.end();
    await elsewhere.drop();
  });
});

describe("while a host holds its transaction with an event open", () => {
  test("every step of ours completes without waiting for it", async () => {
    const before = await sandbox.hostTransaction();
    const first = [event(), event()];
    await store.inbox.enqueue(before.client, first);
    await before.commit();

    const host = await sandbox.hostTransaction();
    await store.inbox.enqueue(host.client, [first[0]!, event()]);

    expect(await store.migrate()).toEqual({ applied: [] });
    expect(await store.definitions.install({ definitions: [definition()] })).toBe(true);
    const [one, two] = await waiting();
    const rules = { [metric]: rule };
    const added = await store.counters.add({ events: [recorded(first[0]!)], rules, drained: [one!.number] });
    expect(added.counters).toMatchObject([{ value: 1 }]);
    await store.inbox.refuse({ number: two!.number, code: "event_too_late", message: "late" });
    expect(await store.inbox.list({ refused: true, metrics: [metric], limit: 9 })).toMatchObject([{ id: two!.id }]);
    expect(await store.inbox.decide({ act: "retry", tenant: "default", by: "ann", why: "again" })).toBe(1);
    const act = { by: "ann", why: "more" };
    expect(await store.definitions.install({ definitions: [definition(2)], act })).toBe(true);
    expect(await store.definitions.adopted({ metric, generation: 2 })).toBe(true);
    await store.counters.add({
      events: [recorded(event())],
      rules: { [metric]: { ...rule, generation: 2, bandsSince: 2 } },
    });
    const [due] = await store.counters.due({ metrics: [metric], limit: 9, trailLimit: 9 });
    const { trail, folded: from, ...counter } = due!;
    const evaluation = {
      ...counter,
      generation: 2,
      reached: 2,
      from,
      upTo: trail.at(-1)!.rev,
      band: birth,
      crossings: [],
    };
    expect(await store.crossings.commitEvaluation({ evaluations: [evaluation] })).toEqual(["committed"]);
    expect((await store.counters.idle({ metric, generation: 2, limit: 9 })).next).toBe(null);
    expect(await store.events.purge({ metric, generation: 2, age: 0, limit: 9, now: new Date("2027-01-01Z") })).toBe(2);
    await pool.query(`VACUUM "${sandbox.schema}".inbox`);

    await host.commit();
    expect(idsOf(await waiting())).toEqual([two!.id, first[0]!.id, `evt-${ids - 1}`]);
  });

  test("another host's transaction enqueues the same id without waiting, and both are rows", async () => {
    const [one, two] = [await sandbox.hostTransaction(), await sandbox.hostTransaction()];
    const same = event();
    for (const { client } of [one, two, one, two]) {
      await client.query("SET LOCAL lock_timeout = '100ms'");
      await store.inbox.enqueue(client, [same]);
    }
    await two.commit();
    expect(await waiting()).toHaveLength(2);
    await one.commit();
    expect(idsOf(await waiting())).toEqual([same.id, same.id, same.id, same.id]);
  });
});

describe("draining", () => {
  test("drainers that hold the same rows in any order never fail, and each event counts once", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const host = await sandbox.hostTransaction();
    await store.inbox.enqueue(
      host.client,
      Array.from({ length: 200 }, (_, i) => event({ id: `same-${i % 150}`, subject: `s${i % 7}` })),
    );
    await host.commit();
    const wide = sandbox.store({}, sandbox.pool({ max: 6 }));
    await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        for (;;) {
          const rows = await wide.inbox.list({ refused: false, limit: 40 });
          if (rows.length === 0) return;
          const order = n % 2 === 0 ? rows : rows.toReversed();
          const events = [...new Map(order.map((row) => [row.id, recorded(row)])).values()];
          await wide.counters.add({ events, rules: { [metric]: rule }, drained: order.map(({ number }) => number) });
        }
      }),
    );
    const counters = await store.counters.list({ tenant: "default", limit: 100 });
    expect(counters.reduce((sum, { value }) => sum + value, 0)).toBe(150);
  });

  test("a stale batch and one that fails leave their rows", async () => {
    await store.definitions.install({ definitions: [definition()] });
    const host = await sandbox.hostTransaction();
    await store.inbox.enqueue(host.client, [event(), event({ amount: Number.MAX_SAFE_INTEGER })]);
    await host.commit();
    const rows = await waiting();
    const drained = rows.map(({ number }) => number);
    const stale = await store.counters.add({
      events: rows.map(recorded),
      rules: { [metric]: { ...rule, generation: 2 } },
      drained,
    });
    expect(stale.stale).toEqual([metric]);
    const failing = store.counters.add({ events: rows.map(recorded), rules: { [metric]: rule }, drained });
    await expect(failing).rejects.toMatchObject({ code: "counter_overflow" });
    expect(await waiting()).toEqual(rows);
    const one = { events: [recorded(rows[0]!)], rules: { [metric]: rule }, drained: [drained[0]!, drained[0]!, 999] };
    expect((await store.counters.add(one)).counters).toMatchObject([{ value: 1 }]);
    expect((await store.counters.add(one)).duplicates).toEqual([0]);
    expect(await waiting()).toEqual([rows[1]]);
  });
});

describe("refused rows", () => {
  test("stand apart until a person lets them wait again, which is an act", async () => {
    const host = await sandbox.hostTransaction();
    await store.inbox.enqueue(host.client, [event(), event({ tenant: "other" }), event({ metric: "b" }), event()]);
    await host.commit();
    const rows = await waiting();
    const numbers = rows.map(({ number }) => number);
    const refusal = { code: "event_too_late", message: `it's "late" ü` };
    for (const number of numbers.slice(0, 3)) await store.inbox.refuse({ number, ...refusal });
    await store.inbox.refuse({ number: numbers[0]!, code: "other", message: "a repeat" });
    await store.inbox.refuse({ number: 999, ...refusal });
    expect(await waiting()).toEqual([rows[3]]);
    const refused = rows.slice(0, 3).map((row) => ({ ...row, refusal }));
    expect(await store.inbox.list({ refused: true, limit: 9 })).toEqual(refused);
    expect(await store.inbox.list({ refused: true, limit: 1, after: numbers[0]! })).toEqual([refused[1]]);
    expect(await store.inbox.list({ refused: true, limit: 9, metrics: ["b", "c"] })).toEqual([refused[2]]);
    expect(await store.inbox.list({ refused: false, limit: 9, metrics: [] })).toEqual([]);

    const now = new Date("2026-11-22T00:00:00.123Z");
    const act = { tenant: "default", by: "ann", why: "mended", now };
    const acts = async (entityId: string) =>
      (await store.acts.list({ limit: 100, tenant: "default", entity: "inbox", entityId })).map(
        ({ number: _, ...act }) => act,
      );
    expect(await store.inbox.decide({ act: "retry", ...act, numbers: [numbers[0]!, numbers[1]!, numbers[3]!] })).toBe(
      1,
    );
    expect(await acts(String(numbers[0]))).toEqual([
      {
        tenant: "default",
        entity: "inbox",
        entityId: String(numbers[0]),
        act: "retry",
        by: "ann",
        why: "mended",
        at: now,
      },
    ]);
    expect(await store.inbox.decide({ act: "retry", ...act })).toBe(1);
    expect(await store.inbox.decide({ act: "retry", ...act })).toBe(0);
    expect(await acts("*")).toEqual([]);
    expect(await acts(String(numbers[2]))).toHaveLength(1);
    expect(await waiting()).toEqual([rows[0], rows[2], rows[3]]);
    expect(await store.inbox.list({ refused: true, limit: 9 })).toEqual([refused[1]]);
  });
});
