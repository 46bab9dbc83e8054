import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openPlace, type Place, type StoreName } from "./place.js";

/** Milliseconds after which a server that does not answer is one that cannot be used. */
const patience = 15_000;

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

/** A Postgres server cannot be used. Its message is the reason, and holds no password. */
export class ServerError extends Error {}

/** Does what every run begins with, so that a server that is of no use is known before the first of them. */
export async function checkServer(serverUrl: string): Promise<void> {
  const places = await openPlaces("postgres", serverUrl);
  await places.dispose();
}

/** `serverUrl` is for Postgres; its account must be allowed to create databases, or this is a `ServerError`. */
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
  const name = `milepost_chaos_${randomBytes(6).toString("hex")}`;
  let own: URL;
  try {
    if (serverUrl === undefined) throw new Error("Postgres needs the URL of a server");
    own = databaseUrl(serverUrl, name);
    await query(serverUrl, `CREATE DATABASE ${name}`);
  } catch (error) {
    await remove(folder);
    throw error;
  }
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
      try {
        await query(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      } catch (cause) {
        // the name: somebody has to remove it by hand
        throw new ServerError(`the database ${name} is not removed: ${(cause as Error).message}`, { cause });
      } finally {
        await remove(folder);
      }
    },
  };
}

/** With retries: after an interruption something of this process may still write there. */
function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

function databaseUrl(serverUrl: string, name: string): URL {
  // the URL parser's own error has the whole of it, password included
  if (!URL.canParse(serverUrl) || !/^postgres(ql)?:\/\//i.test(serverUrl)) {
    throw new ServerError("it is not a URL like postgres://user:password@host:5432/database");
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url;
}

async function query(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  try {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: patience });
    // a connection that is lost fails the query too; without a listener it would end the process
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  } catch (cause) {
    throw new ServerError(reasonOf(cause), { cause });
  }
}

/** One line. A host with several addresses fails with one error for each, and no message of its own. */
function reasonOf(error: unknown): string {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  const reasons = errors.map((each) => (each instanceof Error ? each.message : String(each)));
  return [...new Set(reasons)].join("; ").replaceAll(/\s+/g, " ");
}
