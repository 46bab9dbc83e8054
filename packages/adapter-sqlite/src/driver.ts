import { noTransaction, refuseOtherDriver, tableNamer } from "@milepost/core/store";
import { refuseOtherDatabase } from "./database-file.js";
import { busyError, busyInHostTransaction, handleClosed, hostHandleClosed, isBusy, translateError } from "./errors.js";
import { type Patience, pauseBeforeTry } from "./patience.js";

/** The members of a better-sqlite3 `Statement` that are called. */
export interface SqliteStatement {
  readonly readonly: boolean;
  readonly reader: boolean;
  run(...params: unknown[]): { readonly changes: number };
  get(...params: unknown[]): unknown;
  all(...params: unknown[]): unknown[];
  safeIntegers(on: boolean): unknown;
}

/** The members of a better-sqlite3 `Database` that are called; a real one fits. */
export interface SqliteDatabase {
  readonly open: boolean;
  readonly inTransaction: boolean;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  pragma(source: string, options?: { simple?: boolean }): unknown;
}

export type SqlValue = string | number | null;
/** What a statement of the host may have as a value; ours have what {@link SqlValue} says. */
export type HostedValue = SqlValue | bigint;
export type SqlRow = Readonly<Record<string, SqlValue>>;
/** Positional values, or one object for named ones. */
export type SqlParams = readonly SqlValue[] | readonly [SqlRow];

/** What a step may do. SQL names tables as `{counters}`; each text is prepared once. */
export interface Step {
  /** Answers how many rows changed. */
  run(sql: string, ...params: SqlParams): number;
  get(sql: string, ...params: SqlParams): SqlRow | undefined;
  /** The row of a statement that always has one. */
  one(sql: string, ...params: SqlParams): SqlRow;
  all(sql: string, ...params: SqlParams): SqlRow[];
  /** Prepared for this once and not kept: of texts that there is no end of. */
  allOnce(sql: string, ...params: SqlParams): SqlRow[];
  /** Several statements without parameters, unprepared: for DDL. */
  script(sql: string): void;
  /** One statement of the host, its text as it is; rows that it answers are dropped. Throws what the driver throws. */
  runHosted(sql: string, values: readonly HostedValue[]): void;
  /** Whether the step's transaction is open still, which a statement of the host may have ended. */
  isOpen(): boolean;
  /** `given`, or SQLite's clock: to be taken once per step. */
  now(given: Date | undefined): Date;
}

/** Runs steps: synchronous from their first to their last statement, so nothing of this process comes in between. */
export interface Driver {
  /** `BEGIN IMMEDIATE … COMMIT`. A throw in `body` rolls back. `body` may be run again, so it keeps nothing. */
  write<T>(body: (step: Step) => T): Promise<T>;
  /** One statement that reads; it takes no lock that a writer would wait for. */
  read<T>(body: (step: Step) => T): Promise<T>;
  /** Several statements that read one snapshot: `BEGIN DEFERRED … COMMIT`. */
  snapshot<T>(body: (step: Step) => T): Promise<T>;
  /**
   * Synchronous, on a handle of the host and in the transaction that the host has open there, which decides. `body` is
   * one statement, so that a failure, which the host may catch and still commit, leaves nothing of it.
   */
  within(tx: SqliteDatabase, body: (step: Step) => void): void;
  /** Drops the prepared statements. */
  forget(): void;
}

export interface DriverOptions {
  readonly tablePrefix: string;
  /** Milliseconds. */
  readonly busyTimeout: number;
  readonly patience: Patience;
}

/** To the millisecond, as times are kept. */
const clockSql = "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS now";

type Begin = "BEGIN IMMEDIATE" | "BEGIN DEFERRED" | null;

