import {
  newCampaign,
  putMove,
  type Recurrence,
  type RecurrenceKey,
  type RecurrenceRepository,
  recurrenceNotFound,
  type Skip,
} from "@milepost/core/store";
import { campaignInsert } from "./campaign-repository.js";
import type { Database, Run } from "./driver.js";
import { textArray, time } from "./values.js";

const columns = `r.tenant, r.id, r.state, r.code, r.definition, r.cron, r.zone, r.otherwise, r.catch_up AS "catchUp",
  r.next_at AS "nextAt", r.last, r.created_at AS "createdAt"`;

const clock = (parameter: string) =>
  `date_trunc('milliseconds', coalesce(${parameter}::timestamptz, clock_timestamp()))`;

// Two that store the same one for the first time wait for each other here, where there is no row to lock yet.
const lockText = `
WITH waited AS MATERIALIZED (
  SELECT pg_advisory_xact_lock(hashtextextended($1 || ':' || $2, 16))
), found AS MATERIALIZED (
  SELECT r.* FROM waited, {recurrences} r WHERE r.tenant = $1 AND r.id = $2
)
SELECT ${columns}, ${clock("$3")} AS now FROM waited LEFT JOIN found r ON true`;

const storeText = `
INSERT INTO {recurrences} AS r (tenant, id, state, code, definition, cron, zone, otherwise, catch_up, next_at, last, created_at)
SELECT p.tenant, p.id, p.state, p.code, p.definition, p.cron, p.zone, p.otherwise, p."catchUp", p."nextAt", p.last, p."createdAt"
FROM jsonb_to_record($1) AS p (tenant text, id text, state text, code text, definition jsonb, cron text, zone text,
  otherwise text, "catchUp" bigint, "nextAt" timestamptz, last text, "createdAt" timestamptz)
ON CONFLICT (tenant, id) DO UPDATE SET state = excluded.state, code = excluded.code, definition = excluded.definition,
  cron = excluded.cron, zone = excluded.zone, otherwise = excluded.otherwise, catch_up = excluded.catch_up,
  next_at = excluded.next_at, last = excluded.last
RETURNING ${columns}`;

const dueText = `
SELECT ${columns} FROM {recurrences} r
WHERE r.state = 'active' AND r.next_at IS NOT NULL AND r.next_at <= $3 AND (r.code = '' OR r.code = ANY ($1::text[]))
ORDER BY r.next_at, r.tenant, r.id LIMIT $2`;

const occurText = (woken: string) => `
WITH locked AS MATERIALIZED (
  SELECT r.tenant, r.id FROM {recurrences} r
  WHERE r.tenant = $1 AND r.id = $2 AND r.state = 'active' AND r.next_at = $3 FOR UPDATE
), ${campaignInsert({ campaign: "$4", by: "$5", why: "$6", now: "$7", from: "locked l" })}, skip AS (
  INSERT INTO {recurrence_skips} (tenant, recurrence, occurrence, at, reason)
  SELECT l.tenant, l.id, s.occurrence, s.at, s.reason FROM locked l,
    jsonb_to_recordset($8) AS s (occurrence text, at timestamptz, reason text)
  ON CONFLICT DO NOTHING
)
UPDATE {recurrences} r SET next_at = $9::timestamptz, last = $10 FROM locked l
WHERE r.tenant = l.tenant AND r.id = l.id
RETURNING ${woken}`;

