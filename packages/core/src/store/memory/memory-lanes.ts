import { withLimits } from "../../delivery/gate.js";
import { openLane } from "../../delivery/lane.js";
import { compareKeys } from "../../text-key.js";
import type { LaneRepository } from "../lane-repository.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryLanes(tables: Tables): LaneRepository {
  const laneOf = (tenant: string, notifier: string) =>
    tables.lanes.get(keyOf(tenant, notifier)) ?? openLane(tenant, notifier);
  return {
    async setPaused({ tenant, notifier, paused, by, why, now = tables.clock() }) {
      const lane = { ...laneOf(tenant, notifier), paused };
      tables.lanes.set(keyOf(tenant, notifier), lane);
      const act = paused ? "pause" : "resume";
      tables.acts.push({ tenant, entity: "lane", entityId: notifier, act, by, why, at: now });
      if (!paused) tables.wakeUps.wake();
      return lane;
    },

    async limit({ tenant, notifier, rate, quota, by, why, now = tables.clock() }) {
      const lane = withLimits(laneOf(tenant, notifier), { rate, quota });
      tables.lanes.set(keyOf(tenant, notifier), lane);
      tables.acts.push({ tenant, entity: "lane", entityId: notifier, act: "limit", by, why, at: now });
      tables.wakeUps.wake();
      return lane;
    },

    async list({ tenant }) {
      return [...tables.lanes.values()]
        .filter((lane) => lane.tenant === tenant)
        .sort((a, b) => compareKeys(a.notifier, b.notifier));
    },
  };
}
