import { type CounterKey, type ErasedRows, nothingErased, type SubjectRepository } from "@milepost/core/store";
import { counterLockOrder } from "./counter-key.js";
import type { Database, Run } from "./driver.js";
import { textArray, time } from "./values.js";

/** The keys of tables that hold counters' rows have the metric before the subject; every metric has a definition. */
const bySubject = (alias: string): string =>
  `${alias}.tenant = $1 AND ${alias}.metric = ANY (ARRAY(SELECT d.metric FROM {definitions} d)) AND ${alias}.subject = $2`;

// Several statements and not one: each sees what was committed while the one before waited for its locks. The order is
// that of the other steps: limits' heads, counters, inbox rows; crossings, then notifications.

export function subjectRepository(database: Database): SubjectRepository {
  const limits = database.statement(
    "subjects_limits",
    `WITH head AS (DELETE FROM {limit_heads} h WHERE ${bySubject("h")}), gone AS (
       DELETE FROM {limits} l WHERE ${bySubject("l")} RETURNING 1
     )
     SELECT count(*) AS count FROM gone`,
  );
  const lockCounters = database.statement(
    "subjects_lock_counters",
    `SELECT c.metric, c.period FROM {counters} c WHERE ${bySubject("c")}
     ORDER BY ${counterLockOrder("c")} FOR UPDATE`,
  );
  const locked = `ROWS FROM (unnest($3::text[]), unnest($4::text[])) AS k (metric, period)`;
  const deleteTrail = (alias: string): string =>
    `DELETE FROM {trail} ${alias} USING ${locked}
     WHERE ${alias}.tenant = $1 AND ${alias}.metric = k.metric AND ${alias}.subject = $2 AND ${alias}.period = k.period RETURNING 1`;
  const haltCounters = database.statement(
    "subjects_halt_counters",
    `WITH trail AS (${deleteTrail("t")}), halted AS (
       UPDATE {counters} c SET folded = c.rev, due = false, below = NULL, above = NULL, state = '{}',
         generation = coalesce((SELECT d.generation FROM {definitions} d WHERE d.metric = c.metric), c.generation)
       FROM ${locked}
       WHERE c.tenant = $1 AND c.metric = k.metric AND c.subject = $2 AND c.period = k.period
     )
     SELECT 0::bigint AS counters, (SELECT count(*) FROM trail) AS trail`,
  );
  const deleteCounters = database.statement(
    "subjects_delete_counters",
    `WITH trail AS (${deleteTrail("t")}), gone AS (
       DELETE FROM {counters} c USING ${locked}
       WHERE c.tenant = $1 AND c.metric = k.metric AND c.subject = $2 AND c.period = k.period RETURNING 1
     )
     SELECT (SELECT count(*) FROM gone) AS counters, (SELECT count(*) FROM trail) AS trail`,
  );
  const inbox = database.statement(
    "subjects_inbox",
    `WITH gone AS (
       DELETE FROM {inbox} WHERE number = ANY (ARRAY(
         SELECT number FROM {inbox} WHERE tenant = $1 AND subject = $2 ORDER BY number FOR UPDATE
       )) RETURNING 1
     )
     SELECT count(*) AS count FROM gone`,
  );
  const contacts = database.statement(
    "subjects_contacts",
    `WITH subject AS (DELETE FROM {subjects} s WHERE s.tenant = $1 AND s.id = $2 RETURNING 1),
       member AS (DELETE FROM {members} m WHERE m.tenant = $1 AND m.subject = $2 RETURNING 1)
     SELECT (SELECT count(*) FROM subject) AS subjects, (SELECT count(*) FROM member) AS members`,
  );
  const act = database.statement(
    "subjects_act",
    `INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'subject', $2, 'forget', $3, $4,
       date_trunc('milliseconds', coalesce($5::timestamptz, clock_timestamp())))`,
  );

  // Before their notifications are looked for, so that an announcement under way has ended.
  const lockUnannounced = database.statement(
    "subjects_lock_unannounced",
    `SELECT c.id FROM {crossings} c WHERE c.tenant = $1 AND c.subject = $2 AND c.state IN ('pending', 'leased')
     ORDER BY c.id FOR UPDATE`,
  );
  const lockOpen = database.statement(
    "subjects_lock_open",
    `SELECT n.id FROM {crossings} c
     JOIN {notifications} n ON n.tenant = c.tenant AND n.source_kind = 'crossing' AND n.source_id = c.id
     WHERE c.tenant = $1 AND c.subject = $2 AND c.notifications > 0
       AND (c.state IN ('pending', 'leased') OR n.state IN ('pending', 'leased', 'sending', 'ambiguous'))
     ORDER BY n.tenant, n.id FOR UPDATE OF n`,
  );
  const lockCrossings = database.statement(
    "subjects_lock_crossings",
    "SELECT c.id FROM {crossings} c WHERE c.tenant = $1 AND c.subject = $2 ORDER BY c.id LIMIT $3 FOR UPDATE",
  );
  const lockSome = database.statement(
    "subjects_lock_some",
    `SELECT n.id FROM {notifications} n
     WHERE n.tenant = $1 AND n.source_kind = 'crossing' AND n.source_id = ANY ($2::text[])
     ORDER BY n.tenant, n.id LIMIT $3 FOR UPDATE`,
  );
  const deleteNotifications = database.statement(
    "subjects_delete_notifications",
    `WITH attempt AS (
       DELETE FROM {attempts} a WHERE a.tenant = $1 AND a.notification = ANY ($2::text[]) RETURNING 1
     ), gone AS (
       DELETE FROM {notifications} n WHERE n.tenant = $1 AND n.id = ANY ($2::text[]) RETURNING 1
     )
     SELECT (SELECT count(*) FROM gone) AS notifications, (SELECT count(*) FROM attempt) AS attempts`,
  );
  const deleteCrossings = database.statement(
    "subjects_delete_crossings",
    `WITH gone AS (DELETE FROM {crossings} c WHERE c.tenant = $1 AND c.id = ANY ($2::text[]) RETURNING 1)
     SELECT count(*) AS count FROM gone`,
  );
  // By ctid, which holds because rows of either table are never updated; see the purge of events.
  const deleteRetained = database.statement(
    "subjects_delete_retained",
    `WITH gone AS (
       DELETE FROM {retained_events} WHERE ctid = ANY (ARRAY(
         SELECT r.ctid FROM {retained_events} r WHERE ${bySubject("r")} LIMIT $3
       )) RETURNING metric, id
     ), forgotten AS (
       DELETE FROM {events} e USING gone g WHERE e.tenant = $1 AND e.metric = g.metric AND e.id = g.id RETURNING 1
     )
     SELECT (SELECT count(*) FROM gone) AS events, (SELECT count(*) FROM forgotten) AS ids`,
  );

  interface Count {
    readonly count: number;
  }
  type Id = { readonly id: string };
  const only = async <Row>(rows: Promise<readonly Row[]>): Promise<Row> => (await rows)[0]!;
  const idsOf = (rows: readonly Id[]) => textArray(rows.map(({ id }) => id));
  const keysOf = (rows: readonly Pick<CounterKey, "metric" | "period">[]) => [
    textArray(rows.map(({ metric }) => metric)),
    textArray(rows.map(({ period }) => period)),
  ];
  const gone = (run: Run, tenant: string, ids: string) =>
    only(run<Pick<ErasedRows, "notifications" | "attempts">>(deleteNotifications, [tenant, ids]));

  return {
    halt: ({ tenant, subject, act: by, now }) =>
      database.transaction(async (run): Promise<ErasedRows> => {
        const owner = [tenant, subject];
        const { count: versions } = await only(run<Count>(limits, owner));
        const halted = async () => {
          const keys = await run<CounterKey>(lockCounters, owner);
          return only(run<Pick<ErasedRows, "trail">>(haltCounters, [...owner, ...keysOf(keys)]));
        };
        const before = await halted();
        const { count: waiting } = await only(run<Count>(inbox, owner));
        // again: a drain that the inbox has waited for may have made counters
        const after = await halted();
        const directory = await only(run<Pick<ErasedRows, "subjects" | "members">>(contacts, owner));
        const unannounced = await run<Id>(lockUnannounced, owner);
        const notifications = await gone(run, tenant, idsOf(await run<Id>(lockOpen, owner)));
        const { count } = await only(run<Count>(deleteCrossings, [tenant, idsOf(unannounced)]));
        await run(act, [tenant, by.entityId, by.by, by.why, time(now)]);
        const erased = { trail: before.trail + after.trail, limits: versions, inbox: waiting, crossings: count };
        return { ...nothingErased, ...erased, ...directory, ...notifications };
      }),

    erase: ({ tenant, subject, limit }) =>
      database.transaction(async (run) => {
        const owner = [tenant, subject];
        // first, so that whoever records for the subject waits until its events of before are gone
        const counters = await run<CounterKey>(lockCounters, owner);
        const retained = await only(run<Pick<ErasedRows, "events" | "ids">>(deleteRetained, [...owner, limit]));
        const crossings = await run<Id>(lockCrossings, [...owner, limit]);
        const some = await run<Id>(lockSome, [tenant, idsOf(crossings), limit]);
        const notifications = await gone(run, tenant, idsOf(some));
        const whole = some.length < limit ? idsOf(crossings) : textArray([]);
        const { count } = await only(run<Count>(deleteCrossings, [tenant, whole]));
        const more = [retained.events, crossings.length, some.length].includes(limit);
        const last = more ? [] : counters;
        const ended = await only(
          run<Pick<ErasedRows, "counters" | "trail">>(deleteCounters, [...owner, ...keysOf(last)]),
        );
        return { erased: { ...nothingErased, ...retained, ...notifications, ...ended, crossings: count }, more };
      }),
  };
}
