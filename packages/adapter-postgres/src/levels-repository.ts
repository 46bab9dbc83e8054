import {
  type CounterKey,
  compareCounterKeys,
  type LevelsOwner,
  type LevelsRepository,
  type StoredLevels,
} from "@milepost/core/store";
import type { Database, Value } from "./driver.js";
import { textArray, time } from "./values.js";

const columns = `l.tenant, l.milestone, l.subject, l.version, l.levels, l.applied, l.by, l.why,
  l.created_at AS "createdAt"`;
const byOwner = "tenant = $1 AND milestone = $2 AND subject = $3";

export function levelsRepository(database: Database): LevelsRepository {
  // The head's row gives out the numbers: the second of two waits for the first.
  const add = database.statement(
    "levels_add",
    `WITH step AS (
       SELECT date_trunc('milliseconds', coalesce($7::timestamptz, clock_timestamp())) AS now
     ), head AS (
       INSERT INTO {levels_heads} AS h (tenant, milestone, subject, latest) VALUES ($1, $2, $3, 1)
       ON CONFLICT (tenant, milestone, subject) DO UPDATE SET latest = h.latest + 1
       RETURNING latest
     )
     INSERT INTO {levels} AS l (tenant, milestone, subject, version, levels, by, why, created_at)
     SELECT $1, $2, $3, head.latest, $4, $5, $6, step.now FROM head, step
     RETURNING ${columns}`,
  );

  // Before the counters, in a statement of its own: what is locked here, an evaluation holds until its counters are there
  // to be seen by the next statement.
  const lockHead = database.statement(
    "levels_lock_head",
    `SELECT latest FROM {levels_heads} WHERE ${byOwner} AND latest >= $4 FOR UPDATE`,
  );
  const take = database.statement(
    "levels_take",
    `WITH taken AS (
       UPDATE {levels} SET applied = true WHERE ${byOwner} AND version = $4 AND NOT applied RETURNING version
     )
     UPDATE {levels_heads} SET applied = applied + 1 WHERE ${byOwner} AND EXISTS (SELECT FROM taken)`,
  );
  // All of one tenant and metric, so the key's order is the one in which everybody locks counters.
  const tellText = (whose: string, after: string): string =>
    `WITH told AS MATERIALIZED (
       SELECT c.subject, c.period FROM {counters} c
       WHERE c.tenant = $1 AND c.metric = $5 ${whose} ${after}
         AND CASE WHEN $6::text = 'lifetime' THEN c.period = $6 ELSE c.period > $6 || ':' AND c.period < $6 || ';' END
       ORDER BY c.subject, c.period LIMIT $7 FOR UPDATE
     ), due AS (
       UPDATE {counters} c SET rev = c.rev + 1, due = true FROM told t
       WHERE c.tenant = $1 AND c.metric = $5 AND c.subject = t.subject AND c.period = t.period
       RETURNING c.tenant, c.metric, c.subject, c.period, c.rev, c.generation, c.value
     )
     INSERT INTO {trail} (tenant, metric, subject, period, rev, generation, from_value, mark, ids, amounts, occurred_ats,
       recorded_at)
     SELECT tenant, metric, subject, period, rev, generation, value,
       jsonb_build_object('levels', jsonb_build_object('milestone', $2::text, 'subject', $3::text, 'version', $4::bigint)),
       '{}', '{}', '{}', coalesce($8::timestamptz, clock_timestamp())
     FROM due RETURNING tenant, metric, subject, period, ${database.wakeIfAny("due")} AS woken`;
  // Written per shape, so that each is a range of the primary key.
  const tell = (ofSubject: boolean, after: CounterKey | undefined) =>
    database.statement(
      "levels_tell",
      tellText(
        ofSubject ? "AND c.subject = $3" : "",
        after === undefined ? "" : `AND (c.subject, c.period) > ($9, $10)`,
      ),
    );
  const told = database.statement(
    "levels_told",
    `UPDATE {levels} SET pending = false WHERE ${byOwner} AND version = $4 AND pending`,
  );

  const pending = database.statement(
    "levels_pending",
    `SELECT ${columns} FROM {levels} l WHERE pending AND milestone = ANY ($1::text[])
     ORDER BY created_at, version LIMIT $2`,
  );

  const of = database.statement(
    "levels_of",
    `SELECT ${columns}
     FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[])) WITH ORDINALITY
       AS o (tenant, milestone, subject, position)
     JOIN {levels} l ON l.tenant = o.tenant AND l.milestone = o.milestone AND l.subject = o.subject
     ORDER BY o.position, l.version`,
  );

  return {
    async add({ tenant, milestone, subject, levels, by, why, now }) {
      const json = levels === null ? null : JSON.stringify(levels);
      const values = [tenant, milestone, subject, json, by, why, time(now)];
      const [stored] = await database.run<StoredLevels>(add, values);
      return stored!;
    },

    async apply({ tenant, milestone, subject, version, metric, period, after, limit, now }) {
      const about: Value[] = [tenant, milestone, subject, version];
      const values = [...about, metric, period, limit, time(now)];
      if (after !== undefined) values.push(after.subject, after.period);
      return database.transaction(async (run) => {
        if ((await run(lockHead, about)).length === 0) return { counters: [], next: null };
        await run(take, about);
        const found = await run<CounterKey>(tell(subject !== "", after), values);
        const keys = found.map(({ subject: of, period: span }) => ({ tenant, metric, subject: of, period: span }));
        const counters = keys.sort(compareCounterKeys);
        if (counters.length === limit) return { counters, next: counters.at(-1)! };
        await run(told, about);
        return { counters, next: null };
      });
    },

    pending: ({ milestones, limit }) => database.run<StoredLevels>(pending, [textArray(milestones), limit]),

    async of({ owners }) {
      if (owners.length === 0) return [];
      const part = (name: keyof LevelsOwner) => textArray(owners.map((owner) => owner[name]));
      return database.run<StoredLevels>(of, [part("tenant"), part("milestone"), part("subject")]);
    },
  };
}
