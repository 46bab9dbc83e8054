import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import { from } from "pg-copy-streams";
import { connectPostgres, connectSqlite } from "../connections.js";

export interface WinbackDatabase {
  readonly store: Store;
  /** What chose it, for error messages: never the value of `DATABASE_URL`. */
  readonly setting: string;
  close(): Promise<void>;
}

/** On Postgres, so that dropping it starts anew. */
const schema = "weekly_winback";

/** Postgres where a URL is given, else an SQLite file. There are no tables but the engine's. */
export function openDatabase(where: { readonly url: string | undefined; readonly file: string }): WinbackDatabase {
  if (where.url) {
    const pool = connectPostgres(where.url);
    // imports go by COPY
    const store = postgresStore(pool, { schema, copyFrom: from });
    return { store, setting: "DATABASE_URL", close: () => pool.end() };
  }
  const db = connectSqlite(where.file);
  return { store: sqliteStore(db), setting: `--db ${where.file}`, close: async () => void db.close() };
}
