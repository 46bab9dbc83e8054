import type { Place } from "../place/place.js";
import { openRawTables, type RawTables } from "../place/raw-tables.js";

// What must not be marked after a commit that forbids it. A trigger counts the attempts there are at that very commit
// (Postgres: a deferred one, SQLite: its only writer), so that none slips in between the commit and a look from outside.

/** One commit that stopped something, and how many attempts of what it stopped there were by then. */
export interface Stop {
  /** The lane's notifier, or the address. */
  readonly key: string;
  readonly marks: number;
}

export interface Stops {
  /** Every stop so far, in the order of their commits. */
  read(): Promise<readonly Stop[]>;
  /** Attempts of everything, or of one address. */
  marks(address?: string): Promise<number>;
  close(): Promise<void>;
}

/** Before any work, on migrated tables: writes down each pause of a lane, or each suppression of an address. */
export async function watchStops(place: Place, what: "pauses" | "suppressions"): Promise<Stops> {
  const raw = openRawTables(place);
  const [stops, stopped] = [raw.own("stops"), raw.own("stopped")];
  const { table, when, key } =
    what === "pauses"
      ? { table: raw.table("lanes"), when: "UPDATE", key: "NEW.notifier" }
      : { table: raw.table("suppressions"), when: "INSERT", key: "NEW.recipient_key" };
  const marks = what === "pauses" ? countAll(raw) : countOf(raw, key);
  const only = what === "pauses" ? "WHEN (NEW.paused AND NOT OLD.paused)" : "";
  if (what === "suppressions") {
    const index = place.store === "postgres" ? "chaos_by_address" : raw.own("by_address");
    await raw.run(`CREATE INDEX ${index} ON ${raw.table("notifications")} (recipient_key)`);
  }
  await raw.run(
    place.store === "sqlite"
      ? `CREATE TABLE ${stops} (number INTEGER PRIMARY KEY, key TEXT NOT NULL, marks INTEGER NOT NULL) STRICT;
         CREATE TRIGGER chaos_stopped AFTER ${when} ON ${table} ${only} BEGIN
           INSERT INTO ${stops} (key, marks) VALUES (${key}, (${marks}));
         END`
      : `CREATE TABLE ${stops} (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL,
           marks bigint NOT NULL);
         CREATE FUNCTION ${stopped}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           INSERT INTO ${stops} (key, marks) VALUES (${key}, (${marks}));
           RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER chaos_stopped AFTER ${when} ON ${table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
           ${only} EXECUTE FUNCTION ${stopped}()`,
  );
  return {
    async read() {
      const rows = await raw.all<{ key: string; marks: number | string }>(
        `SELECT key, marks FROM ${stops} ORDER BY number`,
      );
      return rows.map((row) => ({ key: row.key, marks: Number(row.marks) }));
    },
    async marks(address) {
      const sql = address === undefined ? countAll(raw) : countOf(raw, `'${address}'`);
      const [row] = await raw.all<{ marks: number | string }>(`SELECT (${sql}) AS marks`);
      return Number(row!.marks);
    },
    close: () => raw.close(),
  };
}

const countAll = (raw: RawTables) => `SELECT count(*) FROM ${raw.table("attempts")}`;
const countOf = (raw: RawTables, address: string) => `SELECT coalesce(sum(n.attempts), 0)
  FROM ${raw.table("notifications")} n WHERE n.recipient_key = ${address}`;
