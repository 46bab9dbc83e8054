import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { ended, type OwnDatabase, ownDatabase, type Printed, startExample } from "../example-process.js";

let folder: string;
let own: OwnDatabase | undefined;
beforeEach(async () => {
  own = undefined;
  folder = await mkdtemp(join(tmpdir(), "invoice-chaser-"));
});
afterEach(async () => {
  await own?.drop();
  await rm(folder, { recursive: true, force: true });
});

function run(...args: string[]): Promise<Printed> {
  return ended(startExample(["invoice-chaser", ...args], { cwd: folder, url: own?.url, tmp: folder }));
}

/** The README's result, and what was printed, without what depends on the machine. */
function comparable(text: string): string {
  return text.replace(/^Kept in .*?\. /m, "Kept in … ").replaceAll(/ *\d+\.\d\d s/g, " … s");
}

async function documented(): Promise<string> {
  const readme = await readFile(new URL("README.md", import.meta.url), "utf8");
  return comparable(/```text\n(.*?)```/s.exec(readme)![1]!);
}

async function rows(sql: string): Promise<readonly Record<string, unknown>[]> {
  if (own !== undefined) return own.rows(sql);
  const db = new BetterSqlite3(join(folder, "season.db"), { readonly: true });
  try {
    return db.prepare<[], Record<string, unknown>>(sql.replaceAll("invoice_chaser.", "milepost_")).all();
  } finally {
    db.close();
  }
}

describe.each(["SQLite", "Postgres"])(
  "invoice-chaser on %s",
  (kind) => {
    beforeEach(async () => {
      if (kind === "Postgres") own = await ownDatabase(inject("databaseUrl"));
    });
    const database = kind === "SQLite" ? ["--db", "season.db"] : [];

    test("prints what its README shows, keeps no secret in the clear, and refuses a database with a season", async () => {
      const { stdout, stderr, code } = await run(...database);
      expect(stderr).toBe("");
      expect(comparable(stdout)).toBe(await documented());
      expect(code).toBe(0);

      const sent = await rows(
        "SELECT tenant, campaign, state, CAST(count(*) AS integer) AS mails FROM invoice_chaser.notifications GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
      );
      expect(sent.map(({ tenant, campaign, state, mails }) => `${tenant} ${campaign} ${state} ${mails}`)).toEqual([
        "nile notices sent 48",
        "nile notices suppressed 3",
        "nile reminders sent 400",
        "tyne statements sent 62",
      ]);
      const invoices = await rows(
        "SELECT CAST(count(DISTINCT item_key) AS integer) AS invoices FROM invoice_chaser.notifications WHERE campaign = 'reminders'",
      );
      expect(invoices).toEqual([{ invoices: 400 }]);
      const accounts = JSON.stringify(await rows("SELECT * FROM invoice_chaser.providers"));
      expect(accounts).toContain("main@nile.example");
      expect(accounts).not.toMatch(/password of|refresh-of-nile|access-1/);

      const again = await run(...database);
      expect(again.stderr).toMatch(/: has a season already\. /);
      expect([again.stdout, again.code]).toEqual(["", 2]);
    });
  },
  240_000,
);

describe("invoice-chaser", () => {
  test("loses and doubles nothing of other seasons, and one company never sees another's", async () => {
    const { stdout, stderr, code } = await run("--seed", "7");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/lost 0, doubled 0, moved to another account [1-9]/);
    expect(stdout).toMatch(/18 of 18 answered nothing and changed nothing; all of Tyne Tools is as it was\n/);
    expect(code).toBe(0);
  });

  test.each([
    [["--seed", "x"], "--seed x: a whole number of 0 or more"],
    [["--db", "none/season.db"], "--db none/season.db: Cannot open database"],
    [["--mails", "5"], "Unknown option '--mails'"],
  ])("refuses %j", async (args, message) => {
    const { stdout, stderr, code } = await run(...args);
    expect(stderr).toContain(message);
    expect([stdout, code]).toEqual(["", 2]);
  });
}, 240_000);
