import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { ended, type OwnDatabase, ownDatabase, type Printed, startExample } from "../example-process.js";

let folder: string;
let own: OwnDatabase | undefined;
beforeEach(async () => {
  own = undefined;
  folder = await mkdtemp(join(tmpdir(), "shop-budgets-"));
});
afterEach(async () => {
  await own?.drop();
  await rm(folder, { recursive: true, force: true });
});

function run(...args: string[]): Promise<Printed> {
  return ended(startExample(["shop-budgets", ...args], { cwd: folder, url: own?.url }));
}

const line = (shop: number, month: string, percent: number, spent: string, budget: string, reached: string) =>
  `${JSON.stringify({ shop, month, percent, spent, budget, reached })}\n`;

const june: readonly string[] = [
  line(1, "2020-06", 50, "725.67", "930.00", "78.03"),
  line(2, "2020-06", 50, "886.63", "990.00", "89.56"),
  line(3, "2020-06", 50, "685.91", "650.00", "105.52"),
  line(3, "2020-06", 100, "685.91", "650.00", "105.52"),
  line(4, "2020-06", 50, "746.92", "740.00", "100.94"),
  line(4, "2020-06", 100, "746.92", "740.00", "100.94"),
  line(5, "2020-06", 50, "507.64", "630.00", "80.58"),
  line(6, "2020-06", 50, "946.32", "640.00", "147.86"),
  line(6, "2020-06", 100, "946.32", "640.00", "147.86"),
  line(7, "2020-06", 50, "640.16", "980.00", "65.32"),
  line(8, "2020-06", 50, "965.64", "790.00", "122.23"),
  line(8, "2020-06", 100, "965.64", "790.00", "122.23"),
];
const july: readonly string[] = [
  line(1, "2020-07", 50, "803.67", "960.00", "83.72"),
  line(2, "2020-07", 50, "715.64", "670.00", "106.81"),
  line(2, "2020-07", 100, "715.64", "670.00", "106.81"),
  line(3, "2020-07", 50, "580.81", "890.00", "65.26"),
  line(4, "2020-07", 50, "754.93", "590.00", "127.95"),
  line(4, "2020-07", 100, "754.93", "590.00", "127.95"),
  line(5, "2020-07", 50, "505.12", "870.00", "58.06"),
  line(6, "2020-07", 50, "912.30", "700.00", "130.33"),
  line(6, "2020-07", 100, "912.30", "700.00", "130.33"),
  line(7, "2020-07", 50, "805.15", "990.00", "81.33"),
  line(8, "2020-07", 50, "504.25", "720.00", "70.03"),
];
const all = [...june, ...july].join("");
const notified = (text: string) => text.match(/^To: /gm)?.length ?? 0;

describe.each(["SQLite", "Postgres"])(
  "shop-budgets on %s",
  (kind) => {
    beforeEach(async () => {
      if (kind === "Postgres") own = await ownDatabase(inject("databaseUrl"));
    });
    const offline = async () => {
      const sql = "SELECT id FROM shops WHERE NOT online ORDER BY id";
      if (own !== undefined) return (await own.rows(sql.replace("shops", "shop_budgets.shops"))).map(({ id }) => id);
      const db = new BetterSqlite3(join(folder, "shop-budgets.db"), { readonly: true });
      try {
        return db.prepare(sql).pluck().all();
      } finally {
        db.close();
      }
    };

    test("finds 12 crossings in June and 11 in July, once, and arms a raised budget again", async () => {
      const first = await run("--json", "--splits", "7", "--seed", "3");
      expect(first.stdout).toBe(all);
      expect(notified(first.stderr)).toBe(23);
      expect(first.stderr).toMatch(
        /^ {2}2020-06-\d\d: As Seen On Sale has spent \d+\.\d\d of its budget of 650\.00 for June 2020, 1\d\d\.\d\d%\. It is offline/m,
      );
      expect(first.code).toBe(0);
      expect(await offline()).toEqual([2, 4, 6]);

      const second = await run("--json", "--seed", "4");
      expect(second.stdout).toBe(all);
      expect(second.stderr).toBe("Nobody was to be notified of anything new.\n");

      const raised = await run("--json", "--raise", "6:1000", "--raise", "4:700.00");
      expect(notified(raised.stderr)).toBe(2);
      expect(raised.stderr).toContain(
        "Dole & Cabbage has spent 912.30 of its budget of 1000.00 for July 2020, 91.23%.",
      );
      const lines = raised.stdout.split("\n");
      expect(lines.filter((each) => !all.includes(each)).join("\n")).toBe(
        [
          line(4, "2020-07", 50, "754.93", "700.00", "107.85"),
          line(4, "2020-07", 100, "754.93", "700.00", "107.85"),
          line(6, "2020-07", 50, "912.30", "1000.00", "91.23"),
        ]
          .join("")
          .trimEnd(),
      );
      expect(await offline()).toEqual([2, 4]);
    });

    test("shows each month, and who went online and offline when", async () => {
      const { stdout } = await run("--splits", "1", "--zone", "Europe/Berlin");
      // each of them passes both thresholds in one step
      expect(notified(stdout)).toBe(16);
      expect(stdout).toContain(
        "\nJune 2020\n  shop               budget   spent       %  50% reached  100% reached  at the end\n",
      );
      expect(stdout).toMatch(/^ {2}3 As Seen On Sale +650\.00 +685\.91 +105\.52 +(2020-06-\d\d) +\1 +offline$/m);
      expect(stdout).toMatch(/^ {2}7 George Manly +990\.00 +805\.15 +81\.33 +2020-07-\d\d +online$/m);
      const changes = stdout.slice(stdout.indexOf("Online and offline\n")).split("\n").slice(1);
      const on = (date: string) =>
        changes.filter((each) => each.startsWith(`  ${date}`)).map((each) => each.slice(14).split(/ {2,}/).join(", "));
      expect(on("2020-06-01")).toEqual([
        "2 Fashion Quasar, online, budget 990.00",
        "4 H&R, online, budget 740.00",
        "6 Dole & Cabbage, online, budget 640.00",
      ]);
      expect(on("2020-07-01")).toEqual(
        ["3 As Seen On Sale", "4 H&R", "6 Dole & Cabbage", "8 Harrison Ford"].map(
          (shop) => `${shop}, online, a new month`,
        ),
      );
    });
  },
  180_000,
);

