import { compareKeys } from "../../text-key.js";
import type { LaneRepository } from "../lane-repository.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryLanes(tables: Tables): LaneRepository {
  return {
    async setPaused({ tenant, notifier, paused, by, why, now = tables.clock() }) {
      const key = keyOf(tenant, notifier);
      const lane = { tenant, notifier, notBefore: tables.lanes.get(key)?.notBefore ?? null, paused };
      tables.lanes.set(key, lane);
      const act = paused ? "pause" : "resume";
      tables.acts.push({ tenant, entity: "lane", entityId: notifier, act, by, why, at: now });
      if (!paused) tables.wakeUps.wake();
      return lane;
    },

    async list({ tenant }) {
      return [...tables.lanes.values()]
        .filter((lane) => lane.tenant === tenant)
        .sort((a, b) => compareKeys(a.notifier, b.notifier));
    },

    async acts({ tenant, entity, entityId }) {
      return tables.acts.filter((a) => a.tenant === tenant && a.entity === entity && a.entityId === entityId);
    },
  };
}
