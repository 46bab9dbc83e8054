import {
  type AddResult,
  type CounterKey,
  type CounterRepository,
  type CounterState,
  counterKeyText,
  type DueCounter,
  type StoredCounter,
  type TrailRow,
  tally,
} from "@milepost/core/store";
import { allOf, list } from "./conditions.js";
import { applyChanges, rememberIds } from "./counter-batch.js";
import { byCounterKey, counterKeyOf, counterKeyValues } from "./counter-key.js";
import type { Driver, SqlRow, Step } from "./driver.js";
import { idleCounters } from "./idle-counters.js";
import { deleteDrained } from "./inbox-repository.js";

export function counterRepository(driver: Driver): CounterRepository {
  return {
    add({ events, rules, drained, now }) {
      return driver.write((step): AddResult => {
        const stale = Object.keys(rules).filter((metric) => {
          const row = step.get("SELECT generation FROM {definitions} WHERE metric = ?", metric);
          return row?.generation !== rules[metric]?.generation;
        });
        if (stale.length > 0) return { stale, duplicates: [], counters: [] };

        if (drained !== undefined) deleteDrained(step, drained);
        const known = rememberIds(step, events, rules);
        const accepted = known.size === 0 ? events : events.filter((_, i) => !known.has(i));
        const duplicates = [...known].sort((a, b) => a - b);
        const counters = applyChanges(step, { changes: tally(accepted), rules, now });
        return { stale: [], duplicates, counters };
      });
    },

    get({ keys }) {
      return driver.snapshot((step) =>
        keys.flatMap((key) => {
          const row = step.get(`SELECT * FROM {counters} WHERE ${byCounterKey}`, ...counterKeyValues(key));
          return row === undefined ? [] : stateOf(row);
        }),
      );
    },

    read({ keys, trailLimit }) {
      return driver.snapshot((step) =>
        [...new Map(keys.map((key) => [counterKeyText(key), key])).values()].flatMap((key): StoredCounter[] => {
          const row = step.get(`SELECT * FROM {counters} WHERE ${byCounterKey}`, ...counterKeyValues(key));
          if (row === undefined) return [];
          const { below, above } = row as { below: number | null; above: number | null };
          return [{ ...stateOf(row), below, above, ...evaluated(step, row, trailLimit) }];
        }),
      );
    },

    due({ metrics, keys, limit, trailLimit }) {
      return driver.snapshot((step) =>
        (keys === undefined ? longestWaiting(step, metrics, limit) : dueAmong(step, metrics, keys, limit)).map(
          (row): DueCounter => ({ ...counterKeyOf(row), ...evaluated(step, row, trailLimit) }),
        ),
      );
    },

    idle(input) {
      return driver.snapshot((step) => idleCounters(step, input));
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

/** How far a counter was evaluated, and what of it waits. */
function evaluated(
  step: Step,
  row: SqlRow,
  trailLimit: number,
): Pick<StoredCounter, "folded" | "generation" | "state" | "trail"> {
  const { folded, generation } = row as { folded: number; generation: number };
  const trail = step.all(
    `SELECT * FROM {trail} WHERE ${byCounterKey} AND rev > ? ORDER BY rev LIMIT ?`,
    ...[...counterKeyValues(counterKeyOf(row)), folded, trailLimit],
  );
  const state = JSON.parse(row.state as string) as StoredCounter["state"];
  return { folded, generation, state, trail: trail.map(trailRowOf) };
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
    const row = step.get(`SELECT * FROM {counters} WHERE ${byCounterKey} AND due = 1`, ...counterKeyValues(key));
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

function stateOf(row: SqlRow): CounterState {
  return { ...counterKeyOf(row), value: row.value as number, rev: row.rev as number, due: row.due === 1 };
}

function trailRowOf(row: SqlRow): TrailRow {
  const parsed = (column: string): unknown => JSON.parse(row[column] as string);
  return {
    rev: row.rev as number,
    generation: row.generation as number,
    from: row.from_value as number,
    limitVersion: row.limit_version as number | null,
    ids: parsed("ids") as string[],
    amounts: parsed("amounts") as number[],
    occurredAts: (parsed("occurred_ats") as string[]).map((at) => new Date(at)),
  };
}
