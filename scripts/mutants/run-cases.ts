// tsx --conditions=source scripts/mutants/run-cases.ts <store> <src of the copy> [url]
// Runs every conformance case on one store and writes its progress as lines of JSON: the name of each case when it
// begins, how it failed if it does, and how many there were.
import { pathToFileURL } from "node:url";
import type { ConformanceCase, StoreHarness } from "@milepost/core/conformance";

const [store, src, url] = process.argv.slice(2) as [string, string, string | undefined];
const load = (path: string) => import(pathToFileURL(`${src}/${path}`).href);

export type RunLine = { readonly begun: string } | { readonly failed: string } | { readonly cases: number };

/** A broken store may make a case wait for something that never comes. */
const patience = 20_000;

const { harness, suite } = await opened();
const write = (line: RunLine, then?: () => void) => process.stdout.write(`${JSON.stringify(line)}\n`, then);
const cases: readonly ConformanceCase[] = [...suite.storeCases(), ...suite.engineCases()];
for (const one of cases) {
  const name = `${one.about}: ${one.name}`;
  write({ begun: name });
  const running: Promise<unknown> = suite.runConformanceCase(harness, one);
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("took too long")), patience);
  });
  try {
    await Promise.race([running, tooLong]);
  } catch {
    write({ failed: name });
  } finally {
    clearTimeout(timer);
    running.catch(() => {});
  }
}
write({ cases: cases.length }, () => process.exit(0));

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
