// the store

// the members of better-sqlite3 that are called
export type { SqliteDatabase, SqliteStatement } from "./driver.js";
export type { SqliteStore, SqliteStoreOptions, SqliteTableOptions } from "./sqlite-store.js";
export { ddl, sqliteStore } from "./sqlite-store.js";
