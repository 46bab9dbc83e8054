import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { runScenario } from "../chaos/run-scenario.js";
import type { StoreName } from "../place/place.js";
import { bundlePrograms, type Programs } from "../process/bundle.js";
import { scaleOf } from "./scenario.js";
import { scenarios } from "./scenarios.js";

/**
 * Every scenario of a store in its short form, as tests: real processes, real kills, a few seconds each. `chaos` has the
 * full figures. A file for each store, so that two run side by side and no more: what they do is timed.
 */
export function testShortForms(store: StoreName): void {
  let programs: Programs;
  beforeAll(async () => {
    programs = await bundlePrograms();
  });
  afterAll(() => programs.dispose());

  const those = scenarios.filter(({ needs, stores }) => needs === undefined && stores.includes(store));
  test.each(those)("$name: $title", { timeout: 300_000 }, async (scenario) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const scale = scaleOf(scenario, "short");
    const serverUrl = inject("databaseUrl");
    const { ok, broken, ...figures } = await runScenario({ scenario, store, scale, seed, programs, serverUrl });
    expect(broken ?? [], JSON.stringify(figures)).toEqual([]);
    expect(ok).toBe(true);
  });
}
