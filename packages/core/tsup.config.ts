import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", store: "src/store/index.ts", conformance: "src/conformance/index.ts" },
  format: ["esm", "cjs"],
  target: "es2022",
  dts: true,
  sourcemap: true,
  clean: true,
  // One copy of every class, in CommonJS too, whichever entries a host loads.
  splitting: true,
  // esbuild alone writes absolute paths into the source maps of split CommonJS files
  treeshake: true,
});
