import { engineCases, runConformanceCase, storeCases } from "@milepost/core/conformance";
import { describe, test } from "vitest";
import { sqliteHarness } from "./sqlite-harness.js";

describe.each([
  ["store", storeCases()],
  ["engine", engineCases()],
])("%s", (_, cases) => {
  for (const conformanceCase of cases) {
    test(`${conformanceCase.about}: ${conformanceCase.name}`, { timeout: 30_000 }, async ({ skip }) => {
      const result = await runConformanceCase(sqliteHarness, conformanceCase);
      if (result === "skipped") skip(`the store does not support ${conformanceCase.requires}`);
    });
  }
});
