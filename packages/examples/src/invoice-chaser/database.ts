import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import type { Store } from "@milepost/core";
import { connectPostgres, connectSqlite } from "../connections.js";

export interface ChaserDatabase {
  /** For the report, without credentials. */
  readonly name: string;
  /** What chose it, for error messages: never the value of `DATABASE_URL`. */
  readonly setting: string;
  /** How to begin anew. */
  readonly anew: string;
  readonly store: Store;
  close(): Promise<void>;
}

const schema = "invoice_chaser";

/** Postgres where a URL is given, else an SQLite file; where no file is given either, a new one that close() removes. */
export async function openDatabase(where: {
  readonly url: string | undefined;
  readonly file: string | undefined;
}): Promise<ChaserDatabase> {
  if (where.url) return openPostgres(where.url);
  if (where.file !== undefined) return openSqlite(where.file);
  const folder = await mkdtemp(join(tmpdir(), "milepost-invoice-chaser-"));
  const database = openSqlite(join(folder, "invoices.db"));
  return {
    ...database,
    name: "a temporary SQLite file",
    async close() {
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function openPostgres(url: string): ChaserDatabase {
  const pool = connectPostgres(url);
  return {
    name: `Postgres, schema ${schema}`,
    setting: "DATABASE_URL",
    anew: `DROP SCHEMA ${schema} CASCADE begins anew.`,
    store: postgresStore(pool, { schema }),
    close: () => pool.end(),
  };
}

function openSqlite(file: string): ChaserDatabase {
  const db = connectSqlite(file);
  return {
    name: `SQLite ${file}`,
    setting: `--db ${file}`,
    anew: "Take another file.",
    store: sqliteStore(db),
    close: async () => void db.close(),
  };
}
