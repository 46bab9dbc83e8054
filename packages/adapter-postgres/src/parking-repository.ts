import { counterActId, type ParkedCounter, type ParkingRepository } from "@milepost/core/store";
import { sameCounter } from "./counter-key.js";
import type { Database, Value } from "./driver.js";
import { time } from "./values.js";

/** A row holds for as long as its counter was not evaluated since. */
const held = `${sameCounter("c", "p")} AND c.folded = p.folded`;
const byKey = "p.tenant = $1 AND p.metric = $2 AND p.subject = $3 AND p.period = $4";

export function parkingRepository(database: Database): ParkingRepository {
  // The counter's lock is too weak to hold up who records, and strong enough to wait for an evaluation, after which
  // `folded` is another one, and for who forgets the subject: no row is left behind that nobody looks for any more.
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
     FOR KEY SHARE OF c
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

    async list({ tenant, metric, subject, after, limit }) {
      const values: Value[] = [tenant, limit];
      const where = ["p.tenant = $1"];
      const value = (given: Value) => `$${values.push(given)}`;
      if (metric !== undefined) where.push(`p.metric = ${value(metric)}`);
      if (subject !== undefined) where.push(`p.subject = ${value(subject)}`);
      if (after !== undefined) {
        const key = [after.metric, after.subject, after.period].map(value).join(", ");
        where.push(`(p.metric, p.subject, p.period) > (${key})`);
      }
      const statement = database.statement(
        "parked_list",
        `SELECT p.tenant, p.metric, p.subject, p.period, p.reason, p.detail, p.attempts,
           p.without_effects AS "withoutEffects", p.since, p.retry_at AS "retryAt"
         FROM {parked} p JOIN {counters} c ON ${held}
         WHERE ${where.join(" AND ")}
         ORDER BY p.metric, p.subject, p.period LIMIT $2`,
      );
      return database.run<ParkedCounter>(statement, values);
    },
  };
}
