import { postgresStore } from "@milepost/adapter-postgres";
import { sqliteStore } from "@milepost/adapter-sqlite";
import { createMilepost, type Milepost, type MilepostOptions, type MilestoneEvent } from "@milepost/core";
import type Database from "better-sqlite3";
import type pg from "pg";
import { type Place, postgresPool, sqliteHandle } from "./place.js";

/** An open transaction of the host. */
export interface HostTransaction {
  /** A row of the host's own table, and its event: both or neither. */
  order(event: MilestoneEvent): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Until the commit is on its way; the host hears nothing of it. Only for a process that dies then. */
  commitUnheard(): Promise<void>;
}

/** A host with a table of its own in the database it shares with the engine. */
export interface HostPlace {
  readonly milepost: Omit<Milepost, "in">;
  /** Waits its turn on SQLite, where one transaction writes at a time. */
  begin(): Promise<HostTransaction>;
  /** The ids of the host's orders, and their subjects. */
  orders(): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

export async function createHostTable(place: Place): Promise<void> {
  if (place.store === "postgres") {
    const pool = postgresPool(place.url, 1);
    await pool.query(`CREATE TABLE ${place.schema}.host_orders (id text PRIMARY KEY, subject text NOT NULL)`);
    await pool.end();
    return;
  }
  const db = sqliteHandle(place.file);
  db.exec("CREATE TABLE host_orders (id TEXT PRIMARY KEY, subject TEXT NOT NULL)");
  db.close();
}

export function openHostPlace(place: Place, options: Omit<MilepostOptions, "store">): HostPlace {
  return place.store === "postgres"
    ? onPostgres(postgresPool(place.url, 4), place.schema, options)
    : onSqlite(sqliteHandle(place.file), options);
}

interface Row {
  readonly id: string;
  readonly subject: string;
}

const byId = (rows: readonly Row[]) => new Map(rows.map(({ id, subject }) => [id, subject]));

function onPostgres(pool: pg.Pool, schema: string, options: Omit<MilepostOptions, "store">): HostPlace {
  const milepost = createMilepost({ ...options, store: postgresStore(pool, { schema }) });
  return {
    milepost,
    async begin() {
      const client = await pool.connect();
      await client.query("BEGIN");
      const end = async (how: "COMMIT" | "ROLLBACK") => {
        await client.query(how);
        client.release();
      };
      return {
        async order(event) {
          await client.query(`INSERT INTO ${schema}.host_orders VALUES ($1, $2)`, [event.id, event.subject]);
          await milepost.in(client).record(event);
        },
        commit: () => end("COMMIT"),
        rollback: () => end("ROLLBACK"),
        async commitUnheard() {
          client.query("COMMIT").catch(() => {});
          // pg hands the message to the socket in the next tick; no answer is read before the turn ends
          await new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)));
        },
      };
    },
    orders: async () => byId((await pool.query<Row>(`SELECT id, subject FROM ${schema}.host_orders`)).rows),
    async close() {
      await milepost.close();
      await pool.end();
    },
  };
}

/** The host and the store share the handle. */
function onSqlite(db: Database.Database, options: Omit<MilepostOptions, "store">): HostPlace {
  const milepost = createMilepost({ ...options, store: sqliteStore(db) });
  return {
    milepost,
    async begin() {
      for (;;) {
        try {
          db.exec("BEGIN IMMEDIATE");
          break;
        } catch (error) {
          // the handle has waited already
          if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      return {
        async order(event) {
          db.prepare("INSERT INTO host_orders VALUES (?, ?)").run(event.id, event.subject);
          void milepost.in(db).record(event);
        },
        commit: async () => void db.exec("COMMIT"),
        rollback: async () => void db.exec("ROLLBACK"),
        commitUnheard: async () => void db.exec("COMMIT"),
      };
    },
    orders: async () => byId(db.prepare("SELECT id, subject FROM host_orders").all() as Row[]),
    async close() {
      await milepost.close();
      db.close();
    },
  };
}
