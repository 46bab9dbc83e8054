import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { ownDatabase } from "../packages/examples/src/example-process.js";

// The READMEs and docs/ against the code: closed lists, links, and the programs in them.
//
// A block ```ts below a line `<!-- run -->` is a program: it is run, and must end with exit code 0. If the next fenced
// block after it is ```text, that is the program's standard output. DATABASE_URL is an empty database of its own.

const root = fileURLToPath(new URL("..", import.meta.url));
const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
const packages = readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`);
const pages = ["README.md", ...packages, ...docs.map((name) => `docs/${name}`)].filter((page) =>
  existsSync(join(root, page)),
);
const text = new Map(pages.map((page) => [page, readFileSync(join(root, page), "utf8")]));

interface Block {
  readonly page: string;
  /** Of its opening fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly marked: boolean;
  readonly code: string;
}

const blocks = pages.flatMap((page) => blocksOf(page));
const programs = blocks.flatMap((block, i) => {
  if (!block.marked) return [];
  const next = blocks[i + 1];
  const output = next?.page === block.page && next.language === "text" ? next.code : undefined;
  return [{ ...block, output }];
});

function blocksOf(page: string): Block[] {
  const lines = text.get(page)!.split("\n");
  const found: Block[] = [];
  let open: number | undefined;
  lines.forEach((line, i) => {
    if (!line.startsWith("```")) return;
    if (open === undefined) {
      open = i;
      return;
    }
    const code = `${lines.slice(open + 1, i).join("\n")}\n`;
    const marked = lines[open - 1] === "<!-- run -->";
    found.push({ page, line: open + 1, language: lines[open]!.slice(3).trim(), marked, code });
    open = undefined;
  });
  if (open !== undefined) throw new Error(`${page}:${open + 1}: this block has no end`);
  return found;
}

/** The page without its blocks, whose `#` and `[x](y)` are code. */
function prose(page: string): string {
  return text.get(page)!.replace(/^```[\s\S]*?^```$/gm, "");
}

function headings(page: string): string[] {
  return [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!);
}

/** A heading's anchor as GitHub makes it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
}

// Programs run from source, in a folder where the packages and their drivers resolve. It lies in node_modules, so that
// git, the linters and a watching editor never see it; .mts, because no package.json there says what a .ts is.
const modules = join(root, "packages/examples/node_modules");
let folder: string;
beforeAll(async () => {
  await mkdir(modules, { recursive: true });
  folder = await mkdtemp(join(modules, ".docs-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let programCount = 0;
async function file(code: string): Promise<string> {
  const path = join(folder, `program-${++programCount}.mts`);
  await writeFile(path, code);
  return path;
}

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function node(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const options = { cwd: folder, env: { ...process.env, ...env } };
  const child = spawn(process.execPath, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    stdout += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
  });
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (exitCode) => done({ exitCode, stdout, stderr }));
  });
}

async function run(code: string, env?: NodeJS.ProcessEnv): Promise<Ended> {
  return node(["--conditions=source", "--import", import.meta.resolve("tsx"), await file(code)], env);
}

describe("closed lists", () => {
  let lists: Record<"errorCodes" | "reasons" | "notificationStates" | "deliveryModes", string[]>;
  beforeAll(async () => {
    // by the package's name, as a host gets them
    const names = "errorCodes, reasons, notificationStates, deliveryModes";
    const { stdout, stderr } = await run(
      `import { ${names} } from "@milepost/core";\nconsole.log(JSON.stringify({ ${names} }));\n`,
    );
    expect(stderr).toBe("");
    lists = JSON.parse(stdout);
  }, 60_000);

  test("errors.md has one heading per error code, in their order, and no other", () => {
    const { errorCodes } = lists;
    const codes = [...prose("docs/errors.md").matchAll(/^## (.+)$/gm)].map(([, code]) => code);
    expect(codes).toEqual(errorCodes.map((code) => `\`${code}\``));
  });

  test("delivery-states.md names every state, reason and mode as code", () => {
    const { reasons, notificationStates, deliveryModes } = lists;
    const page = prose("docs/delivery-states.md");
    const missing = [...reasons, ...notificationStates, ...deliveryModes].filter(
      (name) => !page.includes(`\`${name}\``),
    );
    expect(missing).toEqual([]);
  });

  test("the table of reasons in delivery-states.md holds exactly the reasons, in their order", () => {
    const { reasons } = lists;
    const [section] = prose("docs/delivery-states.md").split("\n## Reasons\n")[1]!.split("\n## ");
    const rows = [...section!.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, reason]) => reason);
    expect(rows).toEqual(reasons);
  });
});

test.each(pages)("every relative link in %s leads somewhere", (page) => {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  const broken = links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path, fragment] = link.split("#") as [string, string | undefined];
    const target = path === "" ? page : relative(root, resolve(root, dirname(page), path));
    if (!existsSync(join(root, target))) return true;
    return fragment !== undefined && text.has(target) && !headings(target).map(anchor).includes(fragment);
  });
  expect(broken).toEqual([]);
});

describe("programs", () => {
  test("a line that marks a program stands directly above a ts block", () => {
    const marks = pages.flatMap((page) => text.get(page)!.match(/<!-- *run *-->/g) ?? []);
    const marked = programs.filter((program) => program.language === "ts");
    expect(marked).toHaveLength(marks.length);
    expect(marks.length).toBeGreaterThan(0);
  });

  const named = programs.map((program) => [`${program.page}:${program.line}`, program] as const);
  test.each(named)("%s runs, and prints what the page says", { timeout: 180_000 }, async (_, { code, output }) => {
    const database = await ownDatabase(inject("databaseUrl"));
    const { exitCode, stdout, stderr } = await run(code, { DATABASE_URL: database.url }).finally(database.drop);
    expect(exitCode, `${stdout.slice(-10_000)}\n${stderr.slice(-10_000)}`).toBe(0);
    if (output !== undefined) expect(stdout).toBe(output);
  });

  test("programs have no type errors", { timeout: 120_000 }, async () => {
    const files = await Promise.all(programs.map(({ code }) => file(code)));
    const config = join(folder, "tsconfig.json");
    await writeFile(
      config,
      JSON.stringify({ extends: join(root, "tsconfig.base.json"), compilerOptions: { noEmit: true }, files }),
    );
    const { stdout } = await node([join(root, "node_modules/typescript/bin/tsc"), "--project", config]);
    expect(stdout).toBe("");
  });
});
