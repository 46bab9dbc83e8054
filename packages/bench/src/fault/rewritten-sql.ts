import type { PostgresClient, PostgresPool } from "@milepost/adapter-postgres";
import type { SqliteDatabase } from "@milepost/adapter-sqlite";
import type Database from "better-sqlite3";
import type { OpenOptions } from "../place/place.js";

/** Hands a database other SQL than its adapter says, so that a check can be seen to fail. */
export function rewritingDriver(rewrite: (sql: string) => string): Pick<OpenOptions, "wrapPool" | "wrapDatabase"> {
  const wrapClient = (client: PostgresClient): PostgresClient => ({
    on: (event, listener) => client.on(event, listener),
    removeListener: (event, listener) => client.removeListener(event, listener),
    release: (error) => client.release(error),
    query: (query) => client.query({ ...query, text: rewrite(query.text) }),
  });
  return {
    wrapPool: (pool: PostgresPool): PostgresPool => ({
      connect: (done) => pool.connect((error, client) => done(error, client && wrapClient(client))),
    }),
    wrapDatabase: (db: Database.Database): SqliteDatabase => ({
      get open() {
        return db.open;
      },
      get inTransaction() {
        return db.inTransaction;
      },
      exec: (sql) => db.exec(sql),
      pragma: (source, options) => db.pragma(source, options),
      prepare: (sql) => db.prepare(rewrite(sql)),
    }),
  };
}
