import { type PostgresPool, postgresStore } from "@milepost/adapter-postgres";
import { type SqliteDatabase, sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import Database from "better-sqlite3";
import pg from "pg";

export const storeNames = ["postgres", "sqlite"] as const;
export type StoreName = (typeof storeNames)[number];

/** Where one set of tables lives; plain data, so that it can be handed to another process. */
export type Place =
  | { readonly store: "postgres"; readonly url: string; readonly schema: string }
  | { readonly store: "sqlite"; readonly file: string };

export interface OpenedPlace {
  readonly store: Store;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Connections of the pool; 4 unless said. */
  readonly connections?: number;
  /** Whether a worker hears of others' work at once, which takes one of the connections; wherever it can unless said. */
  readonly listen?: boolean;
  /** Milliseconds that a step waits for a connection, or for SQLite's lock; without an end, or 5,000, unless said. */
  readonly patience?: number;
  /** Stand between the store and its driver. */
  readonly wrapPool?: (pool: PostgresPool) => PostgresPool;
  readonly wrapDatabase?: (db: Database.Database) => SqliteDatabase;
}

/** Opens a place as a host should: a pool, or a handle in WAL mode with durable commits. */
export function openPlace(place: Place, options: OpenOptions = {}): OpenedPlace {
  if (place.store === "postgres") {
    const pool = postgresPool(place.url, options.connections ?? 4, options.patience);
    const store = postgresStore(options.wrapPool?.(pool) ?? pool, {
      schema: place.schema,
      ...(options.listen !== undefined && { listen: options.listen }),
    });
    return { store, close: () => pool.end() };
  }
  const db = sqliteHandle(place.file);
  const { patience: busyTimeout } = options;
  const store = sqliteStore(options.wrapDatabase?.(db) ?? db, busyTimeout === undefined ? {} : { busyTimeout });
  return { store, close: async () => void db.close() };
}

export function postgresPool(url: string, connections: number, patience: number = 0): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: connections, connectionTimeoutMillis: patience });
  // an idle connection that is cut is no news here; the pool drops it
  pool.on("error", () => {});
  return pool;
}

export function sqliteHandle(file: string): Database.Database {
  const db = new Database(file, { timeout: 100 });
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  return db;
}
