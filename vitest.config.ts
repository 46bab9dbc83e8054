import { defineConfig } from "vitest/config";

// "source" first: tests import the packages' TypeScript, so no build is needed.
const conditions = ["source", "module", "node", "development"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
    globalSetup: ["scripts/vitest-postgres.ts"],
    reporters: ["default", "./scripts/closing-line-reporter.ts"],
    passWithNoTests: false,
    coverage: {
      provider: "v8",
      reporter: ["text"],
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*.generated.ts", "packages/bench/**", "packages/examples/**"],
    },
  },
});
