import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { ended, type OwnDatabase, ownDatabase, type Printed, startExample } from "../example-process.js";

let folder: string;
let own: OwnDatabase | undefined;
beforeEach(async () => {
  own = undefined;
  folder = await mkdtemp(join(tmpdir(), "weekly-winback-"));
});
afterEach(async () => {
  await own?.drop();
  await rm(folder, { recursive: true, force: true });
});

const start = (...args: string[]) => startExample(["weekly-winback", ...args], { cwd: folder, url: own?.url });
const run = (...args: string[]): Promise<Printed> => ended(start(...args));

const told = `
Who was told what
  week      customer  email              segment  state
  2026-W52  1001      ada@acme.example   low      sent
  2026-W52  1002      ben@acme.example   mid      sent
  2026-W52  1003      chi@acme.example   high     sent
  2026-W52  1009      ivo@acme.example   mid      sent
  2026-W53  1002      ben@acme.example   low      sent
  2026-W53  1003      chi@acme.example   mid      sent
  2026-W53  1005      eva@acme.example   low      sent
  2026-W53  1007      home@acme.example  high     sent
  2027-W02  1003      chi@acme.example   low      sent
  2027-W02  1005      eva@acme.example   low      sent
  2027-W02  1007      home@acme.example  mid      sent
  2027-W02  1008      home@acme.example  high     sent
  2027-W02  1009      ivo@acme.example   low      sent

Weeks
  week      low  mid  high
  2026-W52    1    2     1  sent
  2026-W53    2    1     1  sent
  2027-W01                  skipped: missed
  2027-W02    3    1     1  sent
`;

const refused = `68 lines read, 9 new customers, 5 lines refused, and nothing after them is lost:
  line 33: address: an email address, and not aaa aa aaaa.aaaaaaa
  line 34: week: a week of ISO 8601 that its year has, as in 2026-W53
  line 35: a row of CSV, its quotes closed and doubled inside
  line 36: status: active or paused
  line 37: 5 cells, as the header has; there are 2
`;

/** The customers that messages were printed to, sorted: how processes share the work is theirs. */
const printedTo = (text: string) => [...text.matchAll(/^To: (\w+) </gm)].map(([, name]) => name).sort();

const subscriptions = (weeks: string) =>
  `customer,email,name,week,status\n${weeks
    .trim()
    .split("\n")
    .map((line) => line.trim())
    .join("\n")}\n`;

