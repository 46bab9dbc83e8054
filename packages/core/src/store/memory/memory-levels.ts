import { periodOf } from "../../milestone/period.js";
import type { LevelsOwner, LevelsRepository, StoredLevels } from "../levels-repository.js";
import { compareCounterKeys, counterKeyText } from "../tally.js";
import { keyOf, markedRow, type Tables } from "./tables.js";

/** How many versions of an owner's levels evaluations measure against. */
export function appliedLevels(tables: Tables, owner: LevelsOwner): number {
  return (tables.levels.get(ownerKey(owner)) ?? []).filter(({ applied }) => applied).length;
}

export function memoryLevels(tables: Tables): LevelsRepository {
  return {
    async add({ tenant, milestone, subject, levels, by, why, now = tables.clock() }) {
      const key = ownerKey({ tenant, milestone, subject });
      const before = tables.levels.get(key) ?? [];
      const version = before.length + 1;
      const stored = { tenant, milestone, subject, version, levels, applied: false, by, why, createdAt: now };
      tables.levels.set(key, [...before, { ...stored, pending: true }]);
      return stored;
    },

    async apply({ tenant, milestone, subject, version, metric, period, after, limit }) {
      const key = ownerKey({ tenant, milestone, subject });
      const versions = tables.levels.get(key) ?? [];
      if (versions[version - 1] === undefined) return { counters: [], next: null };
      const found = [...tables.counters.values()]
        .filter((row) => row.tenant === tenant && row.metric === metric && periodOf(row.period) === period)
        .filter((row) => subject === "" || row.subject === subject)
        .filter((row) => after === undefined || compareCounterKeys(row, after) > 0)
        .sort(compareCounterKeys)
        .slice(0, limit);
      const mark = { levels: { milestone, subject, version } };
      for (const row of found) {
        tables.counters.set(counterKeyText(row), markedRow(tables, row, { limitVersion: null, mark }));
      }
      if (found.length > 0) tables.wakeUps.wake();
      const more = found.length === limit;
      const told = versions.map((each) =>
        each.version === version ? { ...each, applied: true, pending: each.pending && more } : each,
      );
      tables.levels.set(key, told);
      const counters = found.map(({ subject: of, period: span }) => ({ tenant, metric, subject: of, period: span }));
      return { counters, next: more ? counters.at(-1)! : null };
    },

    async pending({ milestones, limit }) {
      return [...tables.levels.values()]
        .flat()
        .filter(({ milestone, pending }) => pending && milestones.includes(milestone))
        .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || a.version - b.version)
        .slice(0, limit)
        .map(storedOf);
    },

    of: async ({ owners }) => owners.flatMap((owner) => tables.levels.get(ownerKey(owner)) ?? []).map(storedOf),
  };
}

function ownerKey({ tenant, milestone, subject }: LevelsOwner): string {
  return keyOf(tenant, milestone, subject);
}

function storedOf({ pending: _, ...stored }: StoredLevels & { readonly pending: boolean }): StoredLevels {
  return stored;
}
