import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import { CommandError } from "../command.js";
import { connectPostgres, connectSqlite } from "../connections.js";
import { databaseProblem } from "./database-problem.js";
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
  const setting = "DATABASE_URL";
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CommandError(`${setting}: a URL like postgres://user:password@host:5432/database is expected.`);
  }
  const pool = connectPostgres(url);
  return {
    name: "Postgres",
    setting,
    store: postgresStore(pool),
    deliveries: deliveriesPostgres(pool),
    close: () => pool.end(),
  };
}

function openSqlite(file: string): ExampleDatabase {
  const setting = `--db ${file}`;
  const db = connected(file, setting);
  return {
    name: `SQLite ${file}`,
    setting,
    store: sqliteStore(db),
    deliveries: deliveriesSqlite(db),
    close: async () => void db.close(),
  };
}

/** A file that is no database is opened like any other, and found out by the first statement. */
function connected(file: string, setting: string): ReturnType<typeof connectSqlite> {
  try {
    return connectSqlite(file);
  } catch (error) {
    throw databaseProblem(setting, error);
  }
}