describe.each(["SQLite", "Postgres"])(
  "weekly-winback on %s",
  (kind) => {
    beforeEach(async () => {
      if (kind === "Postgres") own = await ownDatabase(inject("databaseUrl"));
    });

    test("tells who paused next week, by segment, each Saturday once, over the end of a year of 53 weeks", async () => {
      const first = await run();
      expect(first.stderr).toBe("");
      expect(first.code).toBe(0);
      expect(first.stdout).toContain(refused);
      const parts = first.stdout.split(/^(?:Friday|Saturday) .*\n/m).slice(2);
      expect(parts.map(printedTo)).toEqual([
        ["Ada", "Ben", "Chi", "Ivo"],
        ["Ben", "Chi", "Eva", "Gil"],
        [],
        ["Chi", "Eva", "Gil", "Hana", "Ivo"],
      ]);
      expect(parts[2]).toBe("\nNobody is told.\n\n");
      expect(first.stdout.slice(first.stdout.indexOf("\nWho was told"))).toBe(told);

      const second = await run();
      expect(printedTo(second.stdout)).toEqual([]);
      expect(second.stdout).toContain("The file was imported before: 68 lines, nothing is done again.\n");
      expect(second.stdout.endsWith(told)).toBe(true);
    });

    test("--once by a scheduler from outside, by several at once, and the worker do the same, once", async () => {
      await writeFile(
        join(folder, "in.csv"),
        subscriptions(`
          a,a@acme.example,A,2026-W53,paused
          a,a@acme.example,A,2027-W01,paused
          b,not an address,B,2026-W53,paused
          c,c@acme.example,C,2026-W53,active
          d,d@acme.example,D,2026-W53,paused`),
      );
      const imported = await run("--import", "in.csv");
      expect(imported.stdout).toBe(
        "5 lines read, 3 new customers, 1 line refused, and nothing after them is lost:\n" +
          "  line 4: address: an email address, and not aaa aa aaaaaaa\n",
      );
      const early = await run("--once", "--now", "2026-12-25T09:00:00Z");
      expect(early.stdout).toBe("No Saturday 09:00 GMT within the last six hours: nothing to do.\n");
      const runs = await Promise.all([1, 2, 3].map(() => run("--once", "--now", "2026-12-26T09:20:00Z")));
      expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual([1, 2, 3].map(() => [0, ""]));
      expect(runs.flatMap(({ stdout }) => printedTo(stdout)).sort()).toEqual(["A", "D"]);
      for (const { stdout } of runs) {
        expect(stdout).toContain("winback:2026-12-26T09:00, for week 2026-W53: completed, 2 of 2 sent.\n");
      }

      const worker = start("--worker", "--now", "2026-12-26T10:00:00Z");
      worker.stdout.once("data", () => worker.kill("SIGTERM"));
      const { stdout, code } = await ended(worker);
      expect([stdout, code]).toEqual(["A worker runs: every Saturday at 09:00 GMT. Stop it with Ctrl-C.\n", 0]);

      const asked = await run("--sent", "2026-W53", "--json");
      expect(asked.stdout).toBe(
        '{"week":"2026-W53","customer":"a","email":"a@acme.example","segment":"mid","state":"sent"}\n' +
          '{"week":"2026-W53","customer":"d","email":"d@acme.example","segment":"low","state":"sent"}\n',
      );
      expect((await run("--sent", "2027-W01", "--json")).stdout).toBe("");
    });

    test("the worker's own schedule sends at 09:00 by itself, and --once after it nothing", async () => {
      await writeFile(join(folder, "in.csv"), subscriptions("a,a@acme.example,A,2026-W53,paused"));
      await run("--import", "in.csv");
      const worker = start("--worker", "--now", "2026-12-26T08:59:58Z");
      let printed = "";
      worker.stdout.on("data", (text: string) => {
        printed += text;
        if (printed.includes(": completed")) worker.kill("SIGTERM");
      });
      const { stdout, stderr, code } = await ended(worker);
      expect([printedTo(stdout), stderr, code]).toEqual([["A"], "", 0]);
      const once = await run("--once", "--now", "2026-12-26T09:01:00Z");
      expect(once.stdout).toBe(
        "winback:2026-12-26T09:00 was made before: nobody is told twice.\n" +
          "winback:2026-12-26T09:00, for week 2026-W53: completed, 1 of 1 sent.\n",
      );
    });
  },
  180_000,
);

describe("weekly-winback", () => {
  test.each([
    [["--sent", "2025-W53"], "--sent 2025-W53: a week that its year has"],
    [["--segments", "luck"], "--segments luck: run or count is expected."],
    [["--now", "tomorrow"], "--now tomorrow: an instant as in"],
    [["--once", "--worker"], "--once and --worker: one of the two"],
    [["--import", "none.csv"], "--import none.csv: there is no such file"],
    [["--db", "none/x.db"], "--db none/x.db: Cannot open database"],
  ])("refuses %j", async (args, message) => {
    const { stdout, stderr, code } = await run(...args);
    expect(stderr).toContain(message);
    expect([stdout, code]).toEqual(["", 2]);
  });

  test("its workflow runs --once on Saturdays at 09:00 GMT, as the worker's schedule says", async () => {
    const workflow = await readFile(new URL("weekly-winback.yml", import.meta.url), "utf8");
    const code = await readFile(new URL("winback.ts", import.meta.url), "utf8");
    const [, cron] = /cron: "(.*?)"/.exec(code)!;
    expect(workflow).toContain(`- cron: "${cron}"`);
    expect(workflow).toContain("example weekly-winback --once");
  });
}, 120_000);
