import { deepEqual, equal, ok } from "node:assert/strict";
import { copyFileSync, cpSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { check, must, type Place, run } from "../check.js";
import { startPostgres } from "../postgres.js";
import { conformanceTest, firstProgram, printed, repositoriesTest, toCommonJs } from "./programs.js";

/** A host application: what it installs beside the tarballs. */
export interface Host {
  readonly name: string;
  /** A Node of its own from the npm registry; absent = the one that runs this. */
  readonly node?: string;
  readonly packages: readonly string[];
  /** Installed only after the adapters were compiled without them. */
  readonly driverTypes: readonly string[];
}

/** Ways in which host/toy-store.mts breaks; each must fail some case. */
const faults = ["settlements-get-lost", "repeats-count-again"];

const underTest = ["--test", "--test-timeout=120000", "--test-reporter=tap"];
const formats = { mjs: (program: string) => program, cjs: toCommonJs };
const strict = ["--strict", "--skipLibCheck", "false", "--target", "es2022", "--lib", "es2022", "--types", "node"];
const resolutions = {
  nodenext: ["--module", "nodenext"],
  bundler: ["--module", "esnext", "--moduleResolution", "bundler"],
};

/** Makes the host in `cwd`, an empty folder outside the workspace at `root`, and tries the packages in it. */
export async function tryIn(host: Host, cwd: string, root: string, tarballs: readonly string[]): Promise<void> {
  const place = { cwd, env: environment(cwd, root) };
  const title = (name: string) => `${host.name}: ${name}`;
  cpSync(fileURLToPath(new URL("host", import.meta.url)), cwd, { recursive: true });

  await check(title("npm installs the tarballs and the host's own packages"), async () => {
    if (host.node) await install(place, host.node);
    await install(place, ...tarballs, ...host.packages);
    const { stdout } = await must(place, "node", "--version");
    if (host.node) ok(stdout.startsWith(host.node.replace("node@", "v")), `it runs on ${stdout}`);
    return stdout.trim();
  });

  const postgres = await startPostgres({ fsync: false });
  const withPostgres = { cwd, env: { ...place.env, DATABASE_URL: postgres.url } };
  for (const [store, program] of Object.entries(firstProgram)) {
    for (const [extension, format] of Object.entries(formats)) {
      await check(title(`the README's first program on ${store}, .${extension}`), async () => {
        const file = `${store}.${extension}`;
        writeFileSync(join(cwd, file), format(program(extension)));
        const { stdout, stderr } = await must(withPostgres, "node", file);
        deepEqual({ stdout, stderr }, { stdout: printed, stderr: "" });
      });
    }
  }
  await postgres.stop();

  await check(title("an error of one format's copy is recognised by the other's"), async () => {
    await must(place, "node", "two-copies.mjs");
  });

  const programs = Object.entries(firstProgram).map(([store, program]) => {
    writeFileSync(join(cwd, `${store}.mts`), program("typed"));
    return `${store}.mts`;
  });
  writeFileSync(join(cwd, "conformance.test.mts"), conformanceTest);
  writeFileSync(join(cwd, "repositories.test.mts"), repositoriesTest);
  copyFileSync(join(cwd, "every-entry.mts"), join(cwd, "every-entry.cts"));
  await compileEverywhere(place, title("without the drivers' types"), ["without-driver-types.mts", "memory.mts"]);
  await check(title("npm installs the drivers' types"), () => install(place, ...host.driverTypes));
  const all = [...programs, "every-entry.mts", "every-entry.cts", "without-driver-types.mts", "conformance.test.mts"];
  await compileEverywhere(place, title("all programs and a use of every entry"), all);

  await check(title("a store of the host's own passes every conformance case"), async () => {
    await compile(place, ...resolutions.nodenext, "--outDir", "built", "conformance.test.mts", "repositories.test.mts");
    const counting = `import { engineCases, storeCases } from "@milepost/core/conformance";
      console.log(storeCases().length + engineCases().length);`;
    const count = Number((await must(place, "node", "--input-type=module", "--eval", counting)).stdout);
    const { status, passed, skipped, output } = await conformance(place, "conformance.test.mjs");
    equal(status, 0, output);
    equal(passed + skipped, count, `not every case was run\n${output}`);
    ok(skipped < count / 5, output);
    return `${passed} cases; ${skipped} are about what it does not support`;
  });
  for (const fault of faults) {
    await check(title(`the same store, broken on purpose (${fault}), does not`), async () => {
      const broken = { cwd, env: { ...place.env, TOY_FAULT: fault } };
      const { status, passed, failed, output } = await conformance(broken, "repositories.test.mjs");
      equal(status, 1, output);
      ok(failed > 0 && passed > 0, output);
      return `${failed} of ${passed + failed} cases fail`;
    });
  }
}

/** This process's environment without what the workspace's tools added to it, and with the host's own commands. */
function environment(cwd: string, root: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name, value]) => name !== "NODE_PATH" && !value?.includes(root));
  const path = process.env.PATH!.split(delimiter).filter((folder) => !folder.startsWith(root));
  return { ...Object.fromEntries(kept), PATH: [join(cwd, "node_modules", ".bin"), ...path].join(delimiter) };
}

async function install(place: Place, ...packages: readonly string[]): Promise<void> {
  await must(place, "npm", "install", "--no-audit", "--no-fund", ...packages);
}

async function compile(place: Place, ...args: readonly string[]): Promise<void> {
  await must(place, "tsc", ...strict, ...args);
}

async function compileEverywhere(place: Place, title: string, files: readonly string[]): Promise<void> {
  for (const [resolution, options] of Object.entries(resolutions)) {
    for (const exact of ["false", "true"]) {
      await check(`${title}, compile strictly: ${resolution}, exactOptionalPropertyTypes ${exact}`, () =>
        compile(place, ...options, "--exactOptionalPropertyTypes", exact, "--noEmit", ...files),
      );
    }
  }
}

/** Runs the cases of a file under node:test. */
async function conformance(place: Place, file: string) {
  const { status, stdout, stderr } = await run(place, "node", ...underTest, join("built", file));
  const total = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
  return { status, passed: total("pass"), failed: total("fail"), skipped: total("skipped"), output: stdout + stderr };
}
