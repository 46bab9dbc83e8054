import {
  birthReason,
  type ClaimedCrossing,
  type Crossing,
  type CrossingRepository,
  counterKeyText,
  type ReasonCount,
} from "@milepost/core/store";
import { announceStep } from "./announce.js";
import { runBatch } from "./batch.js";
import { counterLockOrder } from "./counter-add.js";
import type { Database, Value } from "./driver.js";
import { textArray, time } from "./values.js";

const columns = `c.tenant, c.id, c.milestone, c.metric, c.subject, c.period, c.threshold,
  c.limit_version AS "limitVersion", c.arming, c.at, c.direction, c.code, c.severity,
  c.limit_amount AS "limitAmount", c.skipped, c.previous, c.value, c.event_id AS "eventId",
  c.reached_at AS "reachedAt", c.state, c.reason, c.detail, c.notifications, c.attempts, c.created_at AS "createdAt"`;

const commit = `
WITH step AS (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
), evaluation AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1) AS e (n integer, tenant text, metric text, subject text, period text,
    generation bigint, reached bigint, rev bigint, "from" bigint, "upTo" bigint, "limitsSeen" bigint, witness jsonb, band jsonb, state jsonb, crossings jsonb)
), seen AS MATERIALIZED (
  -- Looked at again as it is now if another step has it, so what was applied meanwhile makes this one lost.
  SELECT e.n FROM evaluation e
  JOIN {limit_heads} h ON h.tenant = e.tenant AND h.metric = e.metric AND h.subject = e.subject
  WHERE h.applied = e."limitsSeen"
  ORDER BY h.tenant COLLATE "C", h.metric COLLATE "C", h.subject COLLATE "C" FOR SHARE OF h
), locked AS MATERIALIZED (
  -- In the order in which add() locks them. A row that changed since the snapshot is looked at again as it is now, so
  -- another evaluation's commit makes this one lost, and so does an add() where a rev is given.
  SELECT e.* FROM evaluation e
  JOIN {definitions} d ON d.metric = e.metric AND d.generation = e.generation
  JOIN {counters} c ON c.tenant = e.tenant AND c.metric = e.metric AND c.subject = e.subject AND c.period = e.period
  WHERE (e."limitsSeen" IS NULL OR e.n IN (SELECT n FROM seen))
    AND (e.witness IS NULL OR EXISTS (
      SELECT FROM {trail} t WHERE t.tenant = c.tenant AND t.metric = c.metric AND t.subject = c.subject
        AND t.period = c.period AND t.rev = (e.witness ->> 'rev'::text)::bigint
        AND t.ids[cardinality(t.ids)] = e.witness ->> 'id'::text))
    AND c.folded = e."from" AND (e.rev IS NULL OR (c.rev = e.rev AND c.generation < e.reached))
  ORDER BY ${counterLockOrder("c")}
  FOR UPDATE OF c
), committed AS (
  -- c is the newest version here too, so an add() that committed after the snapshot was taken keeps the counter due.
  UPDATE {counters} c SET folded = e."upTo", due = c.rev > e."upTo", generation = e.reached, state = e.state,
    below = (e.band ->> 'below'::text)::bigint, above = (e.band ->> 'above'::text)::bigint
  FROM locked e
  WHERE c.tenant = e.tenant AND c.metric = e.metric AND c.subject = e.subject AND c.period = e.period
  RETURNING e.n, e.tenant, e.metric, e.subject, e.period, e."upTo", e.crossings
), folded AS (
  DELETE FROM {trail} t USING committed e
  WHERE t.tenant = e.tenant AND t.metric = e.metric AND t.subject = e.subject AND t.period = e.period
    AND t.rev <= e."upTo"
), stored AS (
  INSERT INTO {crossings} (tenant, id, milestone, metric, subject, period, threshold, limit_version, arming, at,
    direction, code, severity, limit_amount, skipped, previous, value, event_id, reached_at, state, reason, not_before, created_at)
  SELECT x.tenant, x.id, x.milestone, x.metric, x.subject, x.period, x.threshold, x."limitVersion", x.arming, x.at,
    x.direction, x.code, x.severity, x."limitAmount", x.skipped, x.previous, x.value, x."eventId", x."reachedAt", x.state, x.reason, step.now, step.now
  FROM committed e, step, jsonb_to_recordset(e.crossings) AS x (tenant text, id text, milestone text, metric text,
    subject text, period text, threshold text, "limitVersion" bigint, arming bigint, at bigint, direction text,
    code text, severity text, "limitAmount" bigint, skipped bigint, previous bigint, value bigint, "eventId" text, "reachedAt" timestamptz, state text, reason text)
  ORDER BY x.tenant COLLATE "C", x.milestone COLLATE "C", x.subject COLLATE "C", x.period COLLATE "C",
    x.threshold COLLATE "C", x."limitVersion", x.arming
  ON CONFLICT DO NOTHING
)
SELECT n FROM committed`;

