import type { ErasedRows } from "@milepost/core/store";
import { list } from "./conditions.js";
import type { SqlRow, Step } from "./driver.js";

type Counts = Pick<ErasedRows, "crossings" | "notices" | "notifications" | "attempts">;
type Owner = readonly [tenant: string, subject: string];

const open = "('pending', 'leased')";
const among = "IN (SELECT value FROM json_each(?))";

/** Deletes what could still lead to a message. */
export function haltMessages(step: Step, owner: Owner): Counts {
  const [tenant] = owner;
  const crossings = idsOf(
    step.all(`SELECT id FROM {crossings} WHERE tenant = ? AND subject = ? AND state IN ${open}`, ...owner),
  );
  const notices = idsOf(
    step.all(
      `SELECT y.id FROM {crossings} c JOIN {notices} y ON y.tenant = c.tenant AND y.crossing = c.id
       WHERE c.tenant = ? AND c.subject = ? AND (y.state IN ${open} OR c.state IN ${open})`,
      ...owner,
    ),
  );
  const unended = "n.state IN ('pending', 'leased', 'sending', 'ambiguous')";
  const ofCrossings = step.all(
    `SELECT n.id FROM {crossings} c
       JOIN {notifications} n ON n.tenant = c.tenant AND n.source_kind = 'crossing' AND n.source_id = c.id
       WHERE c.tenant = ? AND c.subject = ? AND c.notifications > 0 AND (c.state IN ${open} OR ${unended})`,
    ...owner,
  );
  const ofNotices = step.all(
    `SELECT n.id FROM {crossings} c JOIN {notices} y ON y.tenant = c.tenant AND y.crossing = c.id
       JOIN {notifications} n ON n.tenant = y.tenant AND n.source_kind = 'notice' AND n.source_id = y.id
       WHERE c.tenant = ? AND c.subject = ? AND y.notifications > 0 AND (y.id ${among} OR ${unended})`,
    ...[...owner, list(notices)],
  );
  return deleteAll(step, tenant, { notifications: idsOf([...ofCrossings, ...ofNotices]), notices, crossings });
}

/** Deletes up to `limit` rows of each kind; answers whether there may be more. */
export function eraseMessages(step: Step, owner: Owner, limit: number): Counts & { readonly more: boolean } {
  const [tenant] = owner;
  const crossings = idsOf(
    step.all("SELECT id FROM {crossings} WHERE tenant = ? AND subject = ? ORDER BY id LIMIT ?", ...owner, limit),
  );
  const notices = idsOf(
    step.all(`SELECT id FROM {notices} WHERE tenant = ? AND crossing ${among} LIMIT ?`, tenant, list(crossings), limit),
  );
  const of = (kind: string) =>
    `SELECT id FROM {notifications} WHERE tenant = ? AND source_kind = '${kind}' AND source_id ${among}`;
  const notifications = idsOf(
    step.all(
      `${of("crossing")} UNION ALL ${of("notice")} LIMIT ?`,
      ...[tenant, list(crossings), tenant, list(notices), limit],
    ),
  );
  const silent = notifications.length < limit;
  const counts = deleteAll(step, tenant, {
    notifications,
    notices: silent ? notices : [],
    crossings: silent && notices.length < limit ? crossings : [],
  });
  return { ...counts, more: [crossings, notices, notifications].some(({ length }) => length === limit) };
}

function deleteAll(
  step: Step,
  tenant: string,
  ids: Readonly<Record<"notifications" | "notices" | "crossings", readonly string[]>>,
): Counts {
  const gone = (table: string, column: string, which: readonly string[]) =>
    step.run(`DELETE FROM {${table}} WHERE tenant = ? AND ${column} ${among}`, tenant, list(which));
  // their keys stay, so that a repeat of one counts nothing
  gone("delivery_events", "notification", ids.notifications);
  gone("delivery_facts", "notification", ids.notifications);
  return {
    attempts: gone("attempts", "notification", ids.notifications),
    notifications: gone("notifications", "id", ids.notifications),
    notices: gone("notices", "id", ids.notices),
    crossings: gone("crossings", "id", ids.crossings),
  };
}

function idsOf(rows: readonly SqlRow[]): readonly string[] {
  return rows.map(({ id }) => id as string);
}
