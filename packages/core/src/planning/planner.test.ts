import fc from "fast-check";
import { expect, it } from "vitest";
import { checkPlan } from "../conformance/plan-check.js";
import { storeOver } from "../store/memory/memory-store.js";
import { Tables } from "../store/memory/tables.js";

it("plans what recording then does, for any past and any stream, and leaves every table as it was", async () => {
  const check = async (seed: number) => {
    const tables = new Tables(() => new Date());
    const dump = () =>
      Object.fromEntries(
        Object.entries(tables)
          .filter(([name, table]) => typeof table !== "function" && name !== "wakeUps")
          .map(([name, table]) => [name, structuredClone(table)]),
      );
    await checkPlan(storeOver(tables), seed, dump);
  };
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 300 })).resolves.toBeUndefined();
}, 120_000);
