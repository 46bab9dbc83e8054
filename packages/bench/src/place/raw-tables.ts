import { type Place, postgresPool, sqliteHandle } from "./place.js";

/** Beside the engine's own face: SQL of the harness on the tables of a place. */
export interface RawTables {
  /** The name of one of the engine's tables in SQL; of one of the harness's own with `own`. */
  table(name: string): string;
  own(name: string): string;
  /** The engine's tables of which each row is a tenant's, by their plain names. */
  tenantTables(): Promise<readonly string[]>;
  run(sql: string): Promise<void>;
  all<Row>(sql: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}

export function openRawTables(place: Place): RawTables {
  return place.store === "postgres" ? onPostgres(place.url, place.schema) : onSqlite(place.file);
}

function onPostgres(url: string, schema: string): RawTables {
  const pool = postgresPool(url, 1);
  return {
    table: (name) => `${schema}.${name}`,
    own: (name) => `${schema}.chaos_${name}`,
    async tenantTables() {
      // a partition's rows are its table's
      const { rows } = await pool.query(
        `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'
         WHERE c.relnamespace = '${schema}'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
      );
      return rows.map(({ name }) => String(name));
    },
    run: async (sql) => void (await pool.query(sql)),
    all: async <Row>(sql: string) => (await pool.query(sql)).rows as Row[],
    close: () => pool.end(),
  };
}

function onSqlite(file: string): RawTables {
  const db = sqliteHandle(file);
  return {
    table: (name) => `milepost_${name}`,
    own: (name) => `chaos_${name}`,
    async tenantTables() {
      const sql = `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'tenant'
        WHERE m.type = 'table' AND m.name LIKE 'milepost\\_%' ESCAPE '\\' ORDER BY 1`;
      return (db.prepare(sql).all() as { name: string }[]).map(({ name }) => name.slice("milepost_".length));
    },
    async run(sql) {
      for (;;) {
        try {
          return void db.exec(sql);
        } catch (error) {
          // a process of the run has the write lock; the handle has waited already
          if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    },
    all: async <Row>(sql: string) => db.prepare(sql).all() as Row[],
    close: async () => void db.close(),
  };
}
