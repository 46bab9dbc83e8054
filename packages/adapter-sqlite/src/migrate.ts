import {
  type Migration,
  type MigrationReport,
  migrationChecksum,
  planMigrations,
  tableNamer,
} from "@milepost/core/store";
import type { Driver } from "./driver.js";
import { migrations as shipped } from "./migrations.generated.js";

const migrationsTable = `CREATE TABLE IF NOT EXISTS {migrations} (
  version    INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  checksum   TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT`;

/** Under BEGIN IMMEDIATE, which is the lock: a second migrator waits for it and then finds nothing to do. */
export function migrate(driver: Driver, migrations: readonly Migration[] = shipped): Promise<MigrationReport> {
  return driver.write((step) => {
    step.script(migrationsTable);
    const applied = step.all("SELECT version, name, checksum FROM {migrations} ORDER BY version").map((row) => ({
      version: Number(row.version),
      name: String(row.name),
      checksum: String(row.checksum),
    }));
    const plan = planMigrations(migrations, applied);
    const now = step.now(undefined).toISOString();
    for (const migration of plan) {
      step.script(migration.sql);
      step.run(
        "INSERT INTO {migrations} (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
        ...[migration.version, migration.name, migrationChecksum(migration), now],
      );
    }
    return { applied: plan.map((migration) => migration.name) };
  });
}

/** Every migration as one script that records itself, so that `migrate()` finds nothing left to do after it. */
export function migrationScript(tablePrefix: string): string {
  const parts = shipped.map(
    (migration) =>
      `-- migration ${migration.version}: ${migration.name}\n${migration.sql.trimEnd()}\n` +
      "INSERT INTO {migrations} (version, name, checksum, applied_at)\n" +
      `  VALUES (${migration.version}, '${migration.name}', '${migrationChecksum(migration)}', ` +
      "strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));\n",
  );
  return tableNamer({ tablePrefix })(`BEGIN IMMEDIATE;\n${migrationsTable};\n\n${parts.join("\n")}COMMIT;\n`);
}
