import { MilepostError, type StoreSupports } from "@milepost/core/store";
import { databaseFile } from "./database-file.js";
import type { SqliteDatabase } from "./driver.js";

/** SQLite's numbers for `PRAGMA synchronous`: 0 OFF, 1 NORMAL, 2 FULL, 3 EXTRA. */
const full = 2;

/**
 * What the handle's settings promise; throws `unsafe_durability` for a database file that is not in WAL mode, in which
 * readers and the writer would lock each other out.
 *
 * A database without a file (`:memory:`, temporary) forgets the mark together with the notification, so a mark is as
 * durable as what it marks.
 */
export function durabilityOf(db: SqliteDatabase): StoreSupports {
  // Nobody hears of another connection's commit: the file could be watched, but it changes with every recorded event.
  const always = { hostTransactions: true, effect: true, wakeUps: false };
  if (databaseFile(db) === "") return { persistence: false, durableCommits: true, ...always };

  // Before synchronous: only reading the file tells SQLite that it is in WAL mode, where better-sqlite3 means NORMAL.
  const journalMode = String(db.pragma("journal_mode", { simple: true }));
  if (journalMode !== "wal") {
    throw new MilepostError(
      "unsafe_durability",
      `The database's journal_mode is "${journalMode}"; Milepost needs WAL. Once, before sqliteStore(): ` +
        'db.pragma("journal_mode = WAL").',
      { path: "db", expected: "journal_mode = WAL" },
    );
  }
  const synchronous = Number(db.pragma("synchronous", { simple: true }));
  // An empty file answers FULL until its first page is written and then falls to better-sqlite3's NORMAL. Said
  // explicitly, the same value stays. Inside a transaction it cannot be said, and need not: then there are pages.
  if (synchronous >= full && !db.inTransaction) db.pragma(`synchronous = ${synchronous}`);
  return { persistence: true, durableCommits: synchronous >= full, ...always };
}
