import type { ActRepository, RecordedAct } from "@milepost/core/store";
import type { Database } from "./driver.js";

export function actRepository(database: Database): ActRepository {
  const list = database.statement(
    "acts_list",
    `SELECT a.tenant, a.number, a.entity, a.entity_id AS "entityId", a.act, a.by, a.why, a.at FROM {acts} a
     WHERE a.tenant = $1 AND ($2::text IS NULL OR a.entity = $2) AND ($3::text IS NULL OR a.entity_id = $3)
       AND ($4::text IS NULL OR a.by = $4) AND a.number > $5 ORDER BY a.number LIMIT $6`,
  );
  return {
    list: ({ tenant, entity, entityId, by, after = 0, limit }) =>
      database.run<RecordedAct>(list, [tenant, entity ?? null, entityId ?? null, by ?? null, after, limit]),
  };
}
