import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import { connectPostgres, connectSqlite } from "../connections.js";

export interface FlightsDatabase {
  /** For the report, without credentials. */
  readonly name: string;
  readonly store: Store;
  close(): Promise<void>;
}

/** Postgres where a URL is given, else an SQLite file; where no file is given either, a new one that close() removes. */
export async function openDatabase(where: {
  readonly url: string | undefined;
  readonly file: string | undefined;
}): Promise<FlightsDatabase> {
  if (where.url) return openPostgres(where.url);
  if (where.file !== undefined) return openSqlite(where.file);
  const folder = await mkdtemp(join(tmpdir(), "milepost-flights-"));
  const database = openSqlite(join(folder, "flights.db"));
  return {
    ...database,
    name: "a temporary SQLite database",
    async close() {
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function openPostgres(url: string): FlightsDatabase {
  const pool = connectPostgres(url);
  return {
    name: "Postgres, schema flights",
    store: postgresStore(pool, { schema: "flights" }),
    close: () => pool.end(),
  };
}

function openSqlite(file: string): FlightsDatabase {
  const db = connectSqlite(file);
  return { name: `SQLite ${file}`, store: sqliteStore(db), close: async () => void db.close() };
}
