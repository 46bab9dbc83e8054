import { createMilepost } from "@milepost/core";
import { checkPlan, checkReplay } from "@milepost/core/conformance";
import fc from "fast-check";
import { expect, inject, onTestFinished, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";

function sandboxed(): Sandbox {
  const sandbox = new Sandbox(inject("databaseUrl"));
  onTestFinished(() => sandbox.dispose());
  return sandbox;
}

test("plans what recording then does, for any past and any stream, and leaves every version of every row as it was", async () => {
  const check = async (seed: number) => {
    const sandbox = new Sandbox(inject("databaseUrl"));
    try {
      const store = sandbox.store();
      await store.migrate();
      const pool = sandbox.pool({ max: 1 });
      const { rows: tables } = await pool.query("SELECT tablename FROM pg_tables WHERE schemaname = $1", [
        sandbox.schema,
      ]);
      const dump = async () => {
        const contents: unknown[] = [];
        for (const { tablename } of tables) {
          const { rows } = await pool.query(
            `SELECT t.ctid::text, t.xmin::text, t::text FROM "${sandbox.schema}"."${tablename}" t ORDER BY t.ctid`,
          );
          contents.push([tablename, rows]);
        }
        return contents;
      };
      await checkPlan(store, seed, dump);
    } finally {
      await sandbox.dispose();
    }
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 12 })).resolves.toBeUndefined();
}, 120_000);

test("finds in the events of any past what was recorded, and nothing else", async () => {
  const check = async (seed: number) => {
    const sandbox = new Sandbox(inject("databaseUrl"));
    try {
      const store = sandbox.store();
      await store.migrate();
      await checkReplay(store, seed);
    } finally {
      await sandbox.dispose();
    }
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 8 })).resolves.toBeUndefined();
}, 120_000);

test("plans and replays over connections that may only read", async () => {
  const sandbox = sandboxed();
  const event = { metric: "m", subject: "s" };
  const metrics = { m: { retain: "events" } } as const;
  const writing = sandbox.store();
  await writing.migrate();
  await createMilepost({ store: writing, metrics }).record({ ...event, id: "a" });
  const reading = sandbox.store({}, sandbox.pool({ options: "-c default_transaction_read_only=on" }));
  const milepost = createMilepost({ store: reading, metrics });
  const { events } = await milepost.plan([{ ...event, id: "b" }]);
  expect(events.map(({ value }) => value)).toEqual([2]);
  expect((await milepost.replay(event)).events).toBe(1);
  await expect(milepost.record({ ...event, id: "b" })).rejects.toMatchObject({ code: "store_unavailable" });
});
