import { damageCases, type SpoilableHistory, soundHistory } from "@milepost/core/conformance";
import { tableNamer } from "@milepost/core/store";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "./index.js";
import { type OpenedSqliteStore, openSqliteStore } from "./sqlite-harness.js";

async function withHistory(): Promise<OpenedSqliteStore & SpoilableHistory> {
  const opened = await openSqliteStore();
  onTestFinished(() => opened.dispose());
  const fill = tableNamer({ tablePrefix: "milepost_" });
  return {
    ...{ ...opened, now: await soundHistory(opened.store) },
    async spoil({ sql, withoutKey }) {
      if (withoutKey !== undefined) {
        // a unique key of a table can only be lost with the table
        opened.db.exec(fill(`CREATE TABLE {copied} AS SELECT * FROM {${withoutKey}}; DROP TABLE {${withoutKey}}`));
        opened.db.exec(fill(`ALTER TABLE {copied} RENAME TO {#${withoutKey}}`));
      }
      opened.db.exec(fill(sql));
    },
  };
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

test.each(damageCases)("$name", async ({ run }) => run(await withHistory()));
