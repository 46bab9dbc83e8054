import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostDatabase, HostTransaction, OpenedStore, StoreHarness } from "@milepost/core/conformance";
import pg from "pg";
import type { PostgresQuery } from "./driver.js";
import { type PostgresStore, type PostgresStoreOptions, postgresStore } from "./postgres-store.js";

/** A schema of its own on the test server, with pools that `dispose` closes and data that it drops. */
export class Sandbox {
  readonly schema: string;
  /** Where tables of a host are. */
  readonly hostSchema: string;
  readonly #url: string;
  readonly #pools: pg.Pool[] = [];

  constructor(url: string, schema: string = `test_${randomBytes(8).toString("hex")}`) {
    this.#url = url;
    this.schema = schema;
    // not by the store's name, which may be anything: it stands in a search_path
    this.hostSchema = `host_${randomBytes(8).toString("hex")}`;
  }

  /** With the default search_path, and behind it the host's tables. */
  pool(config: pg.PoolConfig = {}): pg.Pool {
    const options = `-c search_path="$user",public,"${this.hostSchema}"`;
    const pool = new pg.Pool({ connectionString: this.#url, max: 4, options, ...config });
    this.#pools.push(pool);
    return pool;
  }

  store(options: PostgresStoreOptions = {}, pool: pg.Pool = this.pool()): PostgresStore {
    return postgresStore(pool, { schema: this.schema, ...options });
  }

  /** A transaction as a host has it: on a client of its own, which it keeps until the end. */
  async hostTransaction(): Promise<HostTransaction & { readonly client: pg.PoolClient }> {
    const client = await this.pool({ max: 1 }).connect();
    await client.query("BEGIN");
    const end = (command: string) => async () => {
      await client.query(command);
      client.release();
    };
    return { client, tx: client as never, commit: end("COMMIT"), rollback: end("ROLLBACK") };
  }

  /** The host's tables, in a schema that is made when it is first needed. */
  host(): HostDatabase {
    const pool = this.pool({ max: 1, options: `-c search_path="${this.hostSchema}"` });
    let made: Promise<unknown> | undefined;
    const all = async (sql: string) => {
      made ??= pool.query(`CREATE SCHEMA IF NOT EXISTS "${this.hostSchema}"`);
      await made;
      return (await pool.query(sql)).rows;
    };
    return { all, run: async (sql) => void (await all(sql)) };
  }

  /** Closes the pools; the store is as it was migrated. Three milliseconds, where a new schema and its end take 140. */
  async empty(): Promise<void> {
    const pool = this.pool({ max: 1 });
    const { rows } = await pool.query("SELECT tablename AS name FROM pg_tables WHERE schemaname = $1", [this.schema]);
    const filled = rows.filter(({ name }) => name !== "migrations");
    const deletes = filled.map(({ name }) => `DELETE FROM ${pg.escapeIdentifier(this.schema)}."${name}"`);
    await pool.query(`${deletes.join("; ")}; DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(this.hostSchema)} CASCADE`);
    await this.#end();
  }

  #end(): Promise<unknown> {
    return Promise.all(this.#pools.filter((pool) => !pool.ending).map((pool) => pool.end()));
  }

  async dispose(): Promise<void> {
    const schemas = [this.schema, this.hostSchema].map((name) => pg.escapeIdentifier(name)).join(", ");
    await this.pool({ max: 1 }).query(`DROP SCHEMA IF EXISTS ${schemas} CASCADE`);
    await this.#end();
  }
}

/** Tells every text that reaches the server over this pool's connections, save the host's own. */
export function watched(pool: pg.Pool, tell: (text: string) => void): pg.Pool {
  return pool.on("connect", (client) => {
    const query = client.query.bind(client) as (query: PostgresQuery) => unknown;
    client.query = ((sent: PostgresQuery) => {
      if (!/\bhost_/.test(sent.text)) tell(sent.text);
      return query(sent);
    }) as typeof client.query;
  });
}

/**
 * A database of its own on the test server, for what must not disturb other tests. `drop` waits a moment for connections
 * that are being closed: one that is terminated meanwhile tells it to nobody, which ends the process. Then it closes them.
 */
export async function ownDatabase(url: string): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const name = `milepost_${randomBytes(8).toString("hex")}`;
  const own = new URL(url);
  own.pathname = name;
  const onServer = async <T>(work: (client: pg.Client) => Promise<T>) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return work(client).finally(() => client.end());
  };
  // template1 cannot be copied while anybody is connected to it
  await onServer((client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
  return {
    url: own.href,
    drop: () =>
      onServer(async (client) => {
        const connected = "SELECT FROM pg_stat_activity WHERE datname = $1";
        for (let i = 0; i < 100 && (await client.query(connected, [name])).rowCount !== 0; i++) await sleep(20);
        await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      }),
  };
}

/**
 * What the conformance cases open: a migrated store in a schema of its own; `reopen` is a second pool over it. A schema is
 * emptied after its case and serves the next, so the database is the caller's to drop.
 */
export function postgresHarness(url: string, tell: (text: string) => void = () => {}): StoreHarness {
  const emptied: string[] = [];
  return {
    async open(): Promise<OpenedStore> {
      const sandbox = new Sandbox(url, emptied.pop());
      const openStore = () => sandbox.store({}, watched(sandbox.pool(), tell));
      const store = openStore();
      await store.migrate();
      return {
        store,
        reopen: async () => openStore(),
        hostTransaction: () => sandbox.hostTransaction(),
        host: sandbox.host(),
        async dispose() {
          await sandbox.empty();
          emptied.push(sandbox.schema);
        },
      };
    },
  };
}
