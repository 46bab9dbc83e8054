import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { ended, ownDatabase, type Printed, startExample } from "../example-process.js";
import { dataFile } from "./flight-files.js";

interface ExpectedCrossing {
  readonly subject: string;
  readonly threshold: number;
  readonly reachedAt: string;
}

let folder: string;
let url: string | undefined;
let sample: readonly { readonly date: string; readonly origin: string }[];
beforeAll(async () => {
  sample = JSON.parse(await readFile(dataFile("flights-20k.json"), "utf8"));
});
beforeEach(async () => {
  url = undefined;
  folder = await mkdtemp(join(tmpdir(), "flights-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Keeps its count in a file, so that a later run of the same test finds it. */
function run(...args: string[]): Promise<Printed> {
  const database = url === undefined ? ["--db", "flights.db"] : [];
  return ended(startExample(["flights", ...args, ...database], { cwd: folder, url }));
}

/** What the first rows of the sample must lead to, counted without any of the program's code. */
function plainCount(rows: number): readonly ExpectedCrossing[] {
  const counts: Record<string, number> = {};
  const crossings: ExpectedCrossing[] = [];
  for (const { date, origin } of sample.slice(0, rows)) {
    const count = (counts[origin] ?? 0) + 1;
    counts[origin] = count;
    if (![1, 1_000, 10_000, 100_000].includes(count)) continue;
    const [year, month, day, hour, minute] = date.split(/\D/).map(Number) as [number, number, number, number, number];
    const reachedAt = new Date(Date.UTC(year, month - 1, day, hour, minute)).toISOString();
    crossings.push({ subject: origin, threshold: count, reachedAt });
  }
  return crossings;
}

function parsed({ stdout }: Printed): { crossings: readonly unknown[]; run: Record<string, number> } {
  const objects = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { crossings: objects.slice(0, -1), run: objects.at(-1) };
}

describe.each(["SQLite", "Postgres"])(
  "flights on %s",
  (database) => {
    let drop = async () => {};
    beforeEach(async () => {
      if (database === "SQLite") return;
      ({ url, drop } = await ownDatabase(inject("databaseUrl")));
    });
    afterEach(() => drop());

    test("finds every crossing that a plain count finds, in file order, and a second run changes nothing", async () => {
      const expected = plainCount(20_000);
      expect(expected).toHaveLength(222);

      const first = await run("--json");
      expect(first.stderr).toBe("");
      expect(first.code).toBe(0);
      expect(parsed(first).crossings).toEqual(expected);
      const { events, seconds, eventsPerSecond, peakMB } = parsed(first).run;
      expect(events).toBe(20_000);
      expect(Math.abs(eventsPerSecond! * seconds! - 20_000)).toBeLessThan(1_000);
      expect(peakMB).toBeGreaterThan(30);
      expect(peakMB).toBeLessThan(300);
      expect(Object.keys(parsed(first).run)).toEqual(["events", "seconds", "eventsPerSecond", "peakMB"]);

      expect(parsed(await run("--json")).crossings).toEqual(expected);
      const text = await run();
      expect(text.stdout).toContain("20,000 read: 0 counted, 20,000 known before");
      expect(text.stdout).toMatch(/^ +ORD +1,095 +2001-01-01 +2001-03-23$/m);
    });

    test("goes on where --limit ended", async () => {
      const begun = parsed(await run("--json", "--limit", "5,000"));
      expect(begun.crossings).toEqual(plainCount(5_000));
      expect(begun.run.events).toBe(5_000);
      expect(parsed(await run("--json")).crossings).toEqual(plainCount(20_000));
    });

    test("--full counts the rows of another file, apart from the sample's", async () => {
      await run("--limit", "100");
      const full = parsed(await run("--full", "--json", "--limit", "1"));
      expect(full.crossings).toEqual([{ subject: "LAS", threshold: 1, reachedAt: "2001-01-01T00:01:00.000Z" }]);
      expect(parsed(await run("--json", "--limit", "100")).crossings).toEqual(plainCount(100));
    });
  },
  60_000,
);

describe("flights", () => {
  test("counts afresh in a temporary database that it removes", async () => {
    for (const _ of ["first", "second"]) {
      const { stdout } = await ended(startExample(["flights", "--limit", "10"], { cwd: folder, tmp: folder }));
      expect(stdout).toContain("10 read: 10 counted\n");
      expect((await readdir(folder)).filter((name) => name.startsWith("milepost-flights-"))).toEqual([]);
    }
  });

  test.each([
    [["--limit", "none"], 2, "a whole number of 1 or more"],
    [["--fast"], 2, "--fast"],
    [["--db", "missing/flights.db"], 1, "--db missing/flights.db: "],
  ])("refuses %j", async (args, code, message) => {
    const printed = await ended(startExample(["flights", ...args], { cwd: folder }));
    expect(printed.stderr).toContain(message);
    expect(printed.stdout).toBe("");
    expect(printed.code).toBe(code);
  });
}, 60_000);
