import BetterSqlite3 from "better-sqlite3";
import { Pool } from "pg";
import { CommandError } from "./command.js";
import { databaseProblem } from "./database-problem.js";

// An example owns its handle, as a host does: the engine never closes it.

/** Names without a schema are found in `schema`, where one is given. Throws `CommandError` for what is no Postgres URL. */
export function connectPostgres(url: string, schema?: string): Pool {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CommandError("DATABASE_URL: a URL like postgres://user:password@host:5432/database is expected.");
  }
  const options = schema === undefined ? {} : { options: `-c search_path=${schema}` };
  const pool = new Pool({ connectionString: url, ...options });
  // an idle connection that is lost is replaced; without a listener it would end the process
  pool.on("error", (error) => console.error(`Postgres: ${error.message}`));
  return pool;
}

/** Made if it is missing. Throws `CommandError` for a file that is no database. */
export function connectSqlite(file: string): BetterSqlite3.Database {
  const db = open(file);
  try {
    // a file that is no database is opened like any other, and found out by the first statement
    db.pragma("journal_mode = WAL");
    // a mark must outlive a power cut, or a message could be sent twice
    db.pragma("synchronous = FULL");
  } catch (error) {
    throw databaseProblem(`--db ${file}`, error);
  }
  return db;
}

function open(file: string): BetterSqlite3.Database {
  try {
    return new BetterSqlite3(file, { timeout: 2_000 });
  } catch (error) {
    throw new CommandError(`--db ${file}: ${(error as Error).message}`);
  }
}
