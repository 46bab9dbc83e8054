import {
  type AddResult,
  type CounterKey,
  type CounterRepository,
  type CounterState,
  type DueCounter,
  type TrailRow,
  tally,
} from "@milepost/core/store";
import { allOf, list } from "./conditions.js";
import { applyChanges, rememberIds } from "./counter-batch.js";
import type { Driver, SqlRow, Step } from "./driver.js";

const byKey = "tenant = ? AND metric = ? AND subject = ? AND period = ?";

export function counterRepository(driver: Driver): CounterRepository {
  return {
    add({ events, generations, now }) {
      return driver.write((step): AddResult => {
        const stale = Object.keys(generations).filter((metric) => {
          const row = step.get("SELECT generation FROM {definitions} WHERE metric = ?", metric);
          return row?.generation !== generations[metric];
        });
        if (stale.length > 0) return { stale, duplicates: [], counters: [] };

        const known = rememberIds(step, events);
        const accepted = known.size === 0 ? events : events.filter((_, i) => !known.has(i));
        const duplicates = [...known].sort((a, b) => a - b);
        return { stale: [], duplicates, counters: applyChanges(step, tally(accepted), now) };
      });
    },

    get({ keys }) {
      return driver.snapshot((step) =>
        keys.flatMap((key) => {
          const row = step.get(`SELECT * FROM {counters} WHERE ${byKey}`, ...keyValues(key));
          return row === undefined ? [] : stateOf(row);
        }),
      );
    },

    due({ metrics, keys, limit, trailLimit }) {
      return driver.snapshot((step) =>
        (keys === undefined ? longestWaiting(step, metrics, limit) : dueAmong(step, metrics, keys, limit)).map(
          (row): DueCounter => {
            const key = keyOf(row);
            const trail = step.all(
              `SELECT * FROM {trail} WHERE ${byKey} AND rev > ? ORDER BY rev LIMIT ?`,
              ...[...keyValues(key), row.folded as number, trailLimit],
            );
            const state = JSON.parse(row.state as string) as DueCounter["state"];
            return { ...key, folded: row.folded as number, state, trail: trail.map(trailRowOf) };
          },
        ),
      );
    },

    list({ tenant, metric, subject, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["metric = ?", metric],
        ["subject = ?", subject],
        ["(metric, subject, period) > (?, ?, ?)", after?.metric, after?.subject, after?.period],
      ]);
      const sql = `SELECT * FROM {counters} WHERE ${where} ORDER BY metric, subject, period LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(stateOf));
    },
  };
}

/** By each counter's first trail row; of one instant in the order they were written, which is that of the rowids. */
function longestWaiting(step: Step, metrics: readonly string[], limit: number): SqlRow[] {
  return step.all(
    `SELECT c.* FROM {trail} t CROSS JOIN {counters} c USING (tenant, metric, subject, period)
      WHERE t.metric IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
        SELECT 1 FROM {trail} e WHERE e.tenant = t.tenant AND e.metric = t.metric AND e.subject = t.subject
          AND e.period = t.period AND e.rev < t.rev)
      ORDER BY t.recorded_at, t.rowid LIMIT ?`,
    ...[list(metrics), limit],
  );
}

function dueAmong(step: Step, metrics: readonly string[], keys: readonly CounterKey[], limit: number): SqlRow[] {
  const rows: SqlRow[] = [];
  for (const key of keys) {
    if (rows.length >= limit) break;
    if (!metrics.includes(key.metric)) continue;
    const row = step.get(`SELECT * FROM {counters} WHERE ${byKey} AND due = 1`, ...keyValues(key));
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

function keyOf(row: SqlRow | CounterKey): CounterKey {
  const { tenant, metric, subject, period } = row as CounterKey;
  return { tenant, metric, subject, period };
}

export function keyValues({ tenant, metric, subject, period }: CounterKey): [string, string, string, string] {
  return [tenant, metric, subject, period];
}

function stateOf(row: SqlRow): CounterState {
  return { ...keyOf(row), value: row.value as number, rev: row.rev as number, due: row.due === 1 };
}

function trailRowOf(row: SqlRow): TrailRow {
  const parsed = (column: string): unknown => JSON.parse(row[column] as string);
  return {
    rev: row.rev as number,
    from: row.from_value as number,
    ids: parsed("ids") as string[],
    amounts: parsed("amounts") as number[],
    occurredAts: (parsed("occurred_ats") as string[]).map((at) => new Date(at)),
  };
}
