import {
  type AddResult,
  type CounterRepository,
  type CounterState,
  counterKeyText,
  type StoredCounter,
  tally,
} from "@milepost/core/store";
import { allOf } from "./conditions.js";
import { applyChanges, rememberIds } from "./counter-batch.js";
import { dueCounters, evaluated } from "./counter-due.js";
import { byCounterKey, counterKeyOf, counterKeyValues } from "./counter-key.js";
import { wakeCounters } from "./counter-wake.js";
import type { Driver, SqlRow } from "./driver.js";
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

    due(input) {
      return driver.snapshot((step) => dueCounters(step, input));
    },

    wake(input) {
      return driver.write((step) => wakeCounters(step, input));
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

function stateOf(row: SqlRow): CounterState {
  return { ...counterKeyOf(row), value: row.value as number, rev: row.rev as number, due: row.due === 1 };
}
