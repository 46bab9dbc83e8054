#!/usr/bin/env node
// npx -y pnpm@10 chaos [options]: runs src/chaos/main.ts from source.
// It is a bin and no script of package.json, because pnpm prints a header on stdout before a script, and stdout is JSON
// lines here.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("src/chaos/main.ts", import.meta.url));
const args = ["--conditions=source", "--import", import.meta.resolve("tsx"), main, ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code) => {
  process.exitCode = code ?? 1;
});
