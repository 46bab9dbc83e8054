import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { runScenario } from "../chaos/run-scenario.js";
import { bundlePrograms, type Programs } from "../process/bundle.js";
import { scaleOf } from "./scenario.js";
import { scenarios } from "./scenarios.js";

// Every scenario in its short form: real processes, real kills, a few seconds each. `chaos` has the full figures.

let programs: Programs;
beforeAll(async () => {
  programs = await bundlePrograms();
});
afterAll(() => programs.dispose());

describe.each(scenarios.filter(({ needs }) => needs === undefined))("$name: $title", (scenario) => {
  test.each(scenario.stores)("%s", { timeout: 300_000 }, async (store) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const serverUrl = inject("databaseUrl");
    const { ok, broken, ...figures } = await runScenario({
      scenario,
      store,
      scale: scaleOf(scenario, "short"),
      seed,
      programs,
      serverUrl,
    });
    expect(broken ?? [], JSON.stringify(figures)).toEqual([]);
    expect(ok).toBe(true);
  });
});
