import type { PostgresClient, PostgresPool } from "@milepost/adapter-postgres";
import type { SqliteDatabase, SqliteStatement } from "@milepost/adapter-sqlite";
import Database from "better-sqlite3";
import type { Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";

/**
 * How the writing of a result fails once, although the notifier has succeeded.
 *
 * - `serialization`: a trigger raises 40001
 * - `cut`, `cut committed`: the connection is lost before the server has answered, or when it has committed
 * - `pool`: all connections of the host's pool are taken, for longer than a step waits
 * - `lock`: another connection has SQLite's write lock, for as long
 * - `busy`: SQLite answers SQLITE_BUSY to the commit, for as long
 * - `disk`: SQLite answers SQLITE_IOERR_WRITE to the write
 */
export type WriteFault = "serialization" | "cut" | "cut committed" | "pool" | "lock" | "busy" | "disk";

export const writeFaults: Readonly<Record<Place["store"], readonly WriteFault[]>> = {
  postgres: ["serialization", "cut", "cut committed", "pool"],
  sqlite: ["lock", "busy", "disk"],
};

/** Where a text of the adapter's settlement is told from others: its prepared statement's name. */
export const settleStatement = "milepost_notifications_settle_";

const refuse = "milepost_chaos.refuse";

/** The trigger that raises 40001 for sessions that ask for it. */
export async function installRefusal(place: Place): Promise<void> {
  if (place.store !== "postgres") return;
  const raw = openRawTables(place);
  const name = raw.own("refuse");
  await raw.run(`
    CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF current_setting('${refuse}', true) = 'on' THEN
        RAISE EXCEPTION 'refused by the harness' USING ERRCODE = 'serialization_failure';
      END IF;
      RETURN NEW; END $$;
    CREATE TRIGGER chaos_refuse BEFORE UPDATE ON ${raw.table("notifications")} FOR EACH ROW
      WHEN (NEW.state = 'sent') EXECUTE FUNCTION ${name}()`);
  await raw.close();
}

/** A pool whose next settlement meets the trigger, once. */
export class RefusedOnce {
  #armed = false;
  #fired = 0;

  arm(): void {
    this.#armed = true;
  }

  get fired(): number {
    return this.#fired;
  }

  pool(pool: PostgresPool): PostgresPool {
    return { connect: (done) => pool.connect((error, client) => done(error, client && this.#client(client))) };
  }

  #client(client: PostgresClient): PostgresClient {
    return {
      on: (event, listener) => client.on(event, listener),
      removeListener: (event, listener) => client.removeListener(event, listener),
      release: (error) => client.release(error),
      query: async (query) => {
        if (!this.#armed || query.name?.startsWith(settleStatement) !== true) return client.query(query);
        this.#armed = false;
        await client.query({ text: `SET ${refuse} = 'on'` });
        try {
          return await client.query(query);
        } catch (error) {
          if ((error as { readonly code?: unknown }).code === "40001") this.#fired++;
          throw error;
        } finally {
          await client.query({ text: `SET ${refuse} = 'off'` });
        }
      },
    };
  }
}

/** A handle whose writing transactions fail as long as it is told to. */
export class FailingHandle {
  failing: "busy" | "disk" | undefined;

  database(db: Database.Database): SqliteDatabase {
    return {
      get open() {
        return db.open;
      },
      get inTransaction() {
        return db.inTransaction;
      },
      exec: (sql) => db.exec(sql),
      pragma: (source, options) => db.pragma(source, options),
      prepare: (sql): SqliteStatement => {
        const statement = db.prepare(sql);
        const run = <T>(call: () => T): T => {
          if (this.failing === "busy" && sql === "COMMIT") {
            throw new Database.SqliteError("database is locked", "SQLITE_BUSY");
          }
          if (this.failing === "disk" && sql.startsWith("UPDATE")) {
            throw new Database.SqliteError("disk I/O error", "SQLITE_IOERR_WRITE");
          }
          return call();
        };
        return {
          readonly: statement.readonly,
          reader: statement.reader,
          run: (...params) => run(() => statement.run(...params)),
          get: (...params) => run(() => statement.get(...params)),
          all: (...params) => run(() => statement.all(...params)),
          safeIntegers: (on) => statement.safeIntegers(on),
        };
      },
    };
  }
}
