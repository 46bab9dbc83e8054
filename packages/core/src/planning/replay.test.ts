import fc from "fast-check";
import { expect, it } from "vitest";
import { checkReplay } from "../conformance/replay-check.js";
import { memoryStore } from "../store/memory/memory-store.js";

it("finds in the events of any past what was recorded, and nothing else", async () => {
  const check = (seed: number) => checkReplay(memoryStore(), seed);
  await expect(fc.assert(fc.asyncProperty(fc.nat(), check), { numRuns: 200 })).resolves.toBeUndefined();
}, 120_000);
