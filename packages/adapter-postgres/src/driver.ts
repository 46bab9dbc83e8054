import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { MilepostError, type TableNaming, tableNamer } from "@milepost/core/store";
import { inHostTransaction, leavesConnectionUsable, pauseAfter, translateError } from "./errors.js";
import { qualifyFunctions } from "./qualify.js";
import { refuseUnsafeSearchPath, searchPathText } from "./search-path.js";
import { Telling } from "./telling.js";
import { parserOf } from "./values.js";

/** The members of a `pg.Pool` that are called. Its `error` events belong to the host. */
export interface PostgresPool {
  /** Read where it is there: a pool of one connection has none to spare for listening, an ending one wants all back. */
  readonly options?: { readonly max?: number | undefined };
  readonly ending?: boolean;
  connect(done: (error: Error | undefined, client: PostgresClient | undefined) => void): void;
}

/** The members of a `pg.PoolClient` that are called. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<{ readonly rows: unknown[] }>;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
  /** With an error, the pool closes the connection instead of keeping it. */
  release(error?: Error): void;
}

/**
 * What of a client is used beside that on the one that listens. Apart, so that a host's own wrapper round its clients needs
 * none of it: passing `on` through is enough, and one that does not only hears nothing.
 */
export interface ListeningClient {
  query(query: PostgresQuery): Promise<{ readonly rows: unknown[] }>;
  on(event: "notification", listener: (message: PostgresNotification) => void): unknown;
  removeListener(event: "notification", listener: (message: PostgresNotification) => void): unknown;
  /** The server's process as it was said when the connection was made; a pooler says a number of its own. */
  readonly processID?: number | null;
}

/** What NOTIFY brings. */
export interface PostgresNotification {
  readonly channel: string;
}

/**
 * The members of a `pg.PoolClient` or `pg.Client` that are called on one with an open transaction of the host's. Texts
 * come without values and may hold several statements, as in Postgres' simple query protocol.
 */
export interface PostgresTransaction {
  query(query: PostgresQuery): Promise<unknown>;
}

export interface PostgresQuery {
  text: string;
  /** A named statement is parsed and planned once per connection. */
  name?: string;
  values?: unknown[];
  /** `extended`: one statement, also without values. pg has it since 8.12, and passes over it before. */
  queryMode?: "extended";
  /** Decoding for this query alone: pg's global type parsers are the host's. */
  types?: { getTypeParser(oid: number): (text: string) => unknown };
}

/** What a parameter may be; encoding is done by the caller, see `values.ts`. */
export type Value = string | number | boolean | null;

/** One SQL text of ours with its tables filled in. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** One of texts that there is no end of: never prepared by name. */
  readonly once?: true;
}

/** The same step twice: one text tells others of the work it makes, the other only says whether it made any. */
export interface TellingStatement {
  readonly told: Statement;
  readonly owing: Statement;
}

export type Run = <Row>(statement: Statement, values?: readonly Value[]) => Promise<Row[]>;

/** One statement of the host, which runs as it is: neither prepared nor decoded. */
export type RunHosted = (statement: HostedStatement) => Promise<void>;

export interface HostedStatement {
  readonly text: string;
  readonly values: readonly Value[];
}

export interface DatabaseOptions {
  readonly schema: string;
  readonly tablePrefix: string;
  readonly prepare: boolean;
  /** Whether steps that make work for others say so by NOTIFY. */
  readonly notify: boolean;
}

/** A connection that is kept for more than a step. */
export interface HeldConnection {
  readonly client: ListeningClient;
  /** The pool closes it: what was set on it must not reach another step. */
  discard(why: Error): void;
}

interface CheckedOut {
  readonly client: PostgresClient;
  readonly onError: (error: Error) => void;
  broken: Error | undefined;
}

export interface TransactionOptions<T> {
  /** Whether the result is to be kept; rolled back where it is not. All are kept unless said. */
  readonly kept?: (result: T) => boolean;
  /** The step sets a `lock_timeout` of its own, and comes again after it; a host's is obeyed at its first refusal. */
  readonly ownLockTimeout?: boolean;
}

interface Connection {
  readonly run: Run;
  readonly runHosted: RunHosted;
  /** Without parameters and answer. */
  readonly command: (text: string) => Promise<void>;
}

type Work<T> = (connection: Connection) => Promise<T>;

const tries = 10;

