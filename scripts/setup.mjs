// Makes a fresh clone ready with nothing but Node and npm: dependencies from the lockfile, then the build.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Progress goes to stderr, so that what runs next owns stdout. */
export async function setup() {
  await step("install dependencies (a first time may compile better-sqlite3: one to two minutes)", [
    ...["install", "--frozen-lockfile", "--reporter=append-only"],
  ]);
  await step("build the packages", ["build"]);
}

/** Runs one pnpm command; its output is shown only when it fails. */
async function step(title, args) {
  const begun = Date.now();
  const seconds = () => Math.round((Date.now() - begun) / 1000);
  console.error(`· ${title}`);
  const stillThere = setInterval(() => console.error(`  … ${seconds()} s`), 20_000);
  const output = [];
  // A bare `pnpm` may be missing or another major, and corepack refuses current pnpm signatures.
  const child = spawn("npx", ["-y", "pnpm@10", ...args], {
    cwd: root,
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.on("data", (chunk) => output.push(chunk));
  child.stderr.on("data", (chunk) => output.push(chunk));
  const code = await ended(child);
  clearInterval(stillThere);
  if (code !== 0) {
    process.stderr.write(Buffer.concat(output));
    console.error(`✗ pnpm ${args.join(" ")} failed after ${seconds()} s`);
    process.exit(code);
  }
  console.error(`  done in ${seconds()} s`);
}

/** Runs a program of ours with this terminal and this process's fate. */
export async function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  return ended(child);
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
