import BetterSqlite3 from "better-sqlite3";
import { Pool } from "pg";
import { CommandError } from "./command.js";

// An example owns its handle, as a host does: the engine never closes it.

export function connectPostgres(url: string): Pool {
  const pool = new Pool({ connectionString: url });
  // an idle connection that is lost is replaced; without a listener it would end the process
  pool.on("error", (error) => console.error(`Postgres: ${error.message}`));
  return pool;
}

/** Made if it is missing. */
export function connectSqlite(file: string): BetterSqlite3.Database {
  const db = open(file);
  db.pragma("journal_mode = WAL");
  // a mark must outlive a power cut, or a message could be sent twice
  db.pragma("synchronous = FULL");
  return db;
}

function open(file: string): BetterSqlite3.Database {
  try {
    return new BetterSqlite3(file, { timeout: 2_000 });
  } catch (error) {
    throw new CommandError(`--db ${file}: ${(error as Error).message}`);
  }
}
