import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The programs that run as processes of their own; each is `src/program/<name>.ts`. */
export const programNames = [
  "account-sender",
  "batch-client",
  "deployment",
  "event-teller",
  "failing-mail-server",
  "holder",
  "host",
  "http-sink",
  "http-worker",
  "late-writer",
  "launcher",
  "leaver",
  "mail-sender",
  "migrator",
  "paced-recorder",
  "poisoned",
  "postfix-sender",
  "producer",
  "retrying-client",
  "sender",
  "sharing-worker",
  "shop-host",
  "sink",
  "steady-recorder",
  "victim",
  "watched-worker",
  "worker",
  "zombie",
] as const;
export type ProgramName = (typeof programNames)[number];

export interface Programs {
  readonly path: (name: ProgramName) => string;
  dispose(): Promise<void>;
}

const source = (name: ProgramName) => fileURLToPath(new URL(`../program/${name}.ts`, import.meta.url));
// In node_modules, where the drivers resolve and git, linters and watching editors do not look.
const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

/**
 * Bundles the programs from the workspace's sources, once for many starts: a process then starts in a quarter of the time
 * it takes through tsx, and a fresh clone needs no build.
 */
export async function bundlePrograms(): Promise<Programs> {
  await mkdir(modules, { recursive: true });
  const folder = await mkdtemp(join(modules, ".chaos-"));
  try {
    await build({
      entryPoints: programNames.map(source),
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      conditions: ["source"],
      external: ["pg", "better-sqlite3"],
      logLevel: "error",
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    path: (name) => join(folder, `${name}.mjs`),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
