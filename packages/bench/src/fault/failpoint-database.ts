import type { SqliteDatabase, SqliteStatement } from "@milepost/adapter-sqlite";
import type Database from "better-sqlite3";
import type { Failpoints } from "./failpoints.js";

/** A handle that passes the failpoints inside a writing transaction and around its COMMIT. */
export function failpointDatabase(db: Database.Database, points: Failpoints): SqliteDatabase {
  let writing = false;

  function passing<T>(sql: string, readonly: boolean, run: () => T): T {
    const { step } = points;
    if (sql.startsWith("BEGIN")) writing = sql === "BEGIN IMMEDIATE";
    const inside = step !== undefined && writing && !sql.startsWith("BEGIN");
    if (sql === "COMMIT" || sql === "ROLLBACK") writing = false;
    if (!inside) return run();
    const commits = sql === "COMMIT";
    if (commits) points.pass(`${step}/commit:before`);
    const result = run();
    if (commits) points.pass(`${step}/commit:after`);
    else if (!readonly) points.pass(`${step}/uncommitted`);
    return result;
  }

  return {
    get open() {
      return db.open;
    },
    get inTransaction() {
      return db.inTransaction;
    },
    exec: (sql) => db.exec(sql),
    pragma: (source, options) => db.pragma(source, options),
    prepare(sql): SqliteStatement {
      const statement = db.prepare(sql);
      const pass = <T>(run: () => T) => passing(sql, statement.readonly, run);
      return {
        readonly: statement.readonly,
        reader: statement.reader,
        run: (...params) => pass(() => statement.run(...params)),
        get: (...params) => pass(() => statement.get(...params)),
        all: (...params) => pass(() => statement.all(...params)),
        safeIntegers: (on) => statement.safeIntegers(on),
      };
    },
  };
}
