import { readFileSync } from "node:fs";

// The programs in the README and in docs/, as they stand there, on each store and in each module format.

const page = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const readme = page("README.md");
const programs = blocks(readme);
const first = block(programs, "store: memoryStore()");
/** What the first program prints. */
export const printed: string = blocks(readme, "text")[0]!;

/** The README's first program over each store; `own` names the file or schema, as no two may count the same event. */
export const firstProgram: Readonly<Record<"memory" | "sqlite" | "postgres", (own: string) => string>> = {
  memory: () => first,
  sqlite: (own) => overStore(swap(block(programs, "new Database("), '"milepost.db"', `"${own}.db"`)),
  postgres: (own) =>
    `${overStore(swap(block(programs, "new pg.Pool("), '"milepost"', `"${own}"`))}await milepost.close();\nawait pool.end();\n`,
};

function overStore(storeBlock: string): string {
  const [given] = /store: memoryStore\(\),.*/.exec(first) ?? ["the line of the store"];
  return storeBlock + swap(first, given, "store,");
}

/** The test file of docs/writing-a-store.md, with the toy store in the places it names for one's own. */
export const conformanceTest: string = ownConformanceTest();
/** The same without an engine: over a broken store it may wait for what never comes. */
export const repositoriesTest: string = ownConformanceTest().replace("engineCases()", "[]");

function ownConformanceTest(): string {
  const changes = [
    ['import { memoryStore } from "@milepost/core";', 'import { openToy } from "./toy-store.mjs";'],
    ["const store = memoryStore();", "const { store, another } = openToy();"],
    [
      "// for a store with persistence: reopen: async () => yourStore(anotherConnectionToTheSameData),",
      "reopen: another,",
    ],
  ] as const;
  return changes.reduce(
    (code, [find, put]) => swap(code, find, put),
    block(blocks(page("docs/writing-a-store.md")), "runConformanceCase("),
  );
}

/** A program as CommonJS: `require` for `import`, and a function around it, for its top-level await. */
export function toCommonJs(program: string): string {
  const body = program.replace(/^import (.+) from (".+");$/gm, "const $1 = require($2);");
  if (/^import /m.test(body)) throw new Error(`an import that toCommonJs does not know:\n${program}`);
  return `(async () => {\n${body}})();\n`;
}

function blocks(markdown: string, language = "ts"): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, code]) => code!);
}

function block(all: readonly string[], part: string): string {
  const [found, ...more] = all.filter((code) => code.includes(part));
  if (found === undefined || more.length > 0) throw new Error(`not exactly one program has ${part}`);
  return found;
}

function swap(code: string, find: string, put: string): string {
  if (code.split(find).length !== 2) throw new Error(`not exactly once "${find}" in\n${code}`);
  return code.replace(find, () => put);
}
