import { lifetime } from "../../milestone/period.js";
import type {
  CounterKey,
  CounterRepository,
  CounterState,
  DueCounter,
  IdleCounter,
  StoredCounter,
} from "../counter-repository.js";
import { compareCounterKeys, counterKeyText, leavesBand, tally, walk } from "../tally.js";
import { type CounterRow, keyOf, type Tables } from "./tables.js";

export function memoryCounters(tables: Tables): CounterRepository {
  return {
    async add({ events, rules }) {
      const stale = Object.keys(rules).filter(
        (metric) => tables.definitions.get(metric)?.generation !== rules[metric]!.generation,
      );
      if (stale.length > 0) return { stale, duplicates: [], counters: [] };

      const idOf = (event: { tenant: string; metric: string; id: string }) =>
        keyOf(event.tenant, event.metric, event.id);
      const accepted = events.filter((event) => !tables.events.has(idOf(event)));
      const changed = tally(accepted).map((change): CounterRow => {
        const { tenant, metric, subject, period, birth } = change;
        const { generation, bandsSince } = rules[metric]!;
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
          generation,
        };
        const way = walk(row.value, change.amounts);
        const { value } = way;
        const rev = row.rev + 1;
        const due = row.due || row.generation < bandsSince || leavesBand(way, row);
        if (!due) return { ...row, value, rev };
        const { ids, amounts, occurredAts } = change;
        const trail = [
          ...row.trail,
          { rev, generation, from: row.value, limitVersion: null, ids, amounts, occurredAts },
        ];
        return { ...row, value, rev, due, trail, dueSince: row.trail.length > 0 ? row.dueSince : tables.turn() };
      });
      const duplicates = events.flatMap((event, i) => (tables.events.has(idOf(event)) ? [i] : []));

      for (const event of accepted) {
        const { metric, occurredAt } = event;
        tables.events.set(idOf(event), { metric, occurredAt: rules[metric]!.purged ? occurredAt : null });
      }
      const retained = accepted.filter(({ metric }) => rules[metric]!.retain === "events");
      for (const change of tally(retained).filter(({ period }) => period === lifetime)) {
        const { tenant, metric, subject, ids, amounts, occurredAts } = change;
        const row = changed.find((each) => counterKeyText(each) === counterKeyText(change))!;
        let value = tables.counters.get(counterKeyText(change))?.value ?? 0;
        const kept = ids.map((id, place) => {
          value += amounts[place]!;
          const effect = { amount: amounts[place]!, occurredAt: occurredAts[place]!, value, rev: row.rev, place };
          return { tenant, metric, subject, id, ...effect };
        });
        tables.retained = [...tables.retained, ...kept];
      }
      for (const row of changed) tables.counters.set(counterKeyText(row), row);
      return { stale: [], duplicates, counters: changed.map(stateOf) };
    },

    async get({ keys }) {
      return keys.flatMap((key) => tables.counters.get(counterKeyText(key)) ?? []).map(stateOf);
    },

    async read({ keys, trailLimit }) {
      const rows = new Set(keys.flatMap((key) => tables.counters.get(counterKeyText(key)) ?? []));
      return [...rows].map(
        ({ dueSince: _, ...row }): StoredCounter => ({ ...row, trail: row.trail.slice(0, trailLimit) }),
      );
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
            generation: row.generation,
            state: row.state,
            trail: row.trail.slice(0, trailLimit),
          }),
        );
    },

    async idle({ metric, generation, after, limit }) {
      const looked = [...tables.counters.values()]
        .filter((row) => row.metric === metric && (after === undefined || compareCounterKeys(row, after) > 0))
        .sort(compareCounterKeys)
        .slice(0, limit);
      const counters = looked
        .filter((row) => !row.due && row.generation < generation)
        .map(({ value, rev, folded, generation: reached, state, ...row }): IdleCounter => {
          return { ...keyParts(row), value, rev, folded, generation: reached, state };
        });
      return { counters, next: looked.length === limit ? keyParts(looked.at(-1)!) : null };
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
