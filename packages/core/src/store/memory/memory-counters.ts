import { lifetime } from "../../milestone/period.js";
import type {
  CounterKey,
  CounterRepository,
  CounterState,
  DueCounter,
  IdleCounter,
  RecordingRules,
  StoredCounter,
} from "../counter-repository.js";
import {
  type CounterChange,
  compareCounterKeys,
  counterKeyText,
  differences,
  leavesBand,
  tally,
  walk,
} from "../tally.js";
import { type CounterRow, emptyRow, keyOf, markedRow, type Tables } from "./tables.js";

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
        const { generation, bandsSince } = rules[change.metric]!;
        const row = tables.counters.get(counterKeyText(change)) ?? emptyRow(change, change.birth, generation);
        const amounts = added(rules, change, row.value);
        const way = walk(row.value, amounts);
        const { value } = way;
        const rev = row.rev + 1;
        const due = row.due || row.generation < bandsSince || leavesBand(way, row);
        if (!due) return { ...row, value, rev };
        const { ids, occurredAts } = change;
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
        const { tenant, metric, subject, ids, occurredAts } = change;
        const row = changed.find((each) => counterKeyText(each) === counterKeyText(change))!;
        let value = tables.counters.get(counterKeyText(change))?.value ?? 0;
        const amounts = added(rules, change, value);
        const kept = ids.map((id, place) => {
          value += amounts[place]!;
          const effect = { amount: amounts[place]!, occurredAt: occurredAts[place]!, value, rev: row.rev, place };
          return { tenant, metric, subject, id, ...effect };
        });
        tables.retained = [...tables.retained, ...kept];
      }
      for (const row of changed) tables.counters.set(counterKeyText(row), row);
      if (changed.some(({ due, metric }) => due && rules[metric]!.left)) tables.wakeUps.wake();
      return { stale: [], duplicates, counters: changed.map(stateOf) };
    },

    async get({ keys }) {
      return keys.flatMap((key) => tables.counters.get(counterKeyText(key)) ?? []).map(stateOf);
    },

    async read({ keys, trailLimit }) {
      const rows = new Set(keys.flatMap((key) => tables.counters.get(counterKeyText(key)) ?? []));
      return [...rows].map(
        ({ dueSince: _, wakeAt: __, ...row }): StoredCounter => ({ ...row, trail: row.trail.slice(0, trailLimit) }),
      );
    },

    async due({ metrics, keys, limit, trailLimit, now = tables.clock() }) {
      const resting = (row: CounterRow) => (tables.parked.get(counterKeyText(row))?.retryAt ?? now) > now;
      const rows =
        keys === undefined
          ? [...tables.counters.values()].sort((a, b) => a.dueSince - b.dueSince)
          : keys.flatMap((key) => tables.counters.get(counterKeyText(key)) ?? []);
      return rows
        .filter((row) => row.due && metrics.includes(row.metric) && !resting(row))
        .slice(0, limit)
        .map((row): DueCounter => {
          const { folded, generation, state, trail } = row;
          const { attempts = 0, withoutEffects = false } = tables.parked.get(counterKeyText(row)) ?? {};
          return {
            ...{ ...keyParts(row), folded, generation, state, trail: trail.slice(0, trailLimit) },
            ...(tables.parked.has(counterKeyText(row)) && { parked: { attempts, withoutEffects } }),
          };
        });
    },

    async wake({ metrics, subject: about, at, limit, now = tables.clock() }) {
      const until = at ?? now;
      const asleep = [...tables.counters.values()]
        .filter(({ metric, wakeAt }) => wakeAt !== null && wakeAt <= until && metrics.includes(metric))
        .filter((row) => about === undefined || (row.tenant === about.tenant && row.subject === about.subject))
        .sort((a, b) => a.wakeAt!.getTime() - b.wakeAt!.getTime() || compareCounterKeys(a, b))
        .slice(0, limit);
      for (const row of asleep) {
        const marked = markedRow(tables, row, { limitVersion: null, mark: { wokenAt: until.toISOString() } });
        tables.counters.set(counterKeyText(row), { ...marked, wakeAt: null });
      }
      return asleep.map(keyParts);
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

/** What a change adds to a counter at `from`, event by event. */
function added(
  rules: Readonly<Record<string, RecordingRules>>,
  { metric, amounts }: CounterChange,
  from: number,
): readonly number[] {
  return rules[metric]!.gauge ? differences(from, amounts) : amounts;
}

function keyParts({ tenant, metric, subject, period }: CounterKey): CounterKey {
  return { tenant, metric, subject, period };
}

function stateOf(row: CounterRow): CounterState {
  return { ...keyParts(row), value: row.value, rev: row.rev, due: row.due };
}
