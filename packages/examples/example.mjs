#!/usr/bin/env node
// npx -y pnpm@10 example NAME [options]: runs src/NAME/main.ts from source.
// It is a bin and no script of package.json, because pnpm prints a header on stdout before a script,
// and an example's stdout may be JSON lines.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("src/", import.meta.url));
const main = (name) => `${src}${name}/main.ts`;
const names = readdirSync(src).filter((name) => existsSync(main(name)));
const [name, ...options] = process.argv.slice(2);

if (!names.includes(name)) {
  console.error(name === undefined ? "Name an example:" : `There is no example "${name}". There are:`);
  for (const known of names) console.error(`  npx -y pnpm@10 example ${known}`);
  process.exit(2);
}

// V8 lets garbage grow by how much memory there might be. A 1 GB heap and the young generation of Node 20 keep the peak of
// `flights --full` at 220 MB or less; without them it was 280 MB with Node 20 and 380 MB with Node 24, and no faster.
const memory = ["--max-old-space-size=1024", "--max-semi-space-size=16"];
const args = [...memory, "--conditions=source", "--import", import.meta.resolve("tsx"), main(name), ...options];
const child = spawn(process.execPath, args, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code) => {
  process.exitCode = code ?? 1;
});