/** What a step may do on one handle; its statements are prepared there, each once. */
function stepOn(db: SqliteDatabase, named: (sql: string) => string): Step & { forget(): void } {
  const statements = new Map<string, SqliteStatement>();

  function prepared(sql: string): SqliteStatement {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = db.prepare(named(sql));
      // The host may have chosen BigInt for its handle; our integers are safe ones by a CHECK.
      statement.safeIntegers(false);
      statements.set(sql, statement);
    }
    return statement;
  }
  const step: Step = {
    run: (sql, ...params) => prepared(sql).run(...params).changes,
    get: (sql, ...params) => prepared(sql).get(...params) as SqlRow | undefined,
    one(sql, ...params) {
      const row = step.get(sql, ...params);
      if (row === undefined) throw new Error("a row that must exist is missing");
      return row;
    },
    all: (sql, ...params) => prepared(sql).all(...params) as SqlRow[],
    allOnce(sql, ...params) {
      const statement = db.prepare(named(sql));
      statement.safeIntegers(false);
      return statement.all(...params) as SqlRow[];
    },
    script: (sql) => void db.exec(named(sql)),
    runHosted(sql, values) {
      // Not kept: how many texts a host has is not ours to know.
      const statement = db.prepare(sql);
      refuseUnhostable(statement);
      statement.run(...values);
    },
    isOpen: () => db.inTransaction,
    now: (given) => given ?? new Date(String(step.one(clockSql).now)),
  };
  return { ...step, forget: () => statements.clear() };
}

export function sqliteDriver(db: SqliteDatabase, { tablePrefix, busyTimeout, patience }: DriverOptions): Driver {
  const named = tableNamer({ tablePrefix });
  const step = stepOn(db, named);
  // By handle, and weakly: a host that opens one per transaction must not fill the memory with their statements.
  let hostSteps = new WeakMap<SqliteDatabase, Step>([[db, step]]);

  function transact<T>(begin: Begin, body: (step: Step) => T): T {
    if (begin === null) return body(step);
    step.run(begin);
    try {
      const result = body(step);
      step.run("COMMIT");
      return result;
    } catch (error) {
      // Some errors (a full disk, for one) have rolled back already.
      if (db.inTransaction) step.run("ROLLBACK");
      throw error;
    }
  }

  /**
   * The host shares the handle. While a transaction of its own is open, our BEGIN would be refused, and as a savepoint
   * our step would vanish with the host's ROLLBACK; a read would see what is not committed. So each step waits for its
   * end, and for another connection's write lock, without blocking the event loop.
   */
  async function inTurn<T>(begin: Begin, body: (step: Step) => T): Promise<T> {
    const deadline = patience.now() + busyTimeout;
    for (let tries = 1; ; tries++) {
      if (!db.open) throw handleClosed();
      let busy = busyError("a transaction of the host is open on the shared handle");
      if (!db.inTransaction) {
        try {
          return transact(begin, body);
        } catch (error) {
          busy = translateError(error);
          if (!isBusy(error)) throw busy;
        }
      }
      const left = deadline - patience.now();
      if (left <= 0) throw busy;
      await patience.sleep(Math.min(left, pauseBeforeTry(tries, patience.random())));
    }
  }

  return {
    write: (body) => inTurn("BEGIN IMMEDIATE", body),
    read: (body) => inTurn(null, body),
    snapshot: (body) => inTurn("BEGIN DEFERRED", body),
    within(tx, body) {
      refuseOtherDriver(tx, ["prepare", "pragma"], "tx", "a better-sqlite3 Database");
      if (!tx.open) throw hostHandleClosed();
      if (!tx.inTransaction) throw noTransaction("begin one on this handle, with db.transaction() or BEGIN");
      try {
        let hostStep = hostSteps.get(tx);
        if (hostStep === undefined) {
          refuseOtherDatabase(tx, db);
          hostStep = stepOn(tx, named);
          hostSteps.set(tx, hostStep);
        }
        body(hostStep);
      } catch (error) {
        throw isBusy(error) ? busyInHostTransaction(error) : translateError(error);
      }
    },
    forget() {
      step.forget();
      hostSteps = new WeakMap([[db, step]]);
    },
  };
}

/** COMMIT, ROLLBACK, SAVEPOINT and the like: to SQLite they change nothing, and they answer no rows. */
function refuseUnhostable({ readonly, reader }: SqliteStatement): void {
  if (readonly && !reader) throw new TypeError("a statement that neither changes nor reads a table cannot run here");
}
