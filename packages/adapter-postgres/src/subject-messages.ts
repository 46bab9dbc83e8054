import type { ErasedRows } from "@milepost/core/store";
import type { Database, Run } from "./driver.js";
import { textArray } from "./values.js";

type Counts = Pick<ErasedRows, "crossings" | "notices" | "notifications" | "attempts">;
type Id = { readonly id: string };

export interface SubjectMessages {
  /** Deletes what could still lead to a message. */
  halt(run: Run, tenant: string, subject: string): Promise<Counts>;
  /** Deletes up to `limit` rows of each kind; answers whether there may be more. */
  erase(run: Run, tenant: string, subject: string, limit: number): Promise<Counts & { readonly more: boolean }>;
}

// Several statements and not one: each sees what was committed while the one before waited for its locks. The order is
// that of the announcements: crossings, notices, then notifications.

/** What a subject has in {crossings}, {notices}, {notifications} and {attempts}. */
export function subjectMessages(database: Database): SubjectMessages {
  // Before their notifications are looked for, so that an announcement under way has ended.
  const lockUnannounced = database.statement(
    "subjects_lock_unannounced",
    `SELECT c.id FROM {crossings} c WHERE c.tenant = $1 AND c.subject = $2 AND c.state IN ('pending', 'leased')
     ORDER BY c.id FOR UPDATE`,
  );
  const lockUnsaid = database.statement(
    "subjects_lock_unsaid",
    `SELECT y.id FROM {crossings} c JOIN {notices} y ON y.tenant = c.tenant AND y.crossing = c.id
     WHERE c.tenant = $1 AND c.subject = $2 AND (y.state IN ('pending', 'leased') OR c.state IN ('pending', 'leased'))
     ORDER BY y.id FOR UPDATE OF y`,
  );
  const lockOpen = database.statement(
    "subjects_lock_open",
    `SELECT n.id FROM (
       SELECT 'crossing' AS kind, c.id, c.state IN ('pending', 'leased') AS whole FROM {crossings} c
       WHERE c.tenant = $1 AND c.subject = $2 AND c.notifications > 0
       UNION ALL
       SELECT 'notice', y.id, y.id = ANY ($3::text[]) FROM {crossings} c
       JOIN {notices} y ON y.tenant = c.tenant AND y.crossing = c.id
       WHERE c.tenant = $1 AND c.subject = $2 AND y.notifications > 0
     ) s JOIN {notifications} n ON n.tenant = $1 AND n.source_kind = s.kind AND n.source_id = s.id
     WHERE s.whole OR n.state IN ('pending', 'leased', 'sending', 'ambiguous')
     ORDER BY n.tenant, n.id FOR UPDATE OF n`,
  );
  const lockCrossings = database.statement(
    "subjects_lock_crossings",
    "SELECT c.id FROM {crossings} c WHERE c.tenant = $1 AND c.subject = $2 ORDER BY c.id LIMIT $3 FOR UPDATE",
  );
  const lockNotices = database.statement(
    "subjects_lock_notices",
    `SELECT y.id FROM {notices} y WHERE y.tenant = $1 AND y.crossing = ANY ($2::text[])
     ORDER BY y.id LIMIT $3 FOR UPDATE`,
  );
  const lockSome = database.statement(
    "subjects_lock_some",
    `SELECT n.id FROM {notifications} n
     WHERE n.tenant = $1 AND (n.source_kind = 'crossing' AND n.source_id = ANY ($2::text[])
       OR n.source_kind = 'notice' AND n.source_id = ANY ($3::text[]))
     ORDER BY n.tenant, n.id LIMIT $4 FOR UPDATE`,
  );
  const deleteNotifications = database.statement(
    "subjects_delete_notifications",
    `WITH attempt AS (
       DELETE FROM {attempts} a WHERE a.tenant = $1 AND a.notification = ANY ($2::text[]) RETURNING 1
     ), fact AS (
       DELETE FROM {delivery_facts} f WHERE f.tenant = $1 AND f.notification = ANY ($2::text[])
     ), event AS (
       -- their keys stay, so that a repeat of one counts nothing
       DELETE FROM {delivery_events} e WHERE e.tenant = $1 AND e.notification IS NOT NULL AND e.notification = ANY ($2::text[])
     ), gone AS (
       DELETE FROM {notifications} n WHERE n.tenant = $1 AND n.id = ANY ($2::text[]) RETURNING 1
     )
     SELECT (SELECT count(*) FROM gone) AS notifications, (SELECT count(*) FROM attempt) AS attempts`,
  );
  const deleteSources = database.statement(
    "subjects_delete_sources",
    `WITH notice AS (DELETE FROM {notices} y WHERE y.tenant = $1 AND y.id = ANY ($2::text[]) RETURNING 1),
       crossing AS (DELETE FROM {crossings} c WHERE c.tenant = $1 AND c.id = ANY ($3::text[]) RETURNING 1)
     SELECT (SELECT count(*) FROM notice) AS notices, (SELECT count(*) FROM crossing) AS crossings`,
  );
  const none = textArray([]);
  const idsOf = (rows: readonly Id[]) => textArray(rows.map(({ id }) => id));

  async function gone(
    run: Run,
    tenant: string,
    ids: { readonly notifications: string; readonly notices: string; readonly crossings: string },
  ): Promise<Counts> {
    type Messages = Pick<Counts, "notifications" | "attempts">;
    type Sources = Pick<Counts, "notices" | "crossings">;
    const [messages] = await run<Messages>(deleteNotifications, [tenant, ids.notifications]);
    const [sources] = await run<Sources>(deleteSources, [tenant, ids.notices, ids.crossings]);
    return { ...messages!, ...sources! };
  }

  return {
    async halt(run, tenant, subject) {
      const crossings = idsOf(await run<Id>(lockUnannounced, [tenant, subject]));
      const notices = idsOf(await run<Id>(lockUnsaid, [tenant, subject]));
      const notifications = idsOf(await run<Id>(lockOpen, [tenant, subject, notices]));
      return gone(run, tenant, { crossings, notices, notifications });
    },

    async erase(run, tenant, subject, limit) {
      const crossings = await run<Id>(lockCrossings, [tenant, subject, limit]);
      const notices = await run<Id>(lockNotices, [tenant, idsOf(crossings), limit]);
      const some = await run<Id>(lockSome, [tenant, idsOf(crossings), idsOf(notices), limit]);
      const silent = some.length < limit;
      const counts = await gone(run, tenant, {
        notifications: idsOf(some),
        notices: silent ? idsOf(notices) : none,
        crossings: silent && notices.length < limit ? idsOf(crossings) : none,
      });
      return { ...counts, more: [crossings, notices, some].some(({ length }) => length === limit) };
    },
  };
}
