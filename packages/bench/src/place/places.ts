import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openPlace, type Place, type StoreName } from "./place.js";

/** One scenario's databases and files; all of it is gone after `dispose`. */
export interface Places {
  /** For logs and progress files of the run. */
  readonly folder: string;
  /** Another empty set of tables, migrated unless said otherwise. */
  create(options?: { readonly migrated?: boolean }): Promise<Place>;
  /** How often Postgres found a deadlock in this database; 0 for SQLite, which has one writer. */
  deadlocks(): Promise<number>;
  dispose(): Promise<void>;
}

/** `serverUrl` is for Postgres; its account must be allowed to create databases. */
export async function openPlaces(store: StoreName, serverUrl: string | undefined): Promise<Places> {
  const folder = await mkdtemp(join(tmpdir(), "milepost-chaos-"));
  let count = 0;
  const create = async (make: (n: number) => Place, migrated: boolean): Promise<Place> => {
    const place = make(++count);
    if (migrated) {
      const opened = openPlace(place, { connections: 1 });
      await opened.store.migrate();
      await opened.close();
    }
    return place;
  };
  if (store === "sqlite") {
    return {
      folder,
      create: ({ migrated = true } = {}) => create((n) => ({ store, file: join(folder, `${n}.db`) }), migrated),
      deadlocks: async () => 0,
      dispose: () => remove(folder),
    };
  }
  if (serverUrl === undefined) throw new Error("Postgres needs the URL of a server");
  const name = `milepost_chaos_${randomBytes(6).toString("hex")}`;
  const own = new URL(serverUrl);
  own.pathname = `/${name}`;
  await query(serverUrl, `CREATE DATABASE ${name}`);
  return {
    folder,
    create: ({ migrated = true } = {}) => create((n) => ({ store, url: own.href, schema: `run_${n}` }), migrated),
    async deadlocks() {
      const [row] = await query(
        serverUrl,
        `SELECT deadlocks::integer AS n FROM pg_stat_database WHERE datname = '${name}'`,
      );
      return Number(row?.n ?? 0);
    },
    async dispose() {
      await query(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await remove(folder);
    },
  };
}

/** With retries: after an interruption something of this process may still write there. */
function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

async function query(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
