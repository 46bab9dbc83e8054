import { createHash } from "node:crypto";
import { MilepostError } from "../errors.js";

/** A numbered migration as the adapter ships it. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** A row of the migrations table. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/** SHA-256 over the shipped text, before schema and prefix are filled in. */
export function migrationChecksum(migration: Migration): string {
  return createHash("sha256").update(migration.sql).digest("hex");
}

/** What is still to be applied, in order; throws `schema_changed` or `schema_newer` when the two histories disagree. */
export function planMigrations(
  shipped: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  const known = new Map(shipped.map((migration) => [migration.version, migration]));
  for (const row of applied) {
    const migration = known.get(row.version);
    if (migration === undefined) {
      throw new MilepostError(
        "schema_newer",
        `The database has migration ${row.version} (${row.name}), which this version of Milepost does not know. ` +
          "Deploy the version that applied it, or a later one.",
      );
    }
    if (migrationChecksum(migration) !== row.checksum) {
      throw new MilepostError(
        "schema_changed",
        `Migration ${row.version} (${row.name}) differs from the one that was applied to this database. ` +
          "Restore the shipped file; applied migrations are never edited, only followed by new ones.",
      );
    }
  }
  const done = new Set(applied.map((row) => row.version));
  const last = Math.max(0, ...done);
  const missing = shipped.find((migration) => migration.version < last && !done.has(migration.version));
  if (missing !== undefined) {
    throw new MilepostError(
      "schema_changed",
      `Migration ${missing.version} (${missing.name}) is missing below ${last}, the last one applied. ` +
        "Restore the migrations table or the database from a backup.",
    );
  }
  return shipped.filter((migration) => !done.has(migration.version));
}
