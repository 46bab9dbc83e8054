// Compiled where neither @types/pg nor @types/better-sqlite3 is installed: the adapters' types must not need them.
import {
  type PostgresClient,
  type PostgresPool,
  type PostgresStore,
  ddl as postgresDdl,
  postgresStore,
} from "@milepost/adapter-postgres";
import { type SqliteDatabase, type SqliteStore, ddl as sqliteDdl, sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";

export function stores(pool: PostgresPool, db: SqliteDatabase): readonly Store[] {
  const onPostgres: PostgresStore = postgresStore(pool, { schema: "app", tablePrefix: "m_", prepare: false });
  const onSqlite: SqliteStore = sqliteStore(db, { tablePrefix: "m_", busyTimeout: 100 });
  return [onPostgres, onSqlite];
}

/** Objects that are no driver's fit as well. */
export const ownClient: PostgresClient = {
  query: async ({ text, values = [] }) => ({ rows: [text, ...values] }),
  on: () => undefined,
  removeListener: () => undefined,
  release: () => {},
};

export const scripts: readonly string[] = [postgresDdl({ schema: "app" }), sqliteDdl()];

// @ts-expect-error: no text is a pool; where this line is no error, the types have become `any`
postgresStore("postgres://localhost");
// @ts-expect-error
sqliteStore("milepost.db");
