import type { ParkingRepository } from "../parking-repository.js";
import { compareCounterKeys, counterActId, counterKeyText } from "../tally.js";
import { later, type Tables } from "./tables.js";

export function memoryParking(tables: Tables): ParkingRepository {
  return {
    async park({ from, reason, detail, retryIn, now = tables.clock(), ...key }) {
      const row = tables.counters.get(counterKeyText(key));
      if (row?.due !== true || row.folded !== from) return;
      const before = tables.parked.get(counterKeyText(key));
      const { since, withoutEffects } = before ?? { since: now, withoutEffects: false };
      const attempts = (before?.attempts ?? 0) + 1;
      const parked = { ...key, reason, detail, attempts, withoutEffects, since, retryAt: later(now, retryIn) };
      tables.parked.set(counterKeyText(key), parked);
    },

    async release({ withoutEffects, by, why, now = tables.clock(), ...key }) {
      const parked = tables.parked.get(counterKeyText(key));
      if (parked === undefined) return false;
      tables.parked.set(counterKeyText(key), { ...parked, withoutEffects, retryAt: now });
      const act = withoutEffects ? "release_without_effects" : "release";
      const about = { entity: "counter", entityId: counterActId(key), act };
      tables.acts.push({ tenant: key.tenant, ...about, by, why, at: now });
      return true;
    },

    async list({ tenant, metric, subject, after, limit }) {
      return [...tables.parked.values()]
        .filter((row) => row.tenant === tenant)
        .filter((row) => (metric ?? row.metric) === row.metric && (subject ?? row.subject) === row.subject)
        .filter((row) => after === undefined || compareCounterKeys(row, { tenant, ...after }) > 0)
        .sort(compareCounterKeys)
        .slice(0, limit);
    },
  };
}
