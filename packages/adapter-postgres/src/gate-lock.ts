import { type Campaign, type Gate, gateOf, gatePatch, type Lane, openLane } from "@milepost/core/store";
import type { Database, Run, Statement } from "./driver.js";
import { time } from "./values.js";

/** Gates locked in one transaction, and the clock after the last lock was granted. */
export interface LockedGates<Key, G> {
  readonly now: Date;
  of(key: Key): G;
  /** Keeps a gate as it is to be stored. */
  set(key: Key, gate: G): void;
  /** Writes those that have changed. */
  store(): Promise<void>;
}

type GateLock<Key, G> = (run: Run, keys: readonly Key[], now: Date | undefined) => Promise<LockedGates<Key, G>>;

export interface LaneKey {
  readonly tenant: string;
  readonly notifier: string;
}

/** The campaign of a row, `""` for a row of none. */
export interface CampaignGateKey {
  readonly tenant: string;
  readonly campaign: string;
}

export const laneColumns: string = `l.tenant, l.notifier, l.paused, l.not_before AS "notBefore", l.rate, l.quota, l.usage`;

// What is taken of a rate or a quota is decided by core's gate.ts, so such gates are read under a lock, and written.
const lockText = (table: string, columns: string, name: string, id: string) => `
WITH wanted AS (
  SELECT * FROM jsonb_to_recordset($1) AS w (tenant text, ${name} text)
), locked AS MATERIALIZED (
  SELECT l.* FROM {${table}} l JOIN wanted w ON w.tenant = l.tenant AND w.${name} = l.${id}
  ORDER BY l.tenant, l.${id}
  FOR UPDATE OF l
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
  FROM (SELECT count(*) FROM locked) after_the_locks
)
SELECT step.now, ${columns} FROM step LEFT JOIN locked l ON true`;

const storeText = (table: string, name: string, id: string) => `
UPDATE {${table}} l SET not_before = s."notBefore", usage = s.usage
FROM jsonb_to_recordset($1) AS s (tenant text, ${name} text, "notBefore" timestamptz, usage jsonb)
WHERE l.tenant = s.tenant AND l.${id} = s.${name}`;

interface GateTable<Key, G, Row> {
  readonly lock: Statement;
  readonly store: Statement;
  /** The key alone, of whatever has one. */
  keyOf(has: Key): Key;
  gateOf(row: Row): G;
  /** Where there is no row. */
  missing(key: Key): G;
  /** What is stored of it. */
  patchOf(gate: G): { readonly notBefore: Date | null; readonly usage: object } | null;
}

function gateLock<Key extends object, G, Row extends { readonly tenant: string }>({
  lock,
  store,
  keyOf,
  gateOf,
  missing,
  patchOf,
}: GateTable<Key, G, Row & Key>): GateLock<Key, G> {
  const textOf = (key: Key) => Object.values(keyOf(key)).join("\0");
  return async (run, keys, given) => {
    const wanted = new Map(keys.map((key) => [textOf(key), keyOf(key)]));
    type Answer = (Row & Key) & { readonly now: Date };
    const rows = await run<Answer>(lock, [JSON.stringify([...wanted.values()]), time(given)]);
    const { now } = rows[0] as Answer;
    const gates = new Map<string, G>();
    for (const row of rows) if (row.tenant !== null) gates.set(textOf(row), gateOf(row));
    const changed = new Map<string, readonly [Key, G]>();
    return {
      now,
      of: (key) => gates.get(textOf(key)) ?? missing(keyOf(key)),
      set(key, gate) {
        if (gates.get(textOf(key)) === gate) return;
        gates.set(textOf(key), gate);
        changed.set(textOf(key), [keyOf(key), gate]);
      },
      async store() {
        const stored = [...changed.values()].flatMap(([key, gate]) => {
          const patch = patchOf(gate);
          return patch === null ? [] : [{ ...key, ...patch, notBefore: time(patch.notBefore) }];
        });
        if (stored.length > 0) await run(store, [JSON.stringify(stored)]);
      },
    };
  };
}

export function laneLock(database: Database): GateLock<LaneKey, Lane> {
  return gateLock<LaneKey, Lane, Lane & { readonly now: Date }>({
    lock: database.statement("lanes_lock", lockText("lanes", laneColumns, "notifier", "notifier")),
    store: database.statement("lanes_store", storeText("lanes", "notifier", "notifier")),
    keyOf: ({ tenant, notifier }) => ({ tenant, notifier }),
    gateOf: ({ now: _, ...lane }) => lane,
    missing: ({ tenant, notifier }) => openLane(tenant, notifier),
    patchOf: ({ notBefore, usage }) => ({ notBefore, usage }),
  });
}

/** A row of no campaign, or of one that is not stored, has no such gate. */
export function campaignLock(database: Database): GateLock<CampaignGateKey, Gate | null> {
  const columns = `l.tenant, l.id AS campaign, l.state, l.loaded, l.changing, l.not_before AS "notBefore", l.rate, l.usage`;
  type Row = Pick<Campaign, "tenant" | "state" | "loaded" | "changing" | "notBefore" | "rate" | "usage">;
  return gateLock<CampaignGateKey, Gate | null, Row>({
    lock: database.statement("campaigns_lock", lockText("campaigns", columns, "campaign", "id")),
    store: database.statement("campaigns_store", storeText("campaigns", "campaign", "id")),
    keyOf: ({ tenant, campaign }) => ({ tenant, campaign }),
    gateOf,
    missing: () => null,
    patchOf: (gate) => gate && gatePatch(gate),
  });
}
