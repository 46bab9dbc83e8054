import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { check, must } from "./check.js";

/** What a package needs at run time, and what it lets its host bring. */
const needs: Readonly<Record<string, { readonly dependencies: string[]; readonly peers: string[] }>> = {
  core: { dependencies: ["mitt", "mustache", "zod"], peers: [] },
  "adapter-postgres": { dependencies: [], peers: ["@milepost/core", "pg"] },
  "adapter-sqlite": { dependencies: [], peers: ["@milepost/core", "better-sqlite3"] },
};

/** Packs the public packages into `folder`, looks at what is in them, and returns the tarballs' paths. */
export async function packAll(root: string, folder: string): Promise<string[]> {
  const tarballs: string[] = [];
  for (const name of Object.keys(needs)) {
    const source = join(root, "packages", name);
    let files = new Map<string, string>();
    await check(`${name}: packs`, async () => {
      // pnpm, because it resolves workspace:, catalog: and publishConfig
      const packed = await must({ cwd: source }, "pnpm", "pack", "--json", "--pack-destination", folder);
      const { filename } = JSON.parse(packed.stdout);
      tarballs.push(filename);
      files = await unpack(filename, join(folder, name));
      return `${files.size} files`;
    });
    await check(`${name}: has only dist, migrations, package.json, README and LICENSE`, () =>
      checkFiles(files, source),
    );
    await check(`${name}: needs what was agreed, runs nothing when installed, links to no workspace`, () =>
      checkManifest(files, name),
    );
    await check(`${name}: no file has a path of this machine`, () =>
      checkPaths(files, [root, "file://", "node_modules/"]),
    );
    await check(`${name}: every sourcemap leads to the sources as they are`, () => checkSourcemaps(files, source));
  }
  return tarballs;
}

/** The files of a tarball by their path, with `/`, and their text. */
async function unpack(tarball: string, folder: string): Promise<Map<string, string>> {
  mkdirSync(folder);
  await must({ cwd: folder }, "tar", "-xzf", tarball);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(join(folder, "package"), path).replaceAll(sep, "/"), readFileSync(path, "utf8")];
    }),
  );
}

type Files = ReadonlyMap<string, string>;

function checkFiles(files: Files, source: string): void {
  const paths = [...files.keys()].sort();
  const built = /^dist\/[^/]+\.(js|cjs|d\.ts|d\.cts|js\.map|cjs\.map)$/;
  const migrations = readdirSync(source).includes("migrations") ? readdirSync(join(source, "migrations")) : [];
  deepEqual(
    paths.filter((path) => !built.test(path)),
    ["LICENSE", "README.md", ...migrations.map((file) => `migrations/${file}`), "package.json"].sort(),
  );
}

function checkManifest(files: Files, name: string): void {
  const text = files.get("package.json")!;
  const { dependencies = {}, peerDependencies = {}, scripts = {}, ...rest } = JSON.parse(text);
  deepEqual(
    { dependencies: Object.keys(dependencies).sort(), peers: Object.keys(peerDependencies).sort() },
    needs[name],
  );
  equal(rest.optionalDependencies ?? rest.bundleDependencies ?? rest.bundledDependencies, undefined);
  deepEqual(
    Object.keys(scripts).filter((script) => /install|prepare/.test(script)),
    [],
  );
  for (const trace of ['"source"', "workspace:", "catalog:", "link:", "file:", "/src/"]) {
    ok(!text.includes(trace), `package.json has ${trace}`);
  }
  const named = [...text.matchAll(/"\.\/([^"]+\.\w+)"/g)].map(([, path]) => path!);
  const missing = named.filter((path) => !files.has(path));
  deepEqual(missing, [], "package.json names files that are not there");
}

function checkPaths(files: Files, traces: readonly string[]): void {
  const found = [...files].flatMap(([path, text]) =>
    text
      .split(/[",\n]/)
      .filter((part) => traces.some((trace) => part.includes(trace)))
      .map((part) => `${path}: ${part.trim().slice(0, 120)}`),
  );
  deepEqual(found, []);
}

function checkSourcemaps(files: Files, source: string): void {
  const programs = [...files.keys()].filter((path) => /\.c?js$/.test(path));
  const maps = [...files.keys()].filter((path) => path.endsWith(".map"));
  deepEqual(maps.sort(), programs.map((path) => `${path}.map`).sort());
  for (const program of programs) {
    const [, named] = /\n\/\/# sourceMappingURL=(.+)\s*$/.exec(files.get(program)!) ?? [];
    equal(`dist/${named}`, `${program}.map`);
    const { version, sources, sourcesContent } = JSON.parse(files.get(`${program}.map`)!);
    equal(version, 3);
    for (const [i, path] of sources.entries()) {
      ok(path.startsWith("../src/"), `${program}.map: ${path} is no source`);
      const same = sourcesContent[i] === readFileSync(join(source, "dist", path), "utf8");
      ok(same, `${program}.map: ${path} has another text`);
    }
  }
}
