import { counterActId, type ParkedCounter, type ParkingRepository } from "@milepost/core/store";
import { keyArrays, sameCounter } from "./counter-key.js";
import type { Database, Value } from "./driver.js";
import { time } from "./values.js";

const columns = `p.tenant, p.metric, p.subject, p.period, p.reason, p.detail, p.attempts,
  p.without_effects AS "withoutEffects", p.since, p.retry_at AS "retryAt"`;
/** A row holds for as long as its counter was not evaluated since. */
const held = `${sameCounter("c", "p")} AND c.folded = p.folded`;
const byKey = "p.tenant = $1 AND p.metric = $2 AND p.subject = $3 AND p.period = $4";

export function parkingRepository(database: Database): ParkingRepository {
  // Locks no counter: one that is evaluated at this moment has another `folded` afterwards.
  const park = database.statement(
    "parked_park",
    `WITH step AS (
       SELECT date_trunc('milliseconds', coalesce($9::timestamptz, clock_timestamp())) AS now
     )
     INSERT INTO {parked} AS p (tenant, metric, subject, period, folded, reason, detail, attempts, since, retry_at)
     SELECT c.tenant, c.metric, c.subject, c.period, c.folded, $6, $7, 1, step.now,
       step.now + $8::float8 * interval '1 millisecond'
     FROM {counters} c, step
     WHERE c.tenant = $1 AND c.metric = $2 AND c.subject = $3 AND c.period = $4 AND c.due AND c.folded = $5
     ON CONFLICT (tenant, metric, subject, period) DO UPDATE SET
       folded = excluded.folded, reason = excluded.reason, detail = excluded.detail, retry_at = excluded.retry_at,
       attempts = CASE WHEN p.folded = excluded.folded THEN p.attempts + 1 ELSE 1 END,
       since = CASE WHEN p.folded = excluded.folded THEN p.since ELSE excluded.since END,
       without_effects = p.without_effects AND p.folded = excluded.folded
     WHERE p.folded <= excluded.folded`,
  );

  const release = database.statement(
    "parked_release",
    `WITH step AS (
       SELECT date_trunc('milliseconds', coalesce($10::timestamptz, clock_timestamp())) AS now
     ), released AS (
       UPDATE {parked} p SET without_effects = $5, retry_at = step.now
       FROM {counters} c, step WHERE ${byKey} AND ${held}
       RETURNING p.tenant
     )
     INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
     SELECT released.tenant, 'counter', $6, $7, $8, $9, step.now FROM released, step
     RETURNING number`,
  );

  const get = database.statement(
    "parked_get",
    `SELECT ${columns}
     FROM (SELECT DISTINCT *
       FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]))
         AS g (tenant, metric, subject, period)) k
     JOIN {parked} p ON ${sameCounter("p", "k")}
     JOIN {counters} c ON ${held}`,
  );

  return {
    async park({ tenant, metric, subject, period, from, reason, detail, retryIn, now }) {
      await database.run(park, [tenant, metric, subject, period, from, reason, detail, retryIn, time(now)]);
    },

    async release({ tenant, metric, subject, period, withoutEffects, by, why, now }) {
      const act = withoutEffects ? "release_without_effects" : "release";
      const about = [counterActId({ tenant, metric, subject, period }), act, by, why];
      const values = [tenant, metric, subject, period, withoutEffects, ...about, time(now)];
      return (await database.run(release, values)).length > 0;
    },

    async get({ keys }) {
      return keys.length === 0 ? [] : database.run<ParkedCounter>(get, keyArrays(keys));
    },

    async list({ tenant, after, limit }) {
      const values: Value[] = [tenant, limit];
      if (after !== undefined) values.push(after.metric, after.subject, after.period);
      const statement = database.statement(
        "parked_list",
        `SELECT ${columns} FROM {parked} p JOIN {counters} c ON ${held}
         WHERE p.tenant = $1 ${after === undefined ? "" : "AND (p.metric, p.subject, p.period) > ($3, $4, $5)"}
         ORDER BY p.metric, p.subject, p.period LIMIT $2`,
      );
      return database.run<ParkedCounter>(statement, values);
    },
  };
}
