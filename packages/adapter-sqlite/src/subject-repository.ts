import { type CounterKey, type ErasedRows, nothingErased, type SubjectRepository } from "@milepost/core/store";
import { list } from "./conditions.js";
import { byCounterKey, counterKeyOf, counterKeyValues } from "./counter-key.js";
import type { Driver, SqlRow, Step } from "./driver.js";
import { insertAct } from "./lane-repository.js";

/** The keys of tables that hold counters' rows have the metric before the subject; every metric has a definition. */
const bySubject = "tenant = ? AND metric IN (SELECT metric FROM {definitions}) AND subject = ?";

export function subjectRepository(driver: Driver): SubjectRepository {
  return {
    halt({ tenant, subject, act, now }) {
      return driver.write((step): ErasedRows => {
        const at = step.now(now);
        const owner = [tenant, subject] as const;
        let trail = 0;
        for (const key of countersOf(step, owner)) {
          trail += deleteTrail(step, key);
          step.run(
            `UPDATE {counters} SET folded = rev, due = 0, below = NULL, above = NULL, state = '{}',
               generation = coalesce((SELECT d.generation FROM {definitions} d WHERE d.metric = {counters}.metric), generation)
             WHERE ${byCounterKey}`,
            ...counterKeyValues(key),
          );
        }
        const inbox = step.run("DELETE FROM {inbox} WHERE tenant = ? AND subject = ?", ...owner);
        const limits = step.run(`DELETE FROM {limits} WHERE ${bySubject}`, ...owner);
        const members = step.run("DELETE FROM {members} WHERE tenant = ? AND subject = ?", ...owner);
        const subjects = step.run("DELETE FROM {subjects} WHERE tenant = ? AND id = ?", ...owner);

        const open = step.all(
          `SELECT n.id FROM {crossings} c
             JOIN {notifications} n ON n.tenant = c.tenant AND n.source_kind = 'crossing' AND n.source_id = c.id
             WHERE c.tenant = ? AND c.subject = ? AND c.notifications > 0
               AND (c.state IN ('pending', 'leased') OR n.state IN ('pending', 'leased', 'sending', 'ambiguous'))`,
          ...owner,
        );
        const unannounced = idsOf(
          step.all(
            "SELECT id FROM {crossings} WHERE tenant = ? AND subject = ? AND state IN ('pending', 'leased')",
            ...owner,
          ),
        );
        insertAct(step, { tenant, entity: "subject", act: "forget", ...act, at });
        return {
          ...{ ...nothingErased, trail, inbox, limits, members, subjects },
          ...deleteNotifications(step, tenant, idsOf(open)),
          crossings: deleteCrossings(step, tenant, unannounced),
        };
      });
    },

    erase({ tenant, subject, limit }) {
      return driver.write((step) => {
        const owner = [tenant, subject] as const;
        const crossings = idsOf(
          step.all("SELECT id FROM {crossings} WHERE tenant = ? AND subject = ? ORDER BY id LIMIT ?", ...owner, limit),
        );
        const notifications = idsOf(
          step.all(
            `SELECT id FROM {notifications} WHERE tenant = ? AND source_kind = 'crossing'
               AND source_id IN (SELECT value FROM json_each(?)) LIMIT ?`,
            ...[tenant, list(crossings), limit],
          ),
        );
        const retained = step.all(
          `SELECT metric, rev, place, id FROM {retained_events} WHERE ${bySubject} LIMIT ?`,
          ...owner,
          limit,
        );
        const full = [crossings, notifications, retained].some(({ length }) => length === limit);
        let counters = 0;
        let trail = 0;
        for (const key of full ? [] : countersOf(step, owner)) {
          trail += deleteTrail(step, key);
          counters += step.run(`DELETE FROM {counters} WHERE ${byCounterKey}`, ...counterKeyValues(key));
        }
        const erased: ErasedRows = {
          ...{ ...nothingErased, counters, trail },
          ...deleteRetained(step, owner, retained),
          ...deleteNotifications(step, tenant, notifications),
          crossings: notifications.length < limit ? deleteCrossings(step, tenant, crossings) : 0,
        };
        return { erased, more: full };
      });
    },
  };
}

type Owner = readonly [tenant: string, subject: string];

function idsOf(rows: readonly SqlRow[]): readonly string[] {
  return rows.map(({ id }) => id as string);
}

function countersOf(step: Step, owner: Owner): readonly CounterKey[] {
  const columns = "tenant, metric, subject, period";
  return step.all(`SELECT ${columns} FROM {counters} WHERE ${bySubject}`, ...owner).map(counterKeyOf);
}

function deleteTrail(step: Step, key: CounterKey): number {
  return step.run(`DELETE FROM {trail} WHERE ${byCounterKey}`, ...counterKeyValues(key));
}

function deleteNotifications(
  step: Step,
  tenant: string,
  ids: readonly string[],
): Pick<ErasedRows, "notifications" | "attempts"> {
  const among = "IN (SELECT value FROM json_each(?))";
  const attempts = step.run(`DELETE FROM {attempts} WHERE tenant = ? AND notification ${among}`, tenant, list(ids));
  const notifications = step.run(`DELETE FROM {notifications} WHERE tenant = ? AND id ${among}`, tenant, list(ids));
  return { notifications, attempts };
}

function deleteCrossings(step: Step, tenant: string, ids: readonly string[]): number {
  const sql = "DELETE FROM {crossings} WHERE tenant = ? AND id IN (SELECT value FROM json_each(?))";
  return step.run(sql, tenant, list(ids));
}

function deleteRetained(
  step: Step,
  [tenant, subject]: Owner,
  rows: readonly SqlRow[],
): Pick<ErasedRows, "events" | "ids"> {
  let ids = 0;
  for (const { metric, rev, place, id } of rows) {
    const key = [tenant, metric!, subject, rev!, place!];
    step.run(
      "DELETE FROM {retained_events} WHERE tenant = ? AND metric = ? AND subject = ? AND rev = ? AND place = ?",
      ...key,
    );
    ids += step.run("DELETE FROM {events} WHERE tenant = ? AND metric = ? AND id = ?", tenant, metric!, id!);
  }
  return { events: rows.length, ids };
}
