import { createHash } from "node:crypto";
import {
  type AppliedMigration,
  type MigrationReport,
  migrationChecksum,
  planMigrations,
  quoteIdentifier,
} from "@milepost/core/store";
import { Database, sqlFiller } from "./driver.js";
import { migrations } from "./migrations.generated.js";

const migrationsTable = `CREATE TABLE {migrations} (
  version    integer PRIMARY KEY,
  name       text NOT NULL,
  checksum   text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
`;

export async function migrateDatabase(database: Database): Promise<MigrationReport> {
  const lock = database.statement("migrate_lock", "SELECT pg_advisory_xact_lock($1::bigint)");
  const schemaExists = database.statement(
    "migrate_schema",
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS found",
  );
  const tableExists = database.statement("migrate_table", "SELECT to_regclass($1) IS NOT NULL AS found");
  const applied = database.statement(
    "migrate_applied",
    "SELECT version, name, checksum FROM {migrations} ORDER BY version",
  );
  const remember = database.statement(
    "migrate_remember",
    "INSERT INTO {migrations} (version, name, checksum) VALUES ($1, $2, $3)",
  );

  // One transaction: Postgres rolls DDL back too, so a migration that fails half-way leaves nothing.
  return database.transaction(async (run) => {
    await run(lock, [lockKey(database.schema)]);
    // Looked for first, because IF NOT EXISTS asks for the right to create even where there is nothing to create.
    const [schema] = await run<{ found: boolean }>(schemaExists, [database.schema]);
    if (!schema?.found) await run(Database.script(`CREATE SCHEMA ${quoteIdentifier(database.schema, "schema")}`));
    const [table] = await run<{ found: boolean }>(tableExists, [database.fill("{migrations}")]);
    if (!table?.found) await run(Database.script(database.fill(migrationsTable)));

    const plan = planMigrations(migrations, await run<AppliedMigration>(applied));
    for (const migration of plan) {
      await run(Database.script(database.fill(migration.sql)));
      await run(remember, [migration.version, migration.name, migrationChecksum(migration)]);
    }
    return { applied: plan.map((migration) => migration.name) };
  });
}

/**
 * Advisory locks are numbers, shared by the whole database. By schema alone, without the prefix: two prefixes in one
 * new schema would otherwise both create it.
 */
function lockKey(schema: string): string {
  return createHash("sha256").update(`milepost migrate ${schema}`).digest().readBigInt64BE().toString();
}

export function ddlText(
  naming: { readonly schema: string; readonly tablePrefix: string },
  plan: typeof migrations = migrations,
): string {
  const fill = sqlFiller(naming);
  const rows = plan.map(
    (migration) => `  (${migration.version}, '${migration.name}', '${migrationChecksum(migration)}')`,
  );
  return [
    `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(naming.schema, "schema")};\n`,
    fill(migrationsTable),
    ...plan.map((migration) => fill(migration.sql)),
    `${fill("INSERT INTO {migrations} (version, name, checksum) VALUES")}\n${rows.join(",\n")};\n`,
  ].join("\n");
}