/** One host pool and one set of tables in it. Every error that leaves it is a MilepostError. */
export class Database {
  readonly schema: string;
  /** Makes SQL of ours ready for any search_path: functions are qualified, and so are `{counters}` and `{#index}`. */
  readonly fill: (sql: string) => string;
  /** What is sent to those who listen for work in these tables. One short name, because a schema's may be cut off at 63 bytes. */
  readonly channel: string;
  /**
   * A scalar expression for SQL of ours that tells them once, when the transaction commits, if `rows`, a FROM item, has any;
   * null if it has none. Never for a step that makes no work: see {@link Telling}.
   */
  readonly wakeIfAny: (rows: string) => string;
  readonly #telling: Telling;
  readonly #pool: PostgresPool;
  readonly #prepare: boolean;
  readonly #notifies: boolean;
  readonly #safeValueConstraint: string;
  /** Connections whose search_path was looked at. */
  readonly #safe = new WeakSet<PostgresClient>();

  constructor(pool: PostgresPool, options: DatabaseOptions) {
    this.#pool = pool;
    this.#prepare = options.prepare;
    this.#notifies = options.notify;
    this.schema = options.schema;
    this.fill = sqlFiller(options);
    const tables = JSON.stringify([options.schema, options.tablePrefix]);
    this.channel = `milepost_${createHash("sha256").update(tables).digest("hex").slice(0, 16)}`;
    const { channel } = this;
    this.wakeIfAny = (rows) =>
      options.notify ? `(SELECT pg_notify('${channel}', '') FROM (SELECT FROM ${rows} LIMIT 1) work)` : "NULL";
    const wake = this.statement("wake", `SELECT ${this.wakeIfAny("(SELECT 1) work")}`);
    this.#telling = new Telling(() => this.run(wake));
    this.#safeValueConstraint = `${options.tablePrefix}counters_value_safe`;
  }

  statement(label: string, sql: string): Statement {
    const text = this.fill(sql);
    // Stores with other tables may share the connection, and a name stands for one text only. 63 bytes at most.
    const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
    return { name: `milepost_${label}_${digest}`, text };
  }

  /** A statement that is run this once: planned for its values, and not kept by the connection. */
  once(sql: string): Statement {
    return { name: "", text: this.fill(sql), once: true };
  }

  /** A step that often makes work, in its two texts; `woken` is the column that says so, if `rows` has any. */
  tellingStatement(label: string, rows: string, text: (woken: string) => string): TellingStatement {
    const owing = `(SELECT true FROM (SELECT FROM ${rows} LIMIT 1) work)`;
    const told = this.statement(label, text(`${this.wakeIfAny(rows)} AS woken`));
    return { told, owing: this.statement(`${label}_owing`, text(`${owing} AS woken`)) };
  }

