import { actingSteps, actingTables, beforeActing } from "@milepost/core/conformance";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type SqliteStore, sqliteStore } from "./index.js";
import { type TemporaryDatabase, temporaryDatabase } from "./sqlite-harness.js";

let database: TemporaryDatabase;
let store: SqliteStore;
beforeEach(async () => {
  database = temporaryDatabase();
  const db = database.open();
  store = sqliteStore(db);
  await store.migrate();
  await beforeActing(store);
  db.exec("CREATE TRIGGER no_more BEFORE INSERT ON milepost_acts BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
});
afterEach(() => database.dispose());

test.each(actingSteps)("$name leaves nothing half-written when its last statement fails", async ({ take }) => {
  const read = (table: string) => database.open().prepare(`SELECT * FROM milepost_${table}`).all();
  const contents = () => actingTables.map(read);
  const before = contents();
  await expect((async () => take(store))()).rejects.toMatchObject({ code: "store_failed" });
  expect(contents()).toEqual(before);
});
