import { describe, expect, test } from "vitest";
import { checkFiles, checkManifest, checkPaths, checkPublishing, checkSourcemaps } from "./tarball-checks.js";

const manifest = {
  name: "@milepost/core",
  exports: {
    ".": { import: { types: "./dist/index.d.ts", default: "./dist/index.js" } },
    "./package.json": "./package.json",
  },
  publishConfig: { access: "public", provenance: true },
  scripts: { build: "tsup" },
  dependencies: {
    croner: "^11.0.1",
    "csv-parse": "^6.2.1",
    mitt: "^3.0.1",
    mustache: "^4.2.0",
    "temporal-polyfill": "^1.0.8",
    zod: "^4.6.7",
  },
};
const map = (source = "../src/index.ts") =>
  JSON.stringify({ version: 3, sources: [source], sourcesContent: ["source"] });

/** A tarball in which everything is in order, with some files or fields of its package.json replaced. */
function tarball(changes: Readonly<Record<string, string | undefined>> = {}, fields: object = {}): Map<string, string> {
  const files: Record<string, string | undefined> = {
    LICENSE: "MIT",
    "README.md": "# core",
    "package.json": JSON.stringify({ ...manifest, ...fields }),
    "dist/index.js": 'import { a } from "./chunk-A.js";\nexport { a };\n//# sourceMappingURL=index.js.map\n',
    "dist/index.js.map": map(),
    "dist/chunk-A.js": "export const a = 1;\n//# sourceMappingURL=chunk-A.js.map",
    "dist/chunk-A.js.map": map(),
    "dist/index.d.ts": "export { a } from './types-B.js';",
    "dist/types-B.d.ts": "export declare const a: number;",
    "migrations/0001_ground.sql": "SELECT 1;",
    ...changes,
  };
  return new Map(Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const allOf = (files: ReadonlyMap<string, string>): void => {
  checkFiles(files, ["0001_ground.sql"]);
  checkManifest(files, "core");
  checkPublishing(files);
  checkPaths(files, ["/home/me", "file://"]);
  checkSourcemaps(files, () => "source");
};

test("a tarball in which everything is in order passes", () => expect(() => allOf(tarball())).not.toThrow());

describe("is refused", () => {
  test.each<[string, Record<string, string | undefined>]>([
    ["a file that nothing leads to", { "dist/index.test.js": "", "dist/index.test.js.map": map() }],
    ["a chunk of an earlier build", { "dist/chunk-OLD.js": "", "dist/chunk-OLD.js.map": map() }],
    ["a test file", { "dist/a.test.d.ts": "" }],
    ["an .npmrc", { ".npmrc": "//registry/:_authToken=x" }],
    ["a binding.gyp, which npm builds by itself", { "binding.gyp": "{}" }],
    ["a missing chunk", { "dist/chunk-A.js": undefined }],
    ["a missing migration", { "migrations/0001_ground.sql": undefined }],
    ["no licence", { LICENSE: undefined }],
    ["an absolute path in a sourcemap", { "dist/index.js.map": map("/home/me/core/src/index.ts") }],
    [
      "a path of the machine in a program",
      { "dist/chunk-A.js": 'const at = "/home/me/x";\n//# sourceMappingURL=chunk-A.js.map' },
    ],
    ["a sourcemap with a test's text", { "dist/index.js.map": map("../src/index.test.ts") }],
    ["a sourcemap with another text", { "dist/index.js.map": map().replace('["source"]', '["other"]') }],
    ["a program without its sourcemap", { "dist/chunk-A.js": "export const a = 1;", "dist/chunk-A.js.map": undefined }],
  ])("%s", (_, changes) => expect(() => allOf(tarball(changes))).toThrow());

  test.each<[string, object]>([
    ...["preinstall", "install", "postinstall", "prepare", "prepublish", "dependencies"].map(
      (script): [string, object] => [`a script ${script}`, { scripts: { [script]: "node steal.js" } }],
    ),
    ["one dependency more", { dependencies: { ...manifest.dependencies, "left-pad": "1" } }],
    ["one dependency less", { dependencies: { zod: "4" } }],
    ["an optional dependency", { optionalDependencies: { x: "1" } }],
    ["a bundled dependency", { bundleDependencies: ["zod"] }],
    ["a peer", { peerDependencies: { pg: "8" } }],
    ["a version of the workspace", { dependencies: { ...manifest.dependencies, zod: "workspace:*" } }],
    ["no provenance", { publishConfig: { access: "public" } }],
    ["another registry", { publishConfig: { ...manifest.publishConfig, registry: "x" } }],
    ["restricted access", { publishConfig: { access: "restricted", provenance: true } }],
    ["a private package", { private: true }],
  ])("%s", (_, fields) => expect(() => allOf(tarball({}, fields))).toThrow());

  test.each([
    ["adapter-postgres", "pg", ["pg-copy-streams"]],
    ["adapter-sqlite", "better-sqlite3", []],
  ])("%s with its driver as a dependency", (name, driver, others) => {
    const spare = others.map((other) => [other, { optional: true }] as const);
    const peers = {
      "@milepost/core": "^0.1.0",
      [driver]: "*",
      ...Object.fromEntries(others.map((other) => [other, "*"])),
    };
    const good = {
      ...{ dependencies: {}, peerDependencies: peers },
      ...(spare.length > 0 && { peerDependenciesMeta: Object.fromEntries(spare) }),
    };
    expect(() => checkManifest(tarball({}, good), name)).not.toThrow();
    const { [driver]: _, ...without } = peers;
    const bad = { dependencies: { [driver]: "*" }, peerDependencies: without };
    expect(() => checkManifest(tarball({}, bad), name)).toThrow();
    const optional = { ...good, peerDependenciesMeta: { [driver]: { optional: true } } };
    expect(() => checkManifest(tarball({}, optional), name)).toThrow();
  });
});
