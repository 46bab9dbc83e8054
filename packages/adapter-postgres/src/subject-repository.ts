import { counterActRange, type ErasedRows, nothingErased, type SubjectRepository } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { bySubject, subjectCounters } from "./subject-counters.js";
import { subjectDirectory } from "./subject-directory.js";
import { measuresErasure } from "./subject-measures.js";
import { subjectMessages } from "./subject-messages.js";
import { textArray, time } from "./values.js";

// Several statements and not one: each sees what was committed while the one before waited for its locks. The order is
// that of the other steps: heads of limits and levels, counters, inbox rows; crossings, notices, then notifications.

export function subjectRepository(database: Database): SubjectRepository {
  const eraseMeasures = measuresErasure(database);
  const counters = subjectCounters(database);
  const messages = subjectMessages(database);
  const inbox = database.statement(
    "subjects_inbox",
    `WITH gone AS (
       DELETE FROM {inbox} WHERE number = ANY (ARRAY(
         SELECT number FROM {inbox} WHERE tenant = $1 AND subject = $2 ORDER BY number FOR UPDATE
       )) RETURNING 1
     )
     SELECT count(*) AS inbox FROM gone`,
  );
  const directory = database.statement(
    "subjects_directory",
    `WITH subject AS (DELETE FROM {subjects} s WHERE s.tenant = $1 AND s.id = $2 RETURNING 1),
       member AS (DELETE FROM {members} m WHERE m.tenant = $1 AND m.subject = $2 RETURNING 1)
     SELECT (SELECT count(*) FROM subject) AS subjects, (SELECT count(*) FROM member) AS members`,
  );
  const contact = database.statement(
    "subjects_contact",
    `WITH gone AS (DELETE FROM {contacts} WHERE tenant = $1 AND id = $2 RETURNING 1),
       renamed AS (UPDATE {acts} SET entity_id = $3 WHERE tenant = $1 AND entity = 'contact' AND entity_id = $2)
     SELECT count(*) AS contacts FROM gone`,
  );
  const metrics = database.statement("subjects_metrics", "SELECT metric FROM {definitions}");
  const renameActs = database.statement(
    "subjects_rename_acts",
    `UPDATE {acts} a SET entity_id = r.digested || substr(a.entity_id, length(r.prefix) + 1)
     FROM ROWS FROM (unnest($2::text[]), unnest($3::text[]), unnest($4::text[])) AS r (prefix, before, digested)
     WHERE a.tenant = $1 AND a.entity = 'counter' AND a.entity_id >= r.prefix AND a.entity_id < r.before`,
  );
  const act = database.statement(
    "subjects_act",
    `INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'subject', $2, 'forget', $3, $4,
       date_trunc('milliseconds', coalesce($5::timestamptz, clock_timestamp())))`,
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
  const only = async <Row>(rows: Promise<readonly Row[]>): Promise<Row> => (await rows)[0]!;

  return {
    ...subjectDirectory(database),

    halt: ({ tenant, subject, act: by, now }) =>
      database.transaction(async (run): Promise<ErasedRows> => {
        const owner = [tenant, subject];
        const measures = await eraseMeasures(run, owner);
        const halted = async () => counters.halt(run, owner, await counters.lock(run, owner));
        const before = await halted();
        const waiting = await only(run<Pick<ErasedRows, "inbox">>(inbox, owner));
        // again: a drain that the inbox has waited for may have made counters
        const after = await halted();
        const entry = await only(run<Pick<ErasedRows, "subjects" | "members">>(directory, owner));
        const person = await only(run<Pick<ErasedRows, "contacts">>(contact, [...owner, by.entityId]));
        const open = await messages.halt(run, tenant, subject);
        const known = await run<{ readonly metric: string }>(metrics);
        const ranges = known.map(({ metric }) => counterActRange({ metric, subject }));
        const digested = known.map(({ metric }) => counterActRange({ metric, subject: by.entityId }).prefix);
        const [prefixes, ends] = [ranges.map(({ prefix }) => prefix), ranges.map(({ before: end }) => end)];
        await run(renameActs, [tenant, textArray(prefixes), textArray(ends), textArray(digested)]);
        await run(act, [tenant, by.entityId, by.by, by.why, time(now)]);
        const stopped = { trail: before.trail + after.trail, parked: before.parked + after.parked };
        return { ...nothingErased, ...measures, ...stopped, ...waiting, ...entry, ...person, ...open };
      }),

    erase: ({ tenant, subject, limit }) =>
      database.transaction(async (run) => {
        const owner = [tenant, subject];
        // first, so that whoever records for the subject waits until its events of before are gone
        const keys = await counters.lock(run, owner);
        const retained = await only(run<Pick<ErasedRows, "events" | "ids">>(deleteRetained, [...owner, limit]));
        const { more: others, ...said } = await messages.erase(run, tenant, subject, limit);
        const more = others || retained.events === limit;
        const ended = await counters.delete(run, owner, more ? [] : keys);
        return { erased: { ...nothingErased, ...retained, ...said, ...ended }, more };
      }),
  };
}
