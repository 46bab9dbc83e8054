import type { PostgresClient, PostgresPool } from "@milepost/adapter-postgres";
import type { SqliteDatabase, SqliteStatement } from "@milepost/adapter-sqlite";
import type Database from "better-sqlite3";

/** Hears of what a driver throws at its adapter, by the driver's own code, before the adapter deals with it. */
export type OnDriverError = (code: string) => void;

export function watchedPool(pool: PostgresPool, onError: OnDriverError): PostgresPool {
  const watched = (client: PostgresClient): PostgresClient => ({
    on: (event, listener) => client.on(event, listener),
    removeListener: (event, listener) => client.removeListener(event, listener),
    release: (error) => client.release(error),
    query: (query) =>
      client.query(query).catch((error: unknown) => {
        onError(codeOf(error));
        throw error;
      }),
  });
  return { connect: (done) => pool.connect((error, client) => done(error, client && watched(client))) };
}

export function watchedDatabase(db: Database.Database, onError: OnDriverError): SqliteDatabase {
  const watch = <T>(run: () => T): T => {
    try {
      return run();
    } catch (error) {
      onError(codeOf(error));
      throw error;
    }
  };
  return {
    get open() {
      return db.open;
    },
    get inTransaction() {
      return db.inTransaction;
    },
    exec: (sql) => watch(() => db.exec(sql)),
    pragma: (source, options) => db.pragma(source, options),
    prepare(sql): SqliteStatement {
      const statement = db.prepare(sql);
      return {
        readonly: statement.readonly,
        reader: statement.reader,
        run: (...params) => watch(() => statement.run(...params)),
        get: (...params) => watch(() => statement.get(...params)),
        all: (...params) => watch(() => statement.all(...params)),
        safeIntegers: (on) => statement.safeIntegers(on),
      };
    },
  };
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | null)?.code ?? "none");
}