describe("shop-budgets", () => {
  test("records nothing of what it cannot do to a shop, says so, and does both when it can", async () => {
    const input = join(folder, "in.csv");
    await writeFile(input, "shop,month,budget,spent\n1,2021-01,10.00,10.00\n12,2021-01,10.00,4.00\n");
    const empty = join(folder, "none.csv");
    await writeFile(empty, "shop,month,budget,spent\n1,2020-12,10.00,0.00\n");
    await run("--input", empty);
    const db = new BetterSqlite3(join(folder, "shop-budgets.db"));
    db.exec("CREATE TRIGGER no BEFORE UPDATE ON shops WHEN NEW.online = 0 BEGIN SELECT raise(ABORT, 'not now'); END");
    const broken = await run("--input", input, "--json");
    expect(broken.stdout).toBe(line(1, "2021-01", 50, "10.00", "10.00", "100.00"));
    expect(broken.stderr).toMatch(/^shop 1, 2021-01: not evaluated, .*not now/m);
    expect(broken.code).toBe(1);
    db.exec("DROP TRIGGER no");
    db.close();

    const mended = await run("--input", input, "--json");
    expect(mended.stdout).toBe(
      line(1, "2021-01", 50, "10.00", "10.00", "100.00") + line(1, "2021-01", 100, "10.00", "10.00", "100.00"),
    );
    expect(mended.code).toBe(0);
  });

  test.each([
    [["--splits", "0"], "--splits 0: a whole number of 1 or more"],
    [["--zone", "Berlin"], "--zone Berlin: a zone such as Europe/Berlin"],
    [["--raise", "6:10.005"], "--raise 6:10.005: SHOP:AMOUNT"],
    [["--raise", "6:10@2020-02-30"], "--raise 6:10@2020-02-30: SHOP:AMOUNT"],
    [["--input", "none.csv"], "--input none.csv: there is no such file"],
    [["--db", "none/shops.db"], "--db none/shops.db: Cannot open database"],
  ])("refuses %j", async (args, message) => {
    const { stdout, stderr, code } = await run(...args);
    expect(stderr).toContain(message);
    expect([stdout, code]).toEqual(["", 2]);
  });

  test("refuses what does not fit the database of an earlier run", async () => {
    const input = join(folder, "in.csv");
    await writeFile(input, "shop,month,budget,spent\n9,2021-01,10.00,4.00\n");
    await run("--input", input);
    await writeFile(input, "shop,month,budget,spent\n9,2021-01,10.00,5.00\n");
    const other = await run("--input", input);
    expect(other.stderr).toBe(
      `--input ${input}: shop 9, month 2021-01: spent 5.00 is 4.00 in --db shop-budgets.db. Take another database.\n`,
    );
    const zone = await run("--zone", "Europe/Berlin");
    expect(zone.stderr).toBe(
      "--zone Europe/Berlin: the months of --db shop-budgets.db are those of UTC. Take another database.\n",
    );
    expect([other.code, zone.code]).toEqual([2, 2]);
  });
}, 120_000);
