import type { EventRepository, RetainedEvent } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { textArray, time } from "./values.js";

/**
 * The oldest first, by the index on (metric, occurred_at). Rows are taken by ctid, which holds because neither table's
 * rows are ever updated: joined by their key instead, the plan for any limit may read the whole table to find them.
 * Rows that another purge has are left to it.
 */
const oldest = (table: string): string => `
  DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ${table} WHERE metric = $1 AND occurred_at < (SELECT before FROM step)
      AND EXISTS (SELECT FROM {definitions} d WHERE d.metric = $1 AND d.generation = $5)
    ORDER BY occurred_at LIMIT $3 FOR UPDATE SKIP LOCKED
  )) RETURNING 1`;

export function eventRepository(database: Database): EventRepository {
  const list = database.statement(
    "events_list",
    // Revs begin with 1, so every event is after (0, 0).
    `SELECT tenant, metric, id, subject, amount, occurred_at AS "occurredAt", value, rev, place FROM {retained_events}
     WHERE tenant = $1 AND metric = $2 AND subject = $3 AND (rev, place) > ($4, $5)
     ORDER BY rev, place LIMIT $6`,
  );

  const known = database.statement(
    "events_known",
    "SELECT id FROM {events} WHERE tenant = $1 AND metric = $2 AND id = ANY ($3::text[])",
  );

  const purge = database.statement(
    "events_purge",
    `WITH step AS MATERIALIZED (
       -- 3,170 years, beyond which Postgres' own times end soon
       SELECT date_trunc('milliseconds', coalesce($4::timestamptz, clock_timestamp()))
         - least($2::float8, float8 '1e14') * interval '1 millisecond' AS before
     ), ids AS (${oldest("{events}")}
     ), retained AS (${oldest("{retained_events}")}
     )
     SELECT greatest((SELECT count(*) FROM ids), (SELECT count(*) FROM retained)) AS count`,
  );

  return {
    list: ({ tenant, metric, subject, after, limit }) =>
      database.run<RetainedEvent>(list, [tenant, metric, subject, after?.rev ?? 0, after?.place ?? 0, limit]),

    async known({ tenant, metric, ids }) {
      if (ids.length === 0) return [];
      const rows = await database.run<{ readonly id: string }>(known, [tenant, metric, textArray(ids)]);
      return rows.map(({ id }) => id);
    },

    async purge({ metric, generation, age, limit, now }) {
      const [row] = await database.run<{ count: number }>(purge, [metric, age, limit, time(now), generation]);
      return row!.count;
    },
  };
}
