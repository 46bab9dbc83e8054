import { type Lane, type LaneRepository, withLimits } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { laneColumns, laneLock } from "./gate-lock.js";
import { time } from "./values.js";

export function laneRepository(database: Database): LaneRepository {
  const lockLanes = laneLock(database);

  // A mark holds its lanes FOR SHARE until it commits; this update waits for it, and later marks wait for this one.
  const setPaused = database.statement(
    "lanes_set_paused",
    `WITH act AS (
       INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
       VALUES ($1, 'lane', $2, CASE WHEN $3::boolean THEN 'pause' ELSE 'resume' END, $4, $5,
         date_trunc('milliseconds', coalesce($6::timestamptz, clock_timestamp())))
     )
     INSERT INTO {lanes} AS l (tenant, notifier, paused) VALUES ($1, $2, $3)
     ON CONFLICT (tenant, notifier) DO UPDATE SET paused = excluded.paused
     RETURNING ${laneColumns}, ${database.wakeIfAny("(SELECT 1 WHERE NOT $3::boolean) resumed")} AS woken`,
  );

  const create = database.statement(
    "lanes_create",
    "INSERT INTO {lanes} (tenant, notifier) VALUES ($1, $2) ON CONFLICT DO NOTHING",
  );
  const limit = database.statement(
    "lanes_limit",
    `WITH act AS (
       INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'lane', $2, 'limit', $6, $7, $8)
     )
     UPDATE {lanes} l SET rate = $3, quota = $4, usage = $5, not_before = NULL WHERE l.tenant = $1 AND l.notifier = $2
     RETURNING ${database.wakeIfAny("(SELECT 1) opened")} AS woken`,
  );

  const list = database.statement(
    "lanes_list",
    `SELECT ${laneColumns} FROM {lanes} l WHERE l.tenant = $1 ORDER BY l.notifier`,
  );

  return {
    async setPaused({ tenant, notifier, paused, by, why, now }) {
      type Row = Lane & { readonly woken: unknown };
      const [row] = await database.run<Row>(setPaused, [tenant, notifier, paused, by, why, time(now)]);
      const { woken: _, ...lane } = row!;
      return lane;
    },

    limit: ({ tenant, notifier, rate, quota, by, why, now }) =>
      database.transaction(async (run) => {
        await run(create, [tenant, notifier]);
        const lanes = await lockLanes(run, [{ tenant, notifier }], now);
        const lane = withLimits(lanes.of({ tenant, notifier }), { rate, quota });
        const json = (value: object | null) => (value === null ? null : JSON.stringify(value));
        const limits = [json(lane.rate), json(lane.quota), json(lane.usage)];
        await run(limit, [tenant, notifier, ...limits, by, why, time(lanes.now)]);
        return lane;
      }),

    list: ({ tenant }) => database.run<Lane>(list, [tenant]),
  };
}
