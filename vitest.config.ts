import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./scripts/longest-first.js";

// "source" first: tests import the packages' TypeScript, so no build is needed.
const conditions = ["source", "module", "node", "development"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
    globalSetup: ["scripts/vitest-postgres.ts"],
    reporters: ["default", "./scripts/closing-line-reporter.ts"],
    // much of what they do is wait for databases and processes
    maxWorkers: Math.max(3, availableParallelism()),
    sequence: { sequencer: LongestFirst },
    passWithNoTests: false,
    // for what hangs; a busy machine is no failure
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      reporter: ["text"],
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*.generated.ts", "packages/bench/**", "packages/examples/**"],
    },
  },
});
