import { readdir, readFile } from "node:fs/promises";
import { type AppliedMigration, type Migration, migrationChecksum, planMigrations } from "@milepost/core/store";
import type { Database } from "better-sqlite3";
import type { Pool } from "pg";

// An example's own tables, beside the engine's: a host has migrations of its own.

/** `migrations/<dialect>/0001_name.sql` of an example and those after it, in order. */
export interface OwnMigrations {
  /** The example's folder `migrations/<dialect>/`. */
  readonly folder: URL;
  /** The table that remembers which were applied. */
  readonly table: string;
}

export async function migrateSqlite(db: Database, { folder, table }: OwnMigrations): Promise<void> {
  const migrations = await readMigrations(folder);
  db.transaction(() => {
    db.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT`,
    );
    const applied = db.prepare<[], AppliedMigration>(`SELECT version, name, checksum FROM ${table}`).all();
    const remember = db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?)`);
    for (const migration of planMigrations(migrations, applied)) {
      db.exec(migration.sql);
      remember.run(migration.version, migration.name, migrationChecksum(migration));
    }
  }).immediate();
}

/** In `schema`, which the pool's `search_path` names, where one is given. */
export async function migratePostgres(
  pool: Pool,
  { folder, table, schema }: OwnMigrations & { readonly schema?: string },
): Promise<void> {
  const migrations = await readMigrations(folder);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock(hashtext($1))", [table]);
    if (schema !== undefined) await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${table} (version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)`,
    );
    const { rows } = await client.query<AppliedMigration>(
      `SELECT version, name, checksum FROM ${table} ORDER BY version`,
    );
    for (const migration of planMigrations(migrations, rows)) {
      await client.query(migration.sql);
      const row = [migration.version, migration.name, migrationChecksum(migration)];
      await client.query(`INSERT INTO ${table} VALUES ($1, $2, $3)`, row);
    }
    await client.query("COMMIT");
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

async function readMigrations(folder: URL): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  return Promise.all(
    files.map(async (file) => ({
      version: Number(file.slice(0, 4)),
      name: file.slice(5, -4),
      sql: await readFile(new URL(file, folder), "utf8"),
    })),
  );
}
