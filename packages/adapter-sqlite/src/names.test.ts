import { createMilepost, milestone, thresholds } from "@milepost/core";
import { engineCases, hostileNames, runConformanceCase } from "@milepost/core/conformance";
import { tableNamer } from "@milepost/core/store";
import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, test } from "vitest";
import { migrations } from "./migrations.generated.js";
import { openSqliteStore } from "./sqlite-harness.js";
import { ddl, sqliteStore } from "./sqlite-store.js";

const hostileName = fc
  .array(fc.oneof(fc.constantFrom(...hostileNames), fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 5 })
  .map((parts) => parts.join(""));

const names = (db: Database.Database) =>
  db.prepare("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'").pluck().all() as string[];

/** Migrates beside a table of the host's, counts one event; answers whether the prefix was accepted. */
async function use(tablePrefix: string, byHand: boolean): Promise<boolean> {
  const db = new Database(":memory:");
  try {
    db.exec("CREATE TABLE victim (name text); INSERT INTO victim VALUES ('unharmed')");
    let store: ReturnType<typeof sqliteStore>;
    try {
      store = sqliteStore(db, { tablePrefix });
    } catch (error) {
      const refusal = expect.objectContaining({ code: "invalid_options", path: "tablePrefix" });
      expect(error).toEqual(refusal);
      expect(() => ddl({ tablePrefix })).toThrow(refusal);
      return false;
    }
    if (byHand) db.exec(ddl({ tablePrefix }));
    const milepost = createMilepost({
      store,
      milestones: [milestone({ name: "m", metric: "x", policy: thresholds(1) })],
    });
    expect((await milepost.migrate()).applied).toHaveLength(byHand ? 0 : migrations.length);
    const { value, crossings } = await milepost.record({ id: "e", metric: "x", subject: "s" });
    expect([value, crossings.length]).toEqual([1, 1]);
    expect(names(db).filter((name) => name !== "victim" && !name.startsWith(tablePrefix))).toEqual([]);
    expect(names(db)).toContain(`${tablePrefix}counters`);
    expect(db.prepare("SELECT name FROM victim").all()).toEqual([{ name: "unharmed" }]);
    // a migration drops a column, for which SQLite opens its empty temporary database
    const databases = db.pragma("database_list") as { name: string }[];
    expect(databases.filter(({ name }) => name !== "temp")).toHaveLength(1);
    expect(db.prepare("SELECT count(*) AS n FROM sqlite_temp_master").get()).toEqual({ n: 0 });
    return true;
  } finally {
    db.close();
  }
}

test("whatever a prefix is, nothing is made without it", { timeout: 60_000 }, async () => {
  const used = new Set<string>();
  let refused = 0;
  for (const [tablePrefix, byHand] of fc.sample(fc.tuple(hostileName, fc.boolean()), { numRuns: 600, seed: 16 })) {
    if (await use(tablePrefix, byHand)) used.add(tablePrefix);
    else refused += 1;
  }
  expect(used.size).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);
});

test("every name of ours fits behind the longest prefix that is accepted", () => {
  const accepted = (length: number) => {
    try {
      return tableNamer({ tablePrefix: "p".repeat(length) }) !== undefined;
    } catch {
      return false;
    }
  };
  const tablePrefix = "p".repeat(Array.from({ length: 64 }, (_, i) => 63 - i).find(accepted)!);
  expect(ddl({ tablePrefix })).toContain(`"${tablePrefix}counters"`);
});

test("names from outside only ever travel as parameters", { timeout: 60_000 }, async () => {
  const texts: string[] = [];
  const harness = {
    async open() {
      const opened = await openSqliteStore();
      const prepare = opened.db.prepare.bind(opened.db);
      opened.db.prepare = ((text: string) => {
        texts.push(text);
        return prepare(text);
      }) as typeof opened.db.prepare;
      return opened;
    },
  };
  // gives "victim", among others, in every place where a name may be given
  const [everyName] = engineCases().filter(({ name }) => name.startsWith("takes any text as the name"));
  expect(await runConformanceCase(harness, everyName!)).toBe("passed");
  expect(texts.length).toBeGreaterThan(20);
  expect(texts.filter((text) => text.includes("victim"))).toEqual([]);
});
