import { randomBytes } from "node:crypto";
import { createMilepost, type DeliveryEventInput } from "@milepost/core";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

// What is only in Postgres: a partition for each month of receipt.

let sandbox: Sandbox;
let store: PostgresStore;
beforeEach(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  store = sandbox.store();
  await store.migrate();
});
afterEach(() => sandbox.dispose());

const noon = (month: number) => new Date(Date.UTC(2040, month, 15, 12));

/** How many events each partition has. */
async function partitions(): Promise<Readonly<Record<string, number>>> {
  const pool = sandbox.pool({ max: 1 });
  const { rows } = await pool.query(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = $1::regclass ORDER BY 1`,
    [`"${sandbox.schema}".delivery_events`],
  );
  const counts: Record<string, number> = {};
  for (const { name } of rows) {
    const counted = await pool.query(`SELECT count(*)::integer AS count FROM "${sandbox.schema}"."${name}"`);
    counts[name] = counted.rows[0].count;
  }
  await pool.end();
  return counts;
}

async function received(month: number, id: string, on: PostgresStore = store): Promise<number> {
  const milepost = createMilepost({ store: on, runtime: { now: () => noon(month) } });
  const event: DeliveryEventInput = { source: "ses", id, type: "opened", address: "olga@acme.example" };
  return (await milepost.deliveryEvents.record(event)).recorded;
}

test("events of a month that nobody prepared are moved into it once somebody does", async () => {
  for (const month of [0, 1, 9]) await received(month, `e${month}`);
  expect(await partitions()).toEqual({ delivery_events_else: 3 });
  const both = [store, sandbox.store()].map((each) => each.deliveryEvents.prepare({ months: 1, now: noon(0) }));
  await Promise.all(both);
  await received(1, "later");
  const filled = { delivery_events_2040_01: 1, delivery_events_2040_02: 2, delivery_events_else: 1 };
  expect(await partitions()).toEqual(filled);
  expect(await received(9, "e0")).toBe(0);
});

test("eight workers prepare while others record, and every month is made once", async () => {
  const stores = Array.from({ length: 8 }, () => sandbox.store({}, sandbox.pool({ max: 2 })));
  const made = await Promise.all([
    ...stores.map((each) => each.deliveryEvents.prepare({ months: 3, now: noon(0) })),
    ...stores.map((each, i) => received(i % 4, `e${i}`, each).then(() => 0)),
  ]);
  expect(made.every((count) => count <= 4)).toBe(true);
  const counts = await partitions();
  expect(Object.keys(counts)).toHaveLength(5);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(8);
  expect(counts.delivery_events_else).toBe(0);
});

test("a month that is over is dropped, once its ids are forgotten", async () => {
  await store.deliveryEvents.prepare({ months: 2, now: noon(0) });
  for (const month of [0, 1, 2]) await received(month, `e${month}`);
  const purge = () => store.deliveryEvents.purge({ age: 31 * 86_400_000, limit: 10, now: noon(3) });
  expect([await purge(), await purge(), await purge()]).toEqual([2, 2, 0]);
  expect(await partitions()).toEqual({ delivery_events_2040_03: 1, delivery_events_else: 0 });
});

test("who does not own the tables makes no partitions, and records all the same", async () => {
  const owner = sandbox.pool();
  const role = `app_${randomBytes(8).toString("hex")}`;
  await owner.query(`CREATE ROLE ${role};
    GRANT USAGE ON SCHEMA ${sandbox.schema} TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${sandbox.schema} TO ${role}`);
  const app = sandbox.store({}, sandbox.pool({ options: `-c role=${role}` }));
  expect(await app.deliveryEvents.prepare({ months: 3, now: noon(0) })).toBe(0);
  expect(await received(0, "e0", app)).toBe(1);
  await store.deliveryEvents.prepare({ months: 1, now: noon(1) });
  expect(await received(1, "e1", app)).toBe(1);
  expect(await partitions()).toEqual({
    ...{ delivery_events_2040_02: 1, delivery_events_2040_03: 0, delivery_events_else: 1 },
  });
  const purge = () => app.deliveryEvents.purge({ age: 0, limit: 10, now: noon(5) });
  expect([await purge(), await purge()]).toEqual([2, 0]);
  await owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

test("months are prepared whatever the schema and prefix are called", async () => {
  const naming = { tablePrefix: `p"'$& ` };
  const odd = new Sandbox(inject("databaseUrl"), `Sch"em'; $partition$ {counters} ${randomBytes(4).toString("hex")}`);
  const other = odd.store(naming);
  await other.migrate();
  expect(await other.deliveryEvents.prepare({ months: 1, now: noon(0) })).toBe(2);
  expect(await received(0, "e0", other)).toBe(1);
  expect(await other.deliveryEvents.prepare({ months: 1, now: noon(0) })).toBe(0);
  await odd.dispose();
});
