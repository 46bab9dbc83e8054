// npx -y pnpm@10 test:mutants [store …]
// Breaks a copy of each store on purpose and shows which conformance cases notice. Fails when none does, and when the
// unbroken copy does not pass: then the cases would prove nothing.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../postgres.js";
import { type Mutant, type MutatedStore, mutatedStores } from "./mutants.js";
import type { RunLine } from "./run-cases.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const runCases = fileURLToPath(new URL("run-cases.ts", import.meta.url));
/** A broken store may also make a case turn in a circle, which no timer of its own process ends. Milliseconds. */
const standstill = 120_000;
const unbroken: Mutant = { name: "unbroken copy", replacements: [] };

const wanted = process.argv.slice(2);
const stores = mutatedStores.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const given = process.env.DATABASE_URL;
const postgres =
  given === undefined && stores.some(({ name }) => name === "postgres")
    ? await startPostgres({ fsync: false })
    : undefined;
let survived = 0;

try {
  const runs = stores.flatMap((store) => [unbroken, ...store.mutants].map((mutant) => ({ store, mutant })));
  // one run a core: each is a process of its own
  const queue = [...runs];
  await Promise.all(
    [1, 2].map(async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await show(next.store, next.mutant);
    }),
  );
} finally {
  for (const { folder } of stores) rmSync(join(root, folder, ".mutants"), { recursive: true, force: true });
  await postgres?.stop();
}
process.exitCode = survived > 0 ? 1 : 0;
console.log(survived > 0 ? `${survived} mutant(s) not noticed` : "every mutant is noticed");

async function show(store: MutatedStore, mutant: Mutant): Promise<void> {
  const { cases, failed } = await failing(store, mutant);
  const good = mutant === unbroken ? failed.length === 0 : failed.length > 0;
  if (!good) survived++;
  const verdict = mutant === unbroken ? "fail" : "notice it";
  console.log(`${good ? "ok " : "BAD"} ${store.name}, ${mutant.name}: ${failed.length} of ${cases} cases ${verdict}`);
  for (const name of failed.slice(0, 5)) console.log(`      ${name}`);
  if (failed.length > 5) console.log(`      and ${failed.length - 5} more`);
}

/** Copies the store beside its package, so that its imports resolve, breaks the copy and runs the cases on it. */
async function failing(store: MutatedStore, mutant: Mutant): Promise<{ cases: number; failed: readonly string[] }> {
  const src = join(root, store.folder, ".mutants", mutant.name.replaceAll(" ", "-"), "src");
  mkdirSync(src, { recursive: true });
  cpSync(join(root, store.folder, "src"), src, { recursive: true });
  for (const { file, find, put } of mutant.replacements) {
    const text = readFileSync(join(src, file), "utf8");
    if (text.split(find).length !== 2)
      throw new Error(`${store.name}, ${mutant.name}: ${file} holds not exactly one ${find}`);
    writeFileSync(
      join(src, file),
      text.replace(find, () => put),
    );
  }
  const args = ["--import", "tsx", "--conditions=source", runCases, store.name, src];
  const child = spawn(process.execPath, [...args, given ?? postgres?.url ?? ""], {
    cwd: root,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const failed: string[] = [];
  const begun: string[] = [];
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  for await (const text of createInterface({ input: child.stdout })) {
    // others are what a case printed
    if (!/^\{"(begun|failed|cases)":/.test(text)) continue;
    const line = JSON.parse(text) as RunLine;
    if ("begun" in line) begun.push(line.begun);
    if ("failed" in line) failed.push(line.failed);
    ended = "cases" in line;
    clearTimeout(timer);
    timer = setTimeout(() => child.kill("SIGKILL"), standstill);
  }
  clearTimeout(timer);
  const last = begun.at(-1);
  if (last === undefined) throw new Error(`${store.name}, ${mutant.name}: the cases did not run`);
  return {
    cases: begun.length,
    failed: ended ? failed : [...failed, `${last} (never ended, nor did any after it begin)`],
  };
}
