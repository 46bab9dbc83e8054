import type { NotificationState } from "@milepost/core";
import type { Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";

// Triggers of the harness write down every change of a notification, whoever makes it: what the checks go by is not what
// the engine says of itself.

/** One change of a notification, as the database saw it. */
export interface Move {
  readonly notification: string;
  /** Null where the row was inserted. */
  readonly was: NotificationState | null;
  readonly now: NotificationState;
  readonly fenceBefore: number;
  readonly fence: number;
  /** Its Message-ID, key or payload hash is another one than at its first mark. */
  readonly renamed: boolean;
  /** The database's clock, milliseconds since 1970. */
  readonly at: number;
}

// What is neither a new state nor a new fence is written down only where nothing may change any more.
const terminal = "('sent', 'failed', 'unknown', 'expired', 'cancelled', 'suppressed')";
const frozen = ["message_id", "idempotency_key", "payload_hash"];

/** Before any work: on migrated tables. */
export async function installJournal(place: Place): Promise<void> {
  const raw = openRawTables(place);
  const [journal, notifications] = [raw.own("journal"), raw.table("notifications")];
  const different = place.store === "postgres" ? "IS DISTINCT FROM" : "IS NOT";
  const renamed = frozen
    .map((each) => `(OLD.${each} IS NOT NULL AND NEW.${each} ${different} OLD.${each})`)
    .join(" OR ");
  const told = `NEW.state <> OLD.state OR NEW.fence <> OLD.fence OR ${renamed} OR OLD.state IN ${terminal}`;
  const columns = "(notification, was, now, fence_before, fence, renamed, at)";
  try {
    if (place.store === "sqlite") {
      const clock = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
      await raw.run(`
        CREATE TABLE ${journal} (number INTEGER PRIMARY KEY, notification TEXT NOT NULL, was TEXT, now TEXT NOT NULL,
          fence_before INTEGER NOT NULL, fence INTEGER NOT NULL, renamed INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
        CREATE TRIGGER chaos_born AFTER INSERT ON ${notifications} BEGIN
          INSERT INTO ${journal} ${columns} VALUES (NEW.id, NULL, NEW.state, 0, NEW.fence, 0, ${clock});
        END;
        CREATE TRIGGER chaos_moved AFTER UPDATE ON ${notifications} WHEN ${told} BEGIN
          INSERT INTO ${journal} ${columns}
          VALUES (NEW.id, OLD.state, NEW.state, OLD.fence, NEW.fence, ${renamed}, ${clock});
        END`);
      return;
    }
    const clock = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    const [born, moved] = [raw.own("born"), raw.own("moved")];
    await raw.run(`
      CREATE TABLE ${journal} (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, notification text NOT NULL, was text,
        now text NOT NULL, fence_before bigint NOT NULL, fence bigint NOT NULL, renamed boolean NOT NULL, at bigint NOT NULL);
      CREATE FUNCTION ${born}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO ${journal} ${columns} VALUES (NEW.id, NULL, NEW.state, 0, NEW.fence, false, ${clock});
        RETURN NULL; END $$;
      CREATE FUNCTION ${moved}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO ${journal} ${columns}
        VALUES (NEW.id, OLD.state, NEW.state, OLD.fence, NEW.fence, ${renamed}, ${clock});
        RETURN NULL; END $$;
      CREATE TRIGGER chaos_born AFTER INSERT ON ${notifications} FOR EACH ROW EXECUTE FUNCTION ${born}();
      CREATE TRIGGER chaos_moved AFTER UPDATE ON ${notifications} FOR EACH ROW WHEN (${told})
        EXECUTE FUNCTION ${moved}()`);
  } finally {
    await raw.close();
  }
}

/** Every change in the order in which it was made; per notification that is also the order of its commits. */
export async function readJournal(place: Place): Promise<readonly Move[]> {
  const raw = openRawTables(place);
  try {
    const rows = await raw.all<Readonly<Record<string, unknown>>>(
      `SELECT notification, was, now, fence_before, fence, renamed, at FROM ${raw.own("journal")} ORDER BY number`,
    );
    return rows.map((row) => ({
      notification: String(row.notification),
      was: row.was as Move["was"],
      now: row.now as Move["now"],
      fenceBefore: Number(row.fence_before),
      fence: Number(row.fence),
      renamed: Boolean(row.renamed),
      at: Number(row.at),
    }));
  } finally {
    await raw.close();
  }
}