  /** Runs a step in the one of its texts that is right now. */
  async tell<Row extends { readonly woken: unknown }, Rows extends Iterable<Row>>(
    { told, owing }: TellingStatement,
    run: (statement: Statement) => Promise<Rows>,
  ): Promise<Rows> {
    if (!this.#notifies || this.#telling.takes()) return run(told);
    const rows = await run(owing);
    for (const { woken } of rows) {
      if (woken === null) continue;
      this.#telling.later();
      break;
    }
    return rows;
  }

  /** Tells what steps owe still. */
  close(): Promise<void> {
    return this.#telling.close();
  }

  /** One statement in a transaction of its own: one round trip. */
  readonly run: Run = <Row>(statement: Statement, values: readonly Value[] = []) =>
    this.#connected(({ run }) => run<Row>(statement, values));

  /** Several statements in one transaction, run again from the start after a deadlock. */
  transaction<T>(
    work: (run: Run, connection: Connection) => Promise<T>,
    options: TransactionOptions<T> = {},
  ): Promise<T> {
    const { kept = () => true, ownLockTimeout = false } = options;
    const transacted: Work<T> = async (connection) => {
      const { run, command } = connection;
      // Stated, because the steps rely on each statement seeing what was committed before it, whatever the host's default.
      await command("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
      let result: T;
      try {
        result = await work(run, connection);
      } catch (error) {
        await command("ROLLBACK").catch((cause: unknown) => {
          throw leavesConnectionUsable(error) ? cause : error;
        });
        throw error;
      }
      await command(kept(result) ? "COMMIT" : "ROLLBACK");
      return result;
    };
    return this.#connected(transacted, ownLockTimeout);
  }

  /**
   * Takes a connection out of the pool for as long as the caller wants. May wait for ever, as long as the host's other steps
   * hold all connections. `onLost` hears of its end.
   */
  async hold(onLost: (error: Error) => void): Promise<HeldConnection> {
    const { client, onError } = await this.#checkOut();
    client.on("error", onLost);
    return {
      client: client as PostgresClient as unknown as ListeningClient,
      discard(why) {
        client.removeListener("error", onError);
        client.release(why);
        // after release(), which has a listener of its own: the loss of a connection that nobody hears of ends the process
        client.removeListener("error", onLost);
      },
    };
  }

  /** Whether the host takes its pool back, where the pool shows it. */
  get poolIsEnding(): boolean {
    return this.#pool.ending === true;
  }

  asMilepostError(error: unknown): MilepostError {
    return translateError(error, this.#safeValueConstraint);
  }

  /** A text in a transaction of the host's, whose end, also after a failure, is the host's: so it runs only once. */
  async within(tx: PostgresTransaction, text: string): Promise<void> {
    try {
      await tx.query({ text });
    } catch (error) {
      throw inHostTransaction(error) ?? translateError(error, this.#safeValueConstraint);
    }
  }

  /** Several statements of one text, without parameters. */
  static script(text: string): Statement {
    return { name: "", text };
  }

  async #connected<T>(work: Work<T>, ownLockTimeout = false): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(work);
      } catch (error) {
        const pause = attempt === tries ? undefined : pauseAfter(error, attempt, ownLockTimeout);
        if (pause === undefined) throw translateError(error, this.#safeValueConstraint);
        await sleep(pause);
      }
    }
  }

  async #once<T>(work: Work<T>): Promise<T> {
    const checkedOut = await this.#checkOut();
    const { client } = checkedOut;
    try {
      const run: Run = async <Row>({ name, text, once }: Statement, values: readonly Value[] = []) => {
        const named = this.#prepare && name !== "";
        // A text of several statements must have neither name nor values, or pg takes the extended protocol.
        const query = name === "" && !once ? { text } : { text, values: [...values], types: decoding };
        const { rows } = await client.query(named ? { ...query, name } : query);
        return rows as Row[];
      };
      // Once per connection and not per step: a round trip to a new connection costs little beside making it.
      if (!this.#safe.has(client)) {
        const { rows } = await client.query({ text: searchPathText, values: [], types: decoding });
        refuseUnsafeSearchPath((rows[0] as { readonly path: string }).path);
        this.#safe.add(client);
      }
      return await work({
        run,
        async runHosted({ text, values }) {
          await client.query({ text, values: [...values], queryMode: "extended", types: asText });
        },
        async command(text) {
          await client.query({ text });
        },
      });
    } catch (error) {
      if (!leavesConnectionUsable(error)) {
        checkedOut.broken ??= error instanceof Error ? error : new Error(String(error));
      }
      throw error;
    } finally {
      client.removeListener("error", checkedOut.onError);
      client.release(checkedOut.broken);
    }
  }

  /**
   * pg emits the loss of a connection on a checked-out client too, where without a listener it ends the process. By
   * callback and not by promise: the pool takes its own listener away before it answers, and a promise would let a
   * microtask pass, and in it the rest of the packet that says so.
   */
  #checkOut(): Promise<CheckedOut> {
    return new Promise((resolve, reject) => {
      this.#pool.connect((error, client) => {
        if (error) return reject(error);
        if (typeof client?.release !== "function") return reject(notAPool());
        const checkedOut: CheckedOut = {
          client,
          broken: undefined,
          onError: (lost) => {
            checkedOut.broken = lost;
          },
        };
        client.on("error", checkedOut.onError);
        resolve(checkedOut);
      });
    });
  }
}

/** What {@link Database.fill} does. Functions first: what a schema or prefix is called is no SQL. */
export function sqlFiller(naming: TableNaming): (sql: string) => string {
  const named = tableNamer(naming);
  return (sql) => named(qualifyFunctions(sql));
}

/** What a statement of the host answers is thrown away, and may be anything. */
const asText = { getTypeParser: () => (text: string) => text };
const decoding = { getTypeParser: parserOf };

/** A pg.Client connects too, but answers with nothing to release. */
function notAPool(): MilepostError {
  const expected = "a pg.Pool: its connect() answers with a client that can be released";
  return new MilepostError("invalid_options", `pool: ${expected}`, { path: "pool", expected });
}
