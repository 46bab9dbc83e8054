import { lifetime, periodOf } from "../../milestone/period.js";
import type { LimitRepository, LimitSubject } from "../limit-repository.js";
import { counterKeyText } from "../tally.js";
import { emptyRow, keyOf, markedRow, type Tables } from "./tables.js";

export function limitsOf(
  tables: Tables,
  { tenant, metric, subject }: LimitSubject,
): ReturnType<Tables["limits"]["get"]> {
  return tables.limits.get(keyOf(tenant, metric, subject));
}

export function memoryLimits(tables: Tables): LimitRepository {
  return {
    async add({ tenant, metric, subject, amount, effectiveFrom, by, why, now = tables.clock() }) {
      const about = { tenant, metric, subject };
      const before = limitsOf(tables, about) ?? [];
      const version = before.length + 1;
      const limit = {
        ...about,
        version,
        amount,
        effectiveFrom: effectiveFrom ?? now,
        applied: false,
        by,
        why,
        createdAt: now,
      };
      tables.limits.set(keyOf(tenant, metric, subject), [...before, limit]);
      return limit;
    },

    async apply({ tenant, metric, subject, version, generation, periods }) {
      if (tables.definitions.get(metric)?.generation !== generation) return "stale";
      const about = { tenant, metric, subject };
      const versions = limitsOf(tables, about) ?? [];
      if (versions[version - 1]?.applied !== false) return [];
      const told = versions.map((limit) => (limit.version === version ? { ...limit, applied: true } : limit));
      tables.limits.set(keyOf(tenant, metric, subject), told);
      for (const { open } of periods) {
        if (open === undefined) continue;
        const key = { ...about, period: open };
        if (tables.counters.has(counterKeyText(key))) continue;
        const birth = { below: null, above: null, due: true };
        tables.counters.set(counterKeyText(key), emptyRow(key, birth, generation));
      }
      const found = [...tables.counters].filter(([, row]) => {
        if (row.tenant !== tenant || row.metric !== metric || row.subject !== subject) return false;
        return periods.some(
          ({ period, from }) => periodOf(row.period) === period && (period === lifetime || row.period >= from),
        );
      });
      for (const [key, row] of found) {
        tables.counters.set(key, markedRow(tables, row, { limitVersion: version }));
      }
      if (found.length > 0) tables.wakeUps.wake();
      return found.map(([, { period }]) => ({ period }));
    },

    async pending({ metrics, limit, now = tables.clock() }) {
      return [...tables.limits.values()]
        .flat()
        .filter(({ metric, applied, effectiveFrom }) => !applied && effectiveFrom <= now && metrics.includes(metric))
        .sort((a, b) => a.effectiveFrom.getTime() - b.effectiveFrom.getTime() || a.version - b.version)
        .slice(0, limit);
    },

    of: async ({ subjects }) => subjects.flatMap((subject) => limitsOf(tables, subject) ?? []),
  };
}