export function recurrenceRepository(database: Database): RecurrenceRepository {
  const lock = database.statement("recurrences_lock", lockText);
  const store = database.statement("recurrences_store", storeText);
  const get = database.statement(
    "recurrences_get",
    `SELECT ${columns} FROM {recurrences} r WHERE r.tenant = $1 AND r.id = $2`,
  );
  const list = database.statement(
    "recurrences_list",
    `SELECT ${columns} FROM {recurrences} r WHERE r.tenant = $1 AND ($2::text IS NULL OR r.id > $2) ORDER BY r.id LIMIT $3`,
  );
  const act = database.statement(
    "recurrences_act",
    "INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'recurrence', $2, $3, $4, $5, $6)",
  );
  const remove = database.statement(
    "recurrences_remove",
    `WITH removed AS (DELETE FROM {recurrences} r WHERE r.tenant = $1 AND r.id = $2 RETURNING r.tenant, r.id)
     INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
     SELECT x.tenant, 'recurrence', x.id, 'remove', $3, $4, ${clock("$5")} FROM removed x RETURNING 1`,
  );
  const time_ = database.statement("recurrences_clock", `SELECT ${clock("$1")} AS now`);
  const due = database.statement("recurrences_due", dueText);
  const occur = database.statement("recurrences_occur", occurText(database.wakeIfAny("created")));
  const skips = database.statement(
    "recurrences_skips",
    `SELECT s.occurrence, s.at, s.reason FROM {recurrence_skips} s
     WHERE s.tenant = $1 AND s.recurrence = $2 AND ($3::text IS NULL OR s.occurrence < $3)
     ORDER BY s.occurrence DESC LIMIT $4`,
  );

  /** What a person, or a process that starts, does: the row under its lock, what becomes of it, and the act. */
  function changed(
    {
      tenant,
      id,
      by,
      why,
      now: given,
    }: RecurrenceKey & { readonly by: string; readonly why: string; readonly now?: Date },
    move: (existing: Recurrence | null, now: Date) => { readonly to: Recurrence; readonly act: string } | null,
  ): Promise<Recurrence> {
    return database.transaction(async (run: Run) => {
      const [row] = await run<Recurrence & { readonly now: Date }>(lock, [tenant, id, time(given)]);
      const { now, ...found } = row!;
      const existing = found.tenant === null ? null : found;
      const change = move(existing, now);
      if (change === null) return existing!;
      const [stored] = await run<Recurrence>(store, [JSON.stringify(change.to)]);
      await run(act, [tenant, id, change.act, by, why, time(now)]);
      return stored!;
    });
  }

  return {
    put: ({ recurrence: given, ...acting }) =>
      changed({ ...given, ...acting }, (existing, at) => {
        const to = putMove(existing, given, at);
        return to && { to, act: existing === null ? "create" : "edit" };
      }),

    async get({ tenant, id }) {
      const [recurrence] = await database.run<Recurrence>(get, [tenant, id]);
      return recurrence ?? null;
    },

    list: ({ tenant, after, limit }) => database.run<Recurrence>(list, [tenant, after ?? null, limit]),

    setPaused: ({ paused, nextAt, ...acting }) =>
      changed(acting, (existing) => {
        if (existing === null) throw recurrenceNotFound(acting.id);
        const state = paused ? "paused" : "active";
        if (existing.state === state) return null;
        return { to: { ...existing, state, ...(!paused && { nextAt }) }, act: paused ? "pause" : "resume" };
      }),

    async remove({ tenant, id, by, why, now }) {
      return (await database.run(remove, [tenant, id, by, why, time(now)])).length > 0;
    },

    async due({ codes, limit, now }) {
      const [clocked] = await database.run<{ readonly now: Date }>(time_, [time(now)]);
      const at = clocked!.now;
      return { now: at, recurrences: await database.run<Recurrence>(due, [textArray(codes), limit, time(at)]) };
    },

    async occur({ tenant, id, was, campaign, skipped, nextAt, last, by, why, now }) {
      const made = campaign && { ...campaign, state: newCampaign(campaign, was).state };
      const values = [tenant, id, time(was), JSON.stringify(made), by, why, time(now), JSON.stringify(skipped)];
      return (await database.run(occur, [...values, time(nextAt ?? undefined), last])).length > 0;
    },

    skips: ({ tenant, id, before, limit }) => database.run<Skip>(skips, [tenant, id, before ?? null, limit]),
  };
}
