import { checkContactFilters, type StoreHarness } from "@milepost/core/conformance";
import fc from "fast-check";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { ownDatabase, postgresHarness } from "./postgres-harness.js";

let database: Awaited<ReturnType<typeof ownDatabase>>;
let harness: StoreHarness;
beforeAll(async () => {
  database = await ownDatabase(inject("databaseUrl"));
  harness = postgresHarness(database.url);
});
afterAll(() => database.drop());

it("finds exactly the contacts that matches() says, for any contacts and filters", async () => {
  const check = async (seed: number) => {
    const opened = await harness.open();
    try {
      await checkContactFilters(opened.store, seed);
    } finally {
      await opened.dispose();
    }
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 40 })).resolves.toBeUndefined();
}, 60_000);
