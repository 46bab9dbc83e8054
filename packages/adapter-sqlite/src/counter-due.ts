import type { CounterKey, CounterRepository, DueCounter, TrailRow } from "@milepost/core/store";
import { list } from "./conditions.js";
import { byCounterKey, counterKeyOf, counterKeyValues } from "./counter-key.js";
import type { SqlRow, Step } from "./driver.js";
import { parkingOf } from "./parking-repository.js";

type DueInput = Parameters<CounterRepository["due"]>[0];

export function dueCounters(step: Step, { metrics, keys, limit, trailLimit, now }: DueInput): DueCounter[] {
  const at = step.now(now).toISOString();
  const rows =
    keys === undefined ? longestWaiting(step, { metrics, limit, at }) : dueAmong(step, { metrics, keys, limit, at });
  return rows.map((row): DueCounter => {
    const parked = parkingOf(row);
    return { ...counterKeyOf(row), ...evaluated(step, row, trailLimit), ...(parked && { parked }) };
  });
}

/** How far a counter was evaluated, and what of it waits. */
export function evaluated(
  step: Step,
  row: SqlRow,
  trailLimit: number,
): Pick<DueCounter, "folded" | "generation" | "state" | "trail"> {
  const { folded, generation } = row as { folded: number; generation: number };
  const trail = step.all(
    `SELECT * FROM {trail} WHERE ${byCounterKey} AND rev > ? ORDER BY rev LIMIT ?`,
    ...[...counterKeyValues(counterKeyOf(row)), folded, trailLimit],
  );
  const state = JSON.parse(row.state as string) as DueCounter["state"];
  return { folded, generation, state, trail: trail.map(trailRowOf) };
}

interface Wanted {
  readonly metrics: readonly string[];
  readonly limit: number;
  /** ISO. */
  readonly at: string;
}

const columns = "c.*, p.attempts, p.without_effects";
const parked = `LEFT JOIN {parked} p
  ON p.tenant = c.tenant AND p.metric = c.metric AND p.subject = c.subject AND p.period = c.period`;
const awake = "(p.retry_at IS NULL OR p.retry_at <= ?)";

/** By each counter's first trail row; of one instant in the order they were written, which is that of the rowids. */
function longestWaiting(step: Step, { metrics, limit, at }: Wanted): SqlRow[] {
  return step.all(
    `SELECT ${columns} FROM {trail} t CROSS JOIN {counters} c USING (tenant, metric, subject, period) ${parked}
      WHERE t.metric IN (SELECT value FROM json_each(?)) AND ${awake} AND NOT EXISTS (
        SELECT 1 FROM {trail} e WHERE e.tenant = t.tenant AND e.metric = t.metric AND e.subject = t.subject
          AND e.period = t.period AND e.rev < t.rev)
      ORDER BY t.recorded_at, t.rowid LIMIT ?`,
    ...[list(metrics), at, limit],
  );
}

function dueAmong(
  step: Step,
  { metrics, keys, limit, at }: Wanted & { readonly keys: readonly CounterKey[] },
): SqlRow[] {
  const byKey = "c.tenant = ? AND c.metric = ? AND c.subject = ? AND c.period = ?";
  const sql = `SELECT ${columns} FROM {counters} c ${parked} WHERE ${byKey} AND c.due = 1 AND ${awake}`;
  const rows: SqlRow[] = [];
  for (const key of keys) {
    if (rows.length >= limit) break;
    if (!metrics.includes(key.metric)) continue;
    const row = step.get(sql, ...counterKeyValues(key), at);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

function trailRowOf(row: SqlRow): TrailRow {
  const parsed = (column: string): unknown => JSON.parse(row[column] as string);
  return {
    rev: row.rev as number,
    generation: row.generation as number,
    from: row.from_value as number,
    limitVersion: row.limit_version as number | null,
    ...(row.mark !== null && { mark: parsed("mark") as NonNullable<TrailRow["mark"]> }),
    ids: parsed("ids") as string[],
    amounts: parsed("amounts") as number[],
    occurredAts: (parsed("occurred_ats") as string[]).map((at) => new Date(at)),
  };
}
