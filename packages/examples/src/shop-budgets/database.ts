import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import { connectPostgres, connectSqlite } from "../connections.js";
import { migratePostgres, migrateSqlite } from "../migrations.js";
import { type Query, type ShopTables, shopTables } from "./shop-tables.js";

export interface ShopsDatabase {
  /** For the report, without credentials. */
  readonly name: string;
  /** What chose it, for error messages: never the value of `DATABASE_URL`. */
  readonly setting: string;
  readonly store: Store;
  readonly tables: ShopTables;
  /** The example's own tables; the engine has migrations of its own. */
  migrate(): Promise<void>;
  close(): Promise<void>;
}

/** On Postgres the engine's tables and the example's are in one schema: dropping it starts anew. */
const schema = "shop_budgets";

/** Postgres where a URL is given, else an SQLite file. */
export function openDatabase(where: { readonly url: string | undefined; readonly file: string }): ShopsDatabase {
  return where.url ? openPostgres(where.url) : openSqlite(where.file);
}

function openPostgres(url: string): ShopsDatabase {
  const pool = connectPostgres(url, schema);
  const query: Query = async (text, values = []) => (await pool.query(text, [...values])).rows;
  return {
    name: `Postgres, schema ${schema}`,
    setting: "DATABASE_URL",
    store: postgresStore(pool, { schema }),
    tables: shopTables(query),
    migrate: () => migratePostgres(pool, { ...migrations("postgres"), schema }),
    close: () => pool.end(),
  };
}

function openSqlite(file: string): ShopsDatabase {
  const db = connectSqlite(file);
  const query: Query = async (text, values = []) => {
    const statement = db.prepare<object, Record<string, unknown>>(text);
    // SQLite takes `$1` for a name
    const named = Object.fromEntries(values.map((value, i) => [String(i + 1), value]));
    if (statement.reader) return statement.all(named);
    statement.run(named);
    return [];
  };
  return {
    name: `SQLite ${file}`,
    setting: `--db ${file}`,
    store: sqliteStore(db),
    tables: shopTables(query),
    migrate: () => migrateSqlite(db, migrations("sqlite")),
    close: async () => void db.close(),
  };
}

function migrations(dialect: "postgres" | "sqlite"): { readonly folder: URL; readonly table: string } {
  return { folder: new URL(`migrations/${dialect}/`, import.meta.url), table: "shop_budgets_migrations" };
}