// Two branches, each with its own partial index. Both may lock up to the limit; what is not taken is free at the commit.
const claim = `
WITH step AS (
  SELECT date_trunc('milliseconds', coalesce($4::timestamptz, clock_timestamp())) AS now
), waiting AS (
  SELECT c.tenant, c.id, c.not_before FROM {crossings} c
  WHERE c.state = 'pending' AND c.not_before <= (SELECT now FROM step) AND c.milestone = ANY ($1::text[])
  ORDER BY c.not_before, c.id LIMIT $2 FOR UPDATE SKIP LOCKED
), abandoned AS (
  SELECT c.tenant, c.id, c.not_before FROM {crossings} c
  WHERE c.state = 'leased' AND c.lease_until <= (SELECT now FROM step) AND c.milestone = ANY ($1::text[])
  ORDER BY c.not_before, c.id LIMIT $2 FOR UPDATE SKIP LOCKED
), ready AS (
  SELECT * FROM (SELECT * FROM waiting UNION ALL SELECT * FROM abandoned) r ORDER BY not_before, id LIMIT $2
), claimed AS (
  UPDATE {crossings} c SET state = 'leased', fence = c.fence + 1, attempts = c.attempts + 1,
    lease_until = (SELECT now FROM step) + $3::float8 * interval '1 millisecond'
  FROM ready r WHERE c.tenant = r.tenant AND c.id = r.id
  RETURNING c.*
)
SELECT ${columns}, c.fence FROM claimed c ORDER BY c.not_before, c.id`;

const release = `
UPDATE {crossings} SET state = $4, lease_until = NULL, detail = $8,
  reason = CASE WHEN $4 = 'failed' THEN $7 END, attempts = attempts - CASE WHEN $6 THEN 1 ELSE 0 END,
  not_before = date_trunc('milliseconds', coalesce($9::timestamptz, clock_timestamp()))
    + $5::float8 * interval '1 millisecond'
WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'leased'
RETURNING id`;

export function crossingRepository(database: Database): CrossingRepository {
  const commitStatement = database.statement("crossings_commit", commit);
  const claimStatement = database.statement("crossings_claim", claim);
  const releaseStatement = database.statement("crossings_release", release);

  return {
    async commitEvaluation({ evaluations, now }) {
      const items = evaluations.map((evaluation) => ({
        ...evaluation,
        crossings: evaluation.crossings.map((crossing) => ({
          ...crossing,
          reachedAt: time(crossing.reachedAt),
          reason: birthReason(crossing.state),
        })),
      }));
      const committed = await runBatch(database, commitStatement, items, counterKeyText, [time(now)]);
      return evaluations.map((_, n) => (committed.has(n) ? "committed" : "lost"));
    },

    claim: ({ milestones, limit, lease, now }) =>
      database.run<ClaimedCrossing>(claimStatement, [textArray(milestones), limit, lease, time(now)]),

    announce: announceStep(database),

    async release({ tenant, id, fence, to, retryIn, refund, reason, detail, now }) {
      const values = [tenant, id, fence, to, retryIn, refund, reason, detail, time(now)];
      return (await database.run(releaseStatement, values)).length > 0;
    },

    async list({ tenant, subject, milestone, metric, period, ids, eventIds, states, after, limit }) {
      const values: Value[] = [tenant, limit];
      const where = ["c.tenant = $1"];
      const value = (given: Value) => `$${values.push(given)}`;
      if (subject !== undefined) where.push(`c.subject = ${value(subject)}`);
      if (milestone !== undefined) where.push(`c.milestone = ${value(milestone)}`);
      if (metric !== undefined) where.push(`c.metric = ${value(metric)}`);
      if (period !== undefined) where.push(`c.period = ${value(period)}`);
      if (ids !== undefined) where.push(`c.id = ANY (${value(textArray(ids))}::text[])`);
      if (eventIds !== undefined) where.push(`c.event_id = ANY (${value(textArray(eventIds))}::text[])`);
      if (states !== undefined) where.push(`c.state = ANY (${value(textArray(states))}::text[])`);
      if (after !== undefined) where.push(`c.id > ${value(after)}`);
      const statement = database.statement(
        "crossings_list",
        `SELECT ${columns} FROM {crossings} c WHERE ${where.join(" AND ")} ORDER BY c.id LIMIT $2`,
      );
      return database.run<Crossing>(statement, values);
    },

    async reasons({ tenant, milestone, since, until }) {
      const values: Value[] = [tenant];
      const where = ["tenant = $1", "reason IS NOT NULL"];
      const value = (given: Value) => `$${values.push(given)}`;
      if (milestone !== undefined) where.push(`milestone = ${value(milestone)}`);
      if (since !== undefined) where.push(`created_at >= ${value(time(since))}::timestamptz`);
      if (until !== undefined) where.push(`created_at < ${value(time(until))}::timestamptz`);
      const statement = database.statement(
        "crossings_reasons",
        `SELECT reason, count(*) AS count FROM {crossings} WHERE ${where.join(" AND ")}
         GROUP BY reason ORDER BY reason COLLATE "C"`,
      );
      return database.run<ReasonCount>(statement, values);
    },
  };
}
