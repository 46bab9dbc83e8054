import {
  checkSequentialCount,
  checkSequentialObservations,
  randomObservations,
  randomScenario,
  type StoreHarness,
} from "@milepost/core/conformance";
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

it("gives the crossings of a plain sequential count for any amounts, batch split and number of callers", async () => {
  const check = async (seed: number) => {
    const opened = await harness.open();
    try {
      await checkSequentialCount(opened.store, randomScenario(seed));
    } finally {
      await opened.dispose();
    }
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 40 })).resolves.toBeUndefined();
}, 60_000);

it("gives the crossings of a slow model for any values of a gauge, batch split and number of observers", async () => {
  const check = async (seed: number) => {
    const opened = await harness.open();
    try {
      await checkSequentialObservations(opened.store, randomObservations(seed));
    } finally {
      await opened.dispose();
    }
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 40 })).resolves.toBeUndefined();
}, 60_000);
