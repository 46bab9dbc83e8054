import { MilepostError } from "@milepost/core/store";
import type { SqliteDatabase } from "./driver.js";

/** The absolute path of a handle's file, symbolic links resolved by SQLite; "" for a database without one. */
export function databaseFile(db: SqliteDatabase): string {
  const databases = db.pragma("database_list") as { readonly name: string; readonly file: string }[];
  return databases.find(({ name }) => name === "main")?.file ?? "";
}

/**
 * Refuses a second handle that is not on the store's file. A host with a database per shop may have Milepost's tables in
 * each: an event given to the wrong one would be counted there, or never, and nobody would be told. By SQLite's own
 * path, not by better-sqlite3's `name`, which is as the host wrote it: "app.db" and "/srv/app.db" may be one file. A
 * database without a file has one handle only.
 */
export function refuseOtherDatabase(tx: SqliteDatabase, db: SqliteDatabase): void {
  const file = databaseFile(db);
  if (file !== "" && databaseFile(tx) === file) return;
  const expected = file === "" ? "the store's own handle" : "the store's own handle, or another one on the same file";
  throw new MilepostError("invalid_options", `tx: ${expected}. Nothing was stored.`, { path: "tx", expected });
}
