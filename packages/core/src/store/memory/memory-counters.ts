import type { CounterKey, CounterRepository, CounterState, DueCounter } from "../counter-repository.js";
import { compareCounterKeys, counterKeyText, leavesBand, tally, walk } from "../tally.js";
import { type CounterRow, keyOf, type Tables } from "./tables.js";

export function memoryCounters(tables: Tables): CounterRepository {
  let turn = 0;

  return {
    async add({ events, generations }) {
      const stale = Object.keys(generations).filter(
        (metric) => tables.definitions.get(metric)?.generation !== generations[metric],
      );
      if (stale.length > 0) return { stale, duplicates: [], counters: [] };

      const idOf = (event: { tenant: string; metric: string; id: string }) =>
        keyOf(event.tenant, event.metric, event.id);
      const accepted = events.filter((event) => !tables.events.has(idOf(event)));
      const changed = tally(accepted).map((change): CounterRow => {
        const { tenant, metric, subject, period, birth } = change;
        const row = tables.counters.get(counterKeyText(change)) ?? {
          tenant,
          metric,
          subject,
          period,
          value: 0,
          rev: 0,
          folded: 0,
          state: {},
          trail: [],
          dueSince: 0,
          below: birth.below,
          above: birth.above,
          due: birth.due,
        };
        const way = walk(row.value, change.amounts);
        const { value } = way;
        const rev = row.rev + 1;
        const due = row.due || leavesBand(way, row);
        if (!due) return { ...row, value, rev };
        const { ids, amounts, occurredAts } = change;
        const trail = [...row.trail, { rev, from: row.value, ids, amounts, occurredAts }];
        return { ...row, value, rev, due, trail, dueSince: row.trail.length > 0 ? row.dueSince : ++turn };
      });
      const duplicates = events.flatMap((event, i) => (tables.events.has(idOf(event)) ? [i] : []));

      for (const event of accepted) tables.events.add(idOf(event));
      for (const row of changed) tables.counters.set(counterKeyText(row), row);
      return { stale: [], duplicates, counters: changed.map(stateOf) };
    },

    async get({ keys }) {
      return keys.flatMap((key) => tables.counters.get(counterKeyText(key)) ?? []).map(stateOf);
    },

    async due({ metrics, keys, limit, trailLimit }) {
      const rows =
        keys === undefined
          ? [...tables.counters.values()].sort((a, b) => a.dueSince - b.dueSince)
          : keys.flatMap((key) => tables.counters.get(counterKeyText(key)) ?? []);
      return rows
        .filter((row) => row.due && metrics.includes(row.metric))
        .slice(0, limit)
        .map(
          (row): DueCounter => ({
            ...keyParts(row),
            folded: row.folded,
            state: row.state,
            trail: row.trail.slice(0, trailLimit),
          }),
        );
    },

    async list({ tenant, metric, subject, after, limit }) {
      return [...tables.counters.values()]
        .filter((row) => row.tenant === tenant)
        .filter((row) => (metric ?? row.metric) === row.metric && (subject ?? row.subject) === row.subject)
        .filter((row) => after === undefined || compareCounterKeys(row, { tenant, ...after }) > 0)
        .sort(compareCounterKeys)
        .slice(0, limit)
        .map(stateOf);
    },
  };
}

function keyParts({ tenant, metric, subject, period }: CounterKey): CounterKey {
  return { tenant, metric, subject, period };
}

function stateOf(row: CounterRow): CounterState {
  return { ...keyParts(row), value: row.value, rev: row.rev, due: row.due };
}
