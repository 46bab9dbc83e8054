import { describe, it } from "vitest";
import { engineCases, runConformanceCase, storeCases } from "../../conformance/index.js";
import { memoryStore } from "./memory-store.js";

const harness = {
  async open() {
    const store = memoryStore();
    return { store, dispose: () => store.close() };
  },
};

const cases = [...storeCases(), ...engineCases()];
for (const about of new Set(cases.map((each) => each.about))) {
  describe(about, () => {
    for (const each of cases.filter((one) => one.about === about)) {
      it(each.name, { timeout: 30_000 }, async ({ skip }) => {
        const result = await runConformanceCase(harness, each);
        if (result === "skipped") skip(`the memory store does not support ${each.requires}`);
      });
    }
  });
}
