import pg from "pg";
import type { Place } from "../place/place.js";

export interface LockWaits {
  /** How often somebody was seen waiting for a lock. */
  readonly seen: number;
  /** Milliseconds since the start of the longest statement that was seen waiting: it waited no longer. */
  readonly longestAtMost: number;
}

/** Milliseconds between two looks; what is shorter may be missed. */
const interval = 10;

/** Looks at who waits for a lock in the database of a place until it is asked. On SQLite nobody waits for a row. */
export async function watchLockWaits(place: Place): Promise<() => Promise<LockWaits | undefined>> {
  if (place.store !== "postgres") return async () => undefined;
  const client = new pg.Client({ connectionString: place.url });
  await client.connect();
  let seen = 0;
  let longestAtMost = 0;
  let over = false;
  const looking = (async () => {
    while (!over) {
      const { rows } = await client.query<{ count: number; longest: number | null }>(
        `SELECT count(*)::integer AS count,
           max(extract(epoch FROM clock_timestamp() - query_start) * 1000)::float8 AS longest
         FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      seen += rows[0]?.count ?? 0;
      longestAtMost = Math.max(longestAtMost, rows[0]?.longest ?? 0);
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  })();
  looking.catch(() => {});
  return async () => {
    over = true;
    await looking;
    await client.end();
    return { seen, longestAtMost };
  };
}
