import { type Lane, type LaneRepository, openLane, withLimits } from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import type { Driver, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const laneCodec: RowCodec<Lane> = rowCodec<Lane>({
  tenant: "plain",
  notifier: "plain",
  paused: "flag",
  notBefore: "time",
  rate: "json",
  quota: "json",
  usage: "json",
});

export function laneRepository(driver: Driver): LaneRepository {
  return {
    setPaused({ tenant, notifier, paused, by, why, now }) {
      // BEGIN IMMEDIATE is what makes a pause wait for marks; Postgres locks the lane's row.
      return driver.write((step) => {
        const row = step.one(
          "INSERT INTO {lanes} (tenant, notifier, paused) VALUES (?, ?, ?) " +
            "ON CONFLICT (tenant, notifier) DO UPDATE SET paused = excluded.paused RETURNING *",
          ...[tenant, notifier, paused ? 1 : 0],
        );
        const act = paused ? "pause" : "resume";
        insertAct(step, { tenant, entity: "lane", entityId: notifier, act, by, why, at: step.now(now) });
        return laneCodec.decode(row);
      });
    },

    limit({ tenant, notifier, rate, quota, by, why, now }) {
      return driver.write((step) => {
        const lane = withLimits(findLane(step, tenant, notifier), { rate, quota });
        storeLane(step, lane);
        insertAct(step, { tenant, entity: "lane", entityId: notifier, act: "limit", by, why, at: step.now(now) });
        return lane;
      });
    },

    list({ tenant }) {
      return driver.read((step) =>
        step.all("SELECT * FROM {lanes} WHERE tenant = ? ORDER BY notifier", tenant).map(laneCodec.decode),
      );
    },
  };
}

/** A lane that has no row yet is open. */
export function findLane(step: Step, tenant: string, notifier: string): Lane {
  const row = step.get("SELECT * FROM {lanes} WHERE tenant = ? AND notifier = ?", tenant, notifier);
  return row === undefined ? openLane(tenant, notifier) : laneCodec.decode(row);
}

export function storeLane(step: Step, lane: Lane): void {
  step.run(
    `INSERT INTO {lanes} (${laneCodec.columns}) VALUES (${laneCodec.marks})
      ON CONFLICT (tenant, notifier) DO UPDATE SET paused = excluded.paused, not_before = excluded.not_before,
        rate = excluded.rate, quota = excluded.quota, usage = excluded.usage`,
    ...laneCodec.values(lane),
  );
}
