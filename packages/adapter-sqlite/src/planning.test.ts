import { createMilepost } from "@milepost/core";
import { checkPlan, checkReplay } from "@milepost/core/conformance";
import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, it } from "vitest";
import { sqliteStore } from "./index.js";
import { sqliteHarness, temporaryDatabase } from "./sqlite-harness.js";

it("plans what recording then does, for any past and any stream, and leaves every byte of the database as it was", async () => {
  const check = async (seed: number) => {
    const db = new Database(":memory:");
    try {
      const store = sqliteStore(db);
      await store.migrate();
      await checkPlan(store, seed, () => db.serialize());
    } finally {
      db.close();
    }
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 60 })).resolves.toBeUndefined();
}, 120_000);

it("finds in the events of any past what was recorded, and nothing else", async () => {
  const check = async (seed: number) => {
    const opened = await sqliteHarness.open();
    try {
      await checkReplay(opened.store, seed);
    } finally {
      await opened.dispose();
    }
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 25 })).resolves.toBeUndefined();
}, 120_000);

it("plans and replays on a handle that was opened to read only", async () => {
  const database = temporaryDatabase();
  try {
    const event = { metric: "m", subject: "s" };
    const metrics = { m: { retain: "events" } } as const;
    const writing = sqliteStore(database.open());
    await writing.migrate();
    await createMilepost({ store: writing, metrics }).record({ ...event, id: "a" });
    const reading = new Database(database.file, { readonly: true, timeout: 100 });
    const milepost = createMilepost({ store: sqliteStore(reading), metrics });
    const { events } = await milepost.plan([{ ...event, id: "b" }]);
    expect(events.map(({ value }) => value)).toEqual([2]);
    expect((await milepost.replay(event)).events).toBe(1);
    reading.close();
  } finally {
    database.dispose();
  }
});
