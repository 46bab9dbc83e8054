import { randomBytes } from "node:crypto";
import type { OpenedStore, StoreHarness } from "@milepost/core/conformance";
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
      return { store, reopen: async () => sandbox.store(), dispose: () => sandbox.dispose() };
    },
  };
}
