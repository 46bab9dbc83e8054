import { checkContactFilters } from "@milepost/core/conformance";
import fc from "fast-check";
import { expect, it } from "vitest";
import { sqliteHarness } from "./sqlite-harness.js";

it("finds exactly the contacts that matches() says, for any contacts and filters", async () => {
  const check = async (seed: number) => {
    const opened = await sqliteHarness.open();
    try {
      await checkContactFilters(opened.store, seed);
    } finally {
      await opened.dispose();
    }
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 40 })).resolves.toBeUndefined();
}, 60_000);
