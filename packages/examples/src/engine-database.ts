import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import { from } from "pg-copy-streams";
import { connectPostgres, connectSqlite } from "./connections.js";

/** The database of an example that has no tables but the engine's. */
export interface EngineDatabase {
  readonly store: Store;
  /** What chose it, for error messages: never the value of `DATABASE_URL`. */
  readonly setting: string;
  close(): Promise<void>;
}

/** Postgres where a URL is given, in a schema that can be dropped to start anew; else an SQLite file. */
export function openEngineDatabase(where: {
  readonly url: string | undefined;
  readonly schema: string;
  readonly file: string;
}): EngineDatabase {
  const { url, schema, file } = where;
  if (url) {
    const pool = connectPostgres(url);
    // imports go by COPY
    const store = postgresStore(pool, { schema, copyFrom: from });
    return { store, setting: "DATABASE_URL", close: () => pool.end() };
  }
  const db = connectSqlite(file);
  return { store: sqliteStore(db), setting: `--db ${file}`, close: async () => void db.close() };
}
