import type { CounterKey, ErasedRows } from "@milepost/core/store";
import { counterLockOrder } from "./counter-key.js";
import type { Database, Run } from "./driver.js";
import { textArray } from "./values.js";

type Counts = Pick<ErasedRows, "counters" | "trail" | "parked">;

/** The keys of tables that hold counters' rows have the metric before the subject; every metric has a definition. */
export const bySubject = (alias: string): string =>
  `${alias}.tenant = $1 AND ${alias}.metric = ANY (ARRAY(SELECT d.metric FROM {definitions} d)) AND ${alias}.subject = $2`;

export interface SubjectCounters {
  /** Locked until the transaction ends: who records for the subject waits. */
  lock(run: Run, owner: readonly string[]): Promise<readonly CounterKey[]>;
  /** Takes away what waits on these; they count on. */
  halt(run: Run, owner: readonly string[], keys: readonly CounterKey[]): Promise<Counts>;
  delete(run: Run, owner: readonly string[], keys: readonly CounterKey[]): Promise<Counts>;
}

/** What a subject has in {counters}, {trail} and {parked}. */
export function subjectCounters(database: Database): SubjectCounters {
  const lock = database.statement(
    "subjects_lock_counters",
    `SELECT c.metric, c.period FROM {counters} c WHERE ${bySubject("c")}
     ORDER BY ${counterLockOrder("c")} FOR UPDATE`,
  );
  const locked = `ROWS FROM (unnest($3::text[]), unnest($4::text[])) AS k (metric, period)`;
  const ofLocked = (alias: string): string =>
    `${alias}.tenant = $1 AND ${alias}.metric = k.metric AND ${alias}.subject = $2 AND ${alias}.period = k.period`;
  const deleteFrom = (table: string): string =>
    `DELETE FROM {${table}} t USING ${locked} WHERE ${ofLocked("t")} RETURNING 1`;
  const waiting = `trail AS (${deleteFrom("trail")}), parked AS (${deleteFrom("parked")})`;
  const counts = "(SELECT count(*) FROM trail) AS trail, (SELECT count(*) FROM parked) AS parked";
  const halt = database.statement(
    "subjects_halt_counters",
    `WITH ${waiting}, halted AS (
       UPDATE {counters} c SET folded = c.rev, due = false, below = NULL, above = NULL, state = '{}', wake_at = NULL,
         generation = coalesce((SELECT d.generation FROM {definitions} d WHERE d.metric = c.metric), c.generation)
       FROM ${locked} WHERE ${ofLocked("c")}
     )
     SELECT 0::bigint AS counters, ${counts}`,
  );
  const gone = database.statement(
    "subjects_delete_counters",
    `WITH ${waiting}, gone AS (${deleteFrom("counters")})
     SELECT (SELECT count(*) FROM gone) AS counters, ${counts}`,
  );
  const values = (owner: readonly string[], keys: readonly CounterKey[]) => [
    ...owner,
    textArray(keys.map(({ metric }) => metric)),
    textArray(keys.map(({ period }) => period)),
  ];
  return {
    lock: (run, owner) => run<CounterKey>(lock, owner),
    halt: async (run, owner, keys) => (await run<Counts>(halt, values(owner, keys)))[0]!,
    delete: async (run, owner, keys) => (await run<Counts>(gone, values(owner, keys)))[0]!,
  };
}
