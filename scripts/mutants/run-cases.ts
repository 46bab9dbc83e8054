// tsx --conditions=source scripts/mutants/run-cases.ts <store> <src of the copy> [url]
// Runs every conformance case on one store and writes the names of those that fail as a line of JSON.
import { pathToFileURL } from "node:url";
import type { ConformanceCase, StoreHarness } from "@milepost/core/conformance";

const [store, src, url] = process.argv.slice(2) as [string, string, string | undefined];
const load = (path: string) => import(pathToFileURL(`${src}/${path}`).href);

/** A broken store may make a case wait for something that never comes. */
const patience = 20_000;

const { harness, suite } = await opened();
const failed: string[] = [];
const cases: readonly ConformanceCase[] = [...suite.storeCases(), ...suite.engineCases()];
for (const one of cases) {
  const running: Promise<unknown> = suite.runConformanceCase(harness, one);
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("took too long")), patience);
  });
  try {
    await Promise.race([running, tooLong]);
  } catch {
    failed.push(`${one.about}: ${one.name}`);
  } finally {
    clearTimeout(timer);
    running.catch(() => {});
  }
}
process.stdout.write(`${JSON.stringify({ cases: cases.length, failed })}\n`, () => process.exit(0));

async function opened(): Promise<{
  harness: StoreHarness;
  suite: Pick<typeof import("@milepost/core/conformance"), "storeCases" | "engineCases" | "runConformanceCase">;
}> {
  if (store === "memory") {
    const { memoryStore } = await load("index.ts");
    const suite = await load("conformance/index.ts");
    return { suite, harness: { open: async () => ({ store: memoryStore(), dispose: async () => {} }) } };
  }
  const suite = await import("@milepost/core/conformance");
  if (store === "sqlite") return { suite, harness: (await load("sqlite-harness.ts")).sqliteHarness };
  return { suite, harness: (await load("postgres-harness.ts")).postgresHarness(url) };
}
