import type { Act, Lane, LaneRepository } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { time } from "./values.js";

export function laneRepository(database: Database): LaneRepository {
  const columns = `tenant, notifier, paused, not_before AS "notBefore"`;

  // A mark holds its lanes FOR SHARE until it commits; this update waits for it, and later marks wait for this one.
  const setPaused = database.statement(
    "lanes_set_paused",
    `WITH act AS (
       INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
       VALUES ($1, 'lane', $2, CASE WHEN $3::boolean THEN 'pause' ELSE 'resume' END, $4, $5,
         date_trunc('milliseconds', coalesce($6::timestamptz, clock_timestamp())))
     )
     INSERT INTO {lanes} (tenant, notifier, paused) VALUES ($1, $2, $3)
     ON CONFLICT (tenant, notifier) DO UPDATE SET paused = excluded.paused
     RETURNING ${columns}, ${database.wakeIfAny("(SELECT 1 WHERE NOT $3::boolean) resumed")} AS woken`,
  );

  const list = database.statement("lanes_list", `SELECT ${columns} FROM {lanes} WHERE tenant = $1 ORDER BY notifier`);

  const acts = database.statement(
    "lanes_acts",
    `SELECT tenant, entity, entity_id AS "entityId", act, by, why, at FROM {acts}
     WHERE tenant = $1 AND entity = $2 AND entity_id = $3 ORDER BY number`,
  );

  return {
    async setPaused({ tenant, notifier, paused, by, why, now }) {
      type Row = Lane & { readonly woken: unknown };
      const [row] = await database.run<Row>(setPaused, [tenant, notifier, paused, by, why, time(now)]);
      const { woken: _, ...lane } = row!;
      return lane;
    },

    list: ({ tenant }) => database.run<Lane>(list, [tenant]),

    acts: ({ tenant, entity, entityId }) => database.run<Act>(acts, [tenant, entity, entityId]),
  };
}
