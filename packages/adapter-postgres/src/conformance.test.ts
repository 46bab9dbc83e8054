import { engineCases, runConformanceCase, storeCases } from "@milepost/core/conformance";
import { describe, inject, test } from "vitest";
import { postgresHarness } from "./postgres-harness.js";

const cases = [...storeCases(), ...engineCases()];

describe.each([...new Set(cases.map(({ about }) => about))])("%s", (about) => {
  const harness = postgresHarness(inject("databaseUrl"));
  for (const each of cases.filter((one) => one.about === about)) {
    test(each.name, async ({ skip }) => {
      const outcome = await runConformanceCase(harness, each);
      if (outcome === "skipped") skip(`the store does not support ${each.requires}`);
    });
  }
});
