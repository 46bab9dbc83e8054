import { type Lane, openLane } from "@milepost/core/store";
import type { Database, Run } from "./driver.js";
import { time } from "./values.js";

export interface LaneKey {
  readonly tenant: string;
  readonly notifier: string;
}

/** Lanes locked in one transaction, and the clock after the last lock was granted. */
export interface LockedLanes {
  readonly now: Date;
  of(key: LaneKey): Lane;
  /** Keeps a lane as it is to be stored. */
  set(lane: Lane): void;
  /** Writes those that have changed. */
  store(): Promise<void>;
}

export const laneColumns: string = `l.tenant, l.notifier, l.paused, l.not_before AS "notBefore", l.rate, l.quota, l.usage`;

// What is taken of a rate or a quota is decided by core's lane.ts, so such lanes are read under a lock, and written.
const lockText = `
WITH wanted AS (
  SELECT * FROM jsonb_to_recordset($1) AS w (tenant text, notifier text)
), locked AS MATERIALIZED (
  SELECT l.* FROM {lanes} l JOIN wanted w ON w.tenant = l.tenant AND w.notifier = l.notifier
  ORDER BY l.tenant, l.notifier
  FOR UPDATE OF l
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
  FROM (SELECT count(*) FROM locked) after_the_locks
)
SELECT step.now, ${laneColumns} FROM step LEFT JOIN locked l ON true`;

const storeText = `
UPDATE {lanes} l SET not_before = s."notBefore", usage = s.usage
FROM jsonb_to_recordset($1) AS s (tenant text, notifier text, "notBefore" timestamptz, usage jsonb)
WHERE l.tenant = s.tenant AND l.notifier = s.notifier`;

export function laneLocks(
  database: Database,
): (run: Run, keys: readonly LaneKey[], now: Date | undefined) => Promise<LockedLanes> {
  const lock = database.statement("lanes_lock", lockText);
  const store = database.statement("lanes_store", storeText);
  const keyOf = ({ tenant, notifier }: LaneKey) => `${tenant}\0${notifier}`;

  return async (run, keys, given) => {
    const wanted = new Map(keys.map(({ tenant, notifier }) => [keyOf({ tenant, notifier }), { tenant, notifier }]));
    type Row = Lane & { readonly now: Date };
    const rows = await run<Row>(lock, [JSON.stringify([...wanted.values()]), time(given)]);
    const { now } = rows[0] as Row;
    const lanes = new Map<string, Lane>();
    for (const { now: _, ...lane } of rows) if (lane.tenant !== null) lanes.set(keyOf(lane), lane);
    const changed = new Map<string, Lane>();
    return {
      now,
      of: (key) => lanes.get(keyOf(key)) ?? openLane(key.tenant, key.notifier),
      set(lane) {
        if (lanes.get(keyOf(lane)) === lane) return;
        lanes.set(keyOf(lane), lane);
        changed.set(keyOf(lane), lane);
      },
      async store() {
        if (changed.size === 0) return;
        const stored = [...changed.values()].map((lane) => ({ ...lane, notBefore: time(lane.notBefore) }));
        await run(store, [JSON.stringify(stored)]);
      },
    };
  };
}
