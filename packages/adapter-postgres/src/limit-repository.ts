import type { Limit, LimitRepository } from "@milepost/core/store";
import { counterLockOrder } from "./counter-key.js";
import type { Database } from "./driver.js";
import { textArray, time } from "./values.js";

const columns = `l.tenant, l.metric, l.subject, l.version, l.amount, l.effective_from AS "effectiveFrom", l.applied, l.by,
  l.why, l.created_at AS "createdAt"`;
const bySubject = "tenant = $1 AND metric = $2 AND subject = $3";

export function limitRepository(database: Database): LimitRepository {
  // The head's row gives out the numbers: the second of two waits for the first.
  const add = database.statement(
    "limits_add",
    `WITH step AS (
       SELECT date_trunc('milliseconds', coalesce($8::timestamptz, clock_timestamp())) AS now
     ), head AS (
       INSERT INTO {limit_heads} AS h (tenant, metric, subject, latest) VALUES ($1, $2, $3, 1)
       ON CONFLICT (tenant, metric, subject) DO UPDATE SET latest = h.latest + 1
       RETURNING latest
     )
     INSERT INTO {limits} AS l (tenant, metric, subject, version, amount, effective_from, by, why, created_at)
     SELECT $1, $2, $3, head.latest, $4, coalesce($5::timestamptz, step.now), $6, $7, step.now FROM head, step
     RETURNING ${columns}`,
  );

  // Before the counters, in a statement of its own: what is locked here, an evaluation holds until its counters are there
  // to be seen by the next statement.
  const lockHead = database.statement(
    "limits_lock_head",
    `UPDATE {limit_heads} SET applied = applied + 1 WHERE ${bySubject}
       AND EXISTS (SELECT FROM {limits} l WHERE l.tenant = $1 AND l.metric = $2 AND l.subject = $3 AND l.version = $4)`,
  );
  const known = database.statement(
    "limits_known",
    "SELECT generation FROM {definitions} WHERE metric = $1 AND generation = $2",
  );
  const take = database.statement(
    "limits_take",
    `UPDATE {limits} SET applied = true WHERE ${bySubject} AND version = $4 AND NOT applied RETURNING version`,
  );
  // One INSERT, so that counters that exist and those that are opened are met in one order.
  const tell = database.statement(
    "limits_tell",
    `WITH told AS (
       SELECT c.tenant, c.metric, c.subject, c.period
       FROM ROWS FROM (unnest($5::text[]), unnest($6::text[])) AS p (period, first)
       JOIN {counters} c ON c.tenant = $1 AND c.metric = $2 AND c.subject = $3
         AND CASE WHEN p.period = 'lifetime' THEN c.period = p.period
           ELSE c.period >= p.first AND c.period < p.period || ';' END
       UNION ALL
       SELECT $1, $2, $3, o.period FROM unnest($8::text[]) AS o (period)
       WHERE NOT EXISTS (
         SELECT FROM {counters} c WHERE c.tenant = $1 AND c.metric = $2 AND c.subject = $3 AND c.period = o.period)
     ), due AS (
       INSERT INTO {counters} AS c (tenant, metric, subject, period, value, rev, due, dip, peak, place, generation)
       SELECT t.tenant, t.metric, t.subject, t.period, 0, 1, true, 0, 0, 0, $9
       FROM told t ORDER BY ${counterLockOrder("t")}
       ON CONFLICT (tenant, metric, subject, period) DO UPDATE SET rev = c.rev + 1, due = true
       RETURNING c.tenant, c.metric, c.subject, c.period, c.rev, c.generation, c.value
     )
     INSERT INTO {trail} (tenant, metric, subject, period, rev, generation, from_value, limit_version, ids, amounts,
       occurred_ats, recorded_at)
     SELECT tenant, metric, subject, period, rev, generation, value, $4, '{}', '{}', '{}',
       coalesce($7::timestamptz, clock_timestamp())
     FROM due RETURNING period, ${database.wakeIfAny("due")} AS woken`,
  );

  const pending = database.statement(
    "limits_pending",
    `SELECT ${columns} FROM {limits} l
     WHERE NOT applied AND effective_from <= coalesce($3::timestamptz, clock_timestamp()) AND metric = ANY ($1::text[])
     ORDER BY effective_from, version LIMIT $2`,
  );

  const of = database.statement(
    "limits_of",
    `SELECT ${columns}
     FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[])) WITH ORDINALITY
       AS s (tenant, metric, subject, position)
     JOIN {limits} l ON l.tenant = s.tenant AND l.metric = s.metric AND l.subject = s.subject
     ORDER BY s.position, l.version`,
  );

  return {
    async add({ tenant, metric, subject, amount, effectiveFrom, by, why, now }) {
      const values = [tenant, metric, subject, amount, time(effectiveFrom), by, why, time(now)];
      const [limit] = await database.run<Limit>(add, values);
      return limit!;
    },

    async apply({ tenant, metric, subject, version, generation, periods, now }) {
      const about = [tenant, metric, subject, version];
      const told = await database.transaction(
        async (run) => {
          await run(lockHead, about);
          if ((await run(known, [metric, generation])).length === 0) return "stale";
          if ((await run(take, about)).length === 0) return undefined;
          const from = [textArray(periods.map(({ period }) => period)), textArray(periods.map(({ from }) => from))];
          const open = textArray(periods.flatMap((each) => each.open ?? []));
          return run<{ period: string }>(tell, [...about, ...from, time(now), open, generation]);
        },
        { kept: (result) => result !== undefined && result !== "stale" },
      );
      return told === "stale" ? told : (told ?? []).map(({ period }) => ({ period }));
    },

    pending: ({ metrics, limit, now }) => database.run<Limit>(pending, [textArray(metrics), limit, time(now)]),

    async of({ subjects }) {
      if (subjects.length === 0) return [];
      const part = (name: "tenant" | "metric" | "subject") => textArray(subjects.map((subject) => subject[name]));
      return database.run<Limit>(of, [part("tenant"), part("metric"), part("subject")]);
    },
  };
}
