// Arrows point one way: examples and bench -> mailer, adapters -> core. Run by `lint`.
const publicCore = "^packages/core/src/(index|store/index|conformance/index)\\.ts$";
const publicAdapter = "^packages/adapter-[^/]+/src/index\\.ts$";
const publicMailer = "^packages/mailer/src/(index|testing/index)\\.ts$";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "core-imports-no-other-package",
      severity: "error",
      from: { path: "^packages/core/" },
      to: { path: "^packages/(?!core/)" },
    },
    {
      name: "adapters-import-only-cores-public-entries",
      severity: "error",
      from: { path: "^packages/(adapter-[^/]+)/" },
      to: { path: "^packages/", pathNot: ["^packages/$1/", publicCore] },
    },
    {
      name: "mailer-imports-only-cores-hosts-entry",
      severity: "error",
      from: { path: "^packages/mailer/" },
      to: { path: "^packages/", pathNot: ["^packages/mailer/", "^packages/core/src/index\\.ts$"] },
    },
    {
      name: "examples-import-only-public-entries",
      severity: "error",
      from: { path: "^packages/examples/" },
      to: { path: "^packages/", pathNot: ["^packages/examples/", publicCore, publicAdapter, publicMailer] },
    },
    {
      name: "bench-imports-only-public-entries",
      severity: "error",
      from: { path: "^packages/bench/" },
      to: { path: "^packages/", pathNot: ["^packages/bench/", publicCore, publicAdapter, publicMailer] },
    },
    {
      name: "other-packages-are-imported-by-name",
      comment: "A relative path into another package bypasses its exports.",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { path: "^packages/", pathNot: "^packages/$1/", dependencyTypes: ["local"] },
    },
    {
      name: "every-import-resolves",
      comment: "Also catches @milepost/*/src, which no package exports.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "no-circular-imports",
      comment: "Types may point at each other: nothing of them is left at run time.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "store-contract-knows-no-engine",
      severity: "error",
      from: { path: "^packages/core/src/store/" },
      to: { path: "^packages/core/src/engine\\.ts$" },
    },
    {
      name: "conformance-is-for-tests",
      severity: "error",
      from: { path: "^packages/core/src/", pathNot: ["^packages/core/src/conformance/", "\\.test\\.ts$"] },
      to: { path: "^packages/core/src/conformance/" },
    },
  ],
  options: {
    exclude: { path: "(^|/)dist/" },
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "require", "node", "default", "types"],
    },
  },
};
