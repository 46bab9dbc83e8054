import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import { connectPostgres, connectSqlite } from "../connections.js";
import { deliveriesPostgres } from "./deliveries-postgres.js";
import { deliveriesSqlite } from "./deliveries-sqlite.js";
import type { DeliveriesTable } from "./deliveries-table.js";

export interface ExampleDatabase {
  /** For the report, without credentials. */
  readonly name: string;
  /** What chose it, for error messages: never the value of `DATABASE_URL`. */
  readonly setting: string;
  readonly store: Store;
  readonly deliveries: DeliveriesTable;
  close(): Promise<void>;
}

/** Postgres where a URL is given, else an SQLite file. */
export function openDatabase(where: { readonly url: string | undefined; readonly file: string }): ExampleDatabase {
  return where.url ? openPostgres(where.url) : openSqlite(where.file);
}

function openPostgres(url: string): ExampleDatabase {
  const pool = connectPostgres(url);
  return {
    name: "Postgres",
    setting: "DATABASE_URL",
    store: postgresStore(pool),
    deliveries: deliveriesPostgres(pool),
    close: () => pool.end(),
  };
}

function openSqlite(file: string): ExampleDatabase {
  const db = connectSqlite(file);
  return {
    name: `SQLite ${file}`,
    setting: `--db ${file}`,
    store: sqliteStore(db),
    deliveries: deliveriesSqlite(db),
    close: async () => void db.close(),
  };
}
