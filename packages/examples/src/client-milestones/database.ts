import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import BetterSqlite3 from "better-sqlite3";
import { Pool } from "pg";
import { deliveriesPostgres } from "./deliveries-postgres.js";
import { deliveriesSqlite } from "./deliveries-sqlite.js";
import type { DeliveriesTable } from "./deliveries-table.js";

export interface ExampleDatabase {
  /** For the report, without credentials. */
  readonly name: string;
  readonly store: Store;
  readonly deliveries: DeliveriesTable;
  close(): Promise<void>;
}

/** Postgres where a URL is given, else an SQLite file. Both own their handle here: the engine never closes it. */
export function openDatabase(where: { readonly url: string | undefined; readonly file: string }): ExampleDatabase {
  return where.url ? openPostgres(where.url) : openSqlite(where.file);
}

function openPostgres(url: string): ExampleDatabase {
  const pool = new Pool({ connectionString: url });
  // an idle connection that is lost is replaced; without a listener it would end the process
  pool.on("error", (error) => console.error(`Postgres: ${error.message}`));
  return {
    name: "Postgres",
    store: postgresStore(pool),
    deliveries: deliveriesPostgres(pool),
    close: () => pool.end(),
  };
}

function openSqlite(file: string): ExampleDatabase {
  const db = open(file);
  db.pragma("journal_mode = WAL");
  // a mark must outlive a power cut, or a message could be sent twice
  db.pragma("synchronous = FULL");
  return {
    name: `SQLite ${file}`,
    store: sqliteStore(db),
    deliveries: deliveriesSqlite(db),
    close: async () => void db.close(),
  };
}

function open(file: string): BetterSqlite3.Database {
  try {
    return new BetterSqlite3(file, { timeout: 2_000 });
  } catch (error) {
    throw new Error(`--db ${file}: ${(error as Error).message}`);
  }
}
