import { type Damage, damages, soundHistory } from "@milepost/core/conformance";
import { tableNamer } from "@milepost/core/store";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "./index.js";
import { type OpenedSqliteStore, openSqliteStore } from "./sqlite-harness.js";

type History = OpenedSqliteStore & { readonly now: Date };

async function withHistory(): Promise<History> {
  const opened = await openSqliteStore();
  onTestFinished(() => opened.dispose());
  return { ...opened, now: await soundHistory(opened.store) };
}

function spoil({ db }: History, { sql, withoutKey }: Damage): void {
  const fill = tableNamer({ tablePrefix: "milepost_" });
  if (withoutKey !== undefined) {
    // a unique key of a table can only be lost with the table
    db.exec(fill(`CREATE TABLE {copied} AS SELECT * FROM {${withoutKey}}; DROP TABLE {${withoutKey}}`));
    db.exec(fill(`ALTER TABLE {copied} RENAME TO {#${withoutKey}}`));
  }
  db.exec(fill(sql));
}

test("a history that nobody damaged is sound, also to who may only read", async () => {
  const { database, now } = await withHistory();
  const db = new Database(database.file, { readonly: true });
  onTestFinished(() => void db.close());
  const { sound, checks } = await sqliteStore(db).verify({ now });
  expect(checks.flatMap(({ violations }) => violations)).toEqual([]);
  expect(sound).toBe(true);
});

test("nobody who writes waits for it", async () => {
  const { database, store, now } = await withHistory();
  const writer = database.open();
  writer.exec("BEGIN IMMEDIATE; UPDATE milepost_notifications SET detail = detail");
  expect((await store.verify({ now })).sound).toBe(true);
  writer.exec("ROLLBACK");
});

test("it tells so many examples as were asked for, that there are more, and those of one tenant", async () => {
  const history = await withHistory();
  spoil(history, damages.find(({ invariant }) => invariant === "I16")!);
  const only = ["I16"] as const;
  const { checks } = await history.store.verify({ only, limit: 2 });
  expect(checks.map(({ id, violations, more }) => [id, violations.length, more])).toEqual([["I16", 2, true]]);
  expect(checks[0]!.violations[0]!.what).toMatch(/^notification [0-9a-f-]{36}$/);
  for (const limit of [0, -1]) {
    const report = await history.store.verify({ only, limit });
    expect([report.sound, report.checks[0]!.violations, report.checks[0]!.more]).toEqual([false, [], true]);
  }
  expect((await history.store.verify({ only, tenant: "other" })).sound).toBe(true);
  expect((await history.store.verify({ only, tenant: "default" })).sound).toBe(false);
});

describe.each(damages.map((damage, n) => [damage.invariant, damage.found, n, damage] as const))(
  "%s, %s (%i)",
  (id, found, _, damage) => {
    test("is reported, by this invariant alone", async () => {
      const history = await withHistory();
      spoil(history, damage);
      const { checks } = await history.store.verify({ now: history.now });
      const violated = checks.filter(({ violations }) => violations.length > 0);
      expect(violated.map((check) => check.id)).toEqual([id]);
      expect(violated[0]!.violations.map((violation) => violation.found)).toContain(found);
    });
  },
);
