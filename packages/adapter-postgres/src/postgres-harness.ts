import { randomBytes } from "node:crypto";
import type { HostTransaction, OpenedStore, StoreHarness } from "@milepost/core/conformance";
import pg from "pg";
import { type PostgresStore, type PostgresStoreOptions, postgresStore } from "./postgres-store.js";

/** A schema of its own on the test server, with pools that `dispose` closes and data that it drops. */
export class Sandbox {
  readonly schema: string;
  readonly #url: string;
  readonly #pools: pg.Pool[] = [];

  constructor(url: string, schema: string = `test_${randomBytes(8).toString("hex")}`) {
    this.#url = url;
    this.schema = schema;
  }

  pool(config: pg.PoolConfig = {}): pg.Pool {
    const pool = new pg.Pool({ connectionString: this.#url, max: 4, ...config });
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

  async dispose(): Promise<void> {
    await this.pool({ max: 1 }).query(`DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(this.schema)} CASCADE`);
    await Promise.all(this.#pools.map((pool) => pool.end()));
  }
}

/** What the conformance cases open: a migrated store in a schema of its own; `reopen` is a second pool over it. */
export function postgresHarness(url: string): StoreHarness {
  return {
    async open(): Promise<OpenedStore> {
      const sandbox = new Sandbox(url);
      const store = sandbox.store();
      await store.migrate();
      return {
        store,
        reopen: async () => sandbox.store(),
        hostTransaction: () => sandbox.hostTransaction(),
        dispose: () => sandbox.dispose(),
      };
    },
  };
}
