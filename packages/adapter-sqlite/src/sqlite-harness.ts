import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostTransaction, OpenedStore, StoreHarness } from "@milepost/core/conformance";
import Database from "better-sqlite3";
import { type SqliteStore, type SqliteStoreOptions, sqliteStore } from "./index.js";

// Imported by tests only; index.ts does not lead here.

/** A database file in a folder of its own, and the handles that tests open on it. */
export interface TemporaryDatabase {
  readonly file: string;
  /** A further handle, set up as a host should. `timeout` 0: SQLite itself never blocks the test's event loop. */
  open(): Database.Database;
  /** Closes every handle and removes the folder. */
  dispose(): void;
}

export function temporaryDatabase(): TemporaryDatabase {
  const folder = mkdtempSync(join(tmpdir(), "milepost-sqlite-"));
  const file = join(folder, "milepost.db");
  const handles: Database.Database[] = [];
  return {
    file,
    open() {
      const db = new Database(file, { timeout: 0 });
      handles.push(db);
      db.pragma("journal_mode = WAL");
      db.pragma("synchronous = FULL");
      return db;
    },
    dispose() {
      for (const db of handles) db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface OpenedSqliteStore extends OpenedStore {
  readonly store: SqliteStore;
  readonly db: Database.Database;
  readonly database: TemporaryDatabase;
  reopen(): Promise<SqliteStore>;
  hostTransaction(): Promise<HostTransaction>;
}

export async function openSqliteStore(options?: SqliteStoreOptions): Promise<OpenedSqliteStore> {
  const database = temporaryDatabase();
  const db = database.open();
  const store = sqliteStore(db, options);
  await store.migrate();
  const stores = [store];
  return {
    store,
    db,
    database,
    async reopen() {
      const other = sqliteStore(database.open(), options);
      stores.push(other);
      return other;
    },
    // On the shared handle: so hosts with one process do it, and no other way shows that our steps stay out of it.
    async hostTransaction() {
      db.exec("BEGIN");
      return {
        tx: db as never,
        commit: async () => void db.exec("COMMIT"),
        rollback: async () => void db.exec("ROLLBACK"),
      };
    },
    host: {
      run: async (sql) => void db.exec(sql),
      all: async (sql) => db.prepare<[], Record<string, unknown>>(sql).all(),
    },
    async dispose() {
      for (const opened of stores) await opened.close();
      database.dispose();
    },
  };
}

export const sqliteHarness: StoreHarness = { open: () => openSqliteStore() };
