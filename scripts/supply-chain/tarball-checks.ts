import { deepEqual, equal, ok } from "node:assert/strict";
import { posix } from "node:path";

/** The files of a tarball: their paths, with `/`, and their text. */
export type Files = ReadonlyMap<string, string>;

/** What a package needs at run time, and what it lets its host bring. In the order in which they are published. */
const needs: Readonly<Record<string, { readonly dependencies: string[]; readonly peers: string[] }>> = {
  core: { dependencies: ["croner", "csv-parse", "mitt", "mustache", "temporal-polyfill", "zod"], peers: [] },
  "adapter-postgres": { dependencies: [], peers: ["@milepost/core", "pg", "pg-copy-streams"] },
  "adapter-sqlite": { dependencies: [], peers: ["@milepost/core", "better-sqlite3"] },
  mailer: { dependencies: ["html-to-text", "oauth4webapi", "zod"], peers: ["@milepost/core", "nodemailer"] },
};

/** The folders of the published packages. */
export const published: readonly string[] = Object.keys(needs);

/** What npm runs by itself where a package is installed, packed or published. */
const lifecycle =
  /^((pre|post)?(install|prepare|publish|pack|uninstall|version|shrinkwrap)|prepublishOnly|preprepare|dependencies)$/;

/** Not one file more than what a host can reach: whatever package.json names, and whatever those files name in turn. */
export function checkFiles(files: Files, migrations: readonly string[]): void {
  const reached = new Set<string>();
  const queue = entriesOf(files);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    const text = files.get(path);
    ok(text !== undefined, `${path} is named and is not there`);
    queue.push(...mentionsOf(path, text));
  }
  const shipped = ["LICENSE", "README.md", "package.json", ...migrations.map((file) => `migrations/${file}`)];
  deepEqual([...files.keys()].sort(), [...new Set([...reached, ...shipped])].sort());
}

function entriesOf(files: Files): string[] {
  const named = files.get("package.json")!.matchAll(/"\.\/([^"]+\.\w+)"/g);
  return [...named].map(([, path]) => path!).filter((path) => path !== "package.json");
}

/** The files that one names: imports of its own package, and its sourcemap. */
function mentionsOf(path: string, text: string): string[] {
  if (!/\.(c?js|d\.c?ts)$/.test(path)) return [];
  const declaration = path.includes(".d.");
  const imports = [...text.matchAll(/(?:from|import|require)\s*\(?\s*['"](\.\/[^'"]+)['"]/g)].map(([, name]) => name!);
  const maps = [...text.matchAll(/\n\/\/# sourceMappingURL=(.+)\s*$/g)].map(([, name]) => name!);
  return [...imports.map((name) => (declaration ? name.replace(/\.(c?)js$/, ".d.$1ts") : name)), ...maps].map((name) =>
    posix.join(posix.dirname(path), name),
  );
}

/** Peers that a host may do without: imports of contacts by COPY. */
const optionalPeers: Readonly<Record<string, readonly string[]>> = { "adapter-postgres": ["pg-copy-streams"] };

export function checkManifest(files: Files, name: string): void {
  const text = files.get("package.json")!;
  const { dependencies = {}, peerDependencies = {}, scripts = {}, ...rest } = JSON.parse(text);
  deepEqual(
    { dependencies: Object.keys(dependencies).sort(), peers: Object.keys(peerDependencies).sort() },
    needs[name],
  );
  equal(rest.optionalDependencies ?? rest.bundleDependencies ?? rest.bundledDependencies, undefined);
  deepEqual(Object.keys(rest.peerDependenciesMeta ?? {}), optionalPeers[name] ?? [], "every other peer is needed");
  deepEqual(
    Object.keys(scripts).filter((script) => lifecycle.test(script)),
    [],
  );
  for (const trace of ['"source"', "workspace:", "catalog:", "link:", "file:", "/src/"]) {
    ok(!text.includes(trace), `package.json has ${trace}`);
  }
}

export function checkPublishing(files: Files): void {
  const { private: hidden, publishConfig } = JSON.parse(files.get("package.json")!);
  equal(hidden, undefined);
  deepEqual(publishConfig, { access: "public", provenance: true });
}

export function checkPaths(files: Files, traces: readonly string[]): void {
  const found = [...files].flatMap(([path, text]) =>
    text
      .split(/[",\n]/)
      .filter((part) => traces.some((trace) => part.includes(trace)))
      .map((part) => `${path}: ${part.trim().slice(0, 120)}`),
  );
  deepEqual(found, []);
}

/** `sourceOf` reads a source by its path from dist. */
export function checkSourcemaps(files: Files, sourceOf: (path: string) => string): void {
  const programs = [...files.keys()].filter((path) => /\.c?js$/.test(path));
  const maps = [...files.keys()].filter((path) => path.endsWith(".map"));
  deepEqual(maps.sort(), programs.map((path) => `${path}.map`).sort());
  for (const program of programs) {
    const [, named] = /\n\/\/# sourceMappingURL=(.+)\s*$/.exec(files.get(program)!) ?? [];
    equal(`dist/${named}`, `${program}.map`);
    const { version, sources, sourcesContent } = JSON.parse(files.get(`${program}.map`)!);
    equal(version, 3);
    for (const [i, path] of sources.entries()) {
      ok(path.startsWith("../src/") && !/\.test\.ts$|-harness\.ts$/.test(path), `${program}.map: ${path} is no source`);
      ok(sourcesContent[i] === sourceOf(path), `${program}.map: ${path} has another text`);
    }
  }
}
