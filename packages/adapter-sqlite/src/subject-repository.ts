import {
  type CounterKey,
  counterActRange,
  type ErasedRows,
  nothingErased,
  type SubjectRepository,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import { deleteContact, findContact } from "./contact-row.js";
import { byCounterKey, counterKeyOf, counterKeyValues } from "./counter-key.js";
import type { Driver, SqlRow, Step } from "./driver.js";
import { subjectDirectory } from "./subject-directory.js";
import { eraseMessages, haltMessages } from "./subject-messages.js";

/** The keys of tables that hold counters' rows have the metric before the subject; every metric has a definition. */
const bySubject = "tenant = ? AND metric IN (SELECT metric FROM {definitions}) AND subject = ?";

export function subjectRepository(driver: Driver): SubjectRepository {
  return {
    ...subjectDirectory(driver),

    halt({ tenant, subject, act, now }) {
      return driver.write((step): ErasedRows => {
        const at = step.now(now);
        const owner = [tenant, subject] as const;
        let trail = 0;
        let parked = 0;
        for (const key of countersOf(step, owner)) {
          trail += deleteOf(step, "trail", key);
          parked += deleteOf(step, "parked", key);
          step.run(
            `UPDATE {counters} SET folded = rev, due = 0, below = NULL, above = NULL, state = '{}', wake_at = NULL,
               generation = coalesce((SELECT d.generation FROM {definitions} d WHERE d.metric = {counters}.metric), generation)
             WHERE ${byCounterKey}`,
            ...counterKeyValues(key),
          );
        }
        const inbox = step.run("DELETE FROM {inbox} WHERE tenant = ? AND subject = ?", ...owner);
        const limits = step.run(`DELETE FROM {limits} WHERE ${bySubject}`, ...owner);
        const levels = step.run("DELETE FROM {levels} WHERE tenant = ? AND subject = ?", ...owner);
        const members = step.run("DELETE FROM {members} WHERE tenant = ? AND subject = ?", ...owner);
        const subjects = step.run("DELETE FROM {subjects} WHERE tenant = ? AND id = ?", ...owner);
        const contact = findContact(step, tenant, subject);
        if (contact !== undefined) deleteContact(step, contact);
        const contacts = contact === undefined ? 0 : 1;
        const messages = haltMessages(step, owner);
        renameActs(step, owner, act.entityId);
        insertAct(step, { tenant, entity: "subject", act: "forget", ...act, at });
        return { ...nothingErased, trail, parked, inbox, limits, levels, members, subjects, contacts, ...messages };
      });
    },

    erase({ tenant, subject, limit }) {
      return driver.write((step) => {
        const owner = [tenant, subject] as const;
        const { more: others, ...messages } = eraseMessages(step, owner, limit);
        const retained = step.all(
          `SELECT metric, rev, place, id FROM {retained_events} WHERE ${bySubject} LIMIT ?`,
          ...owner,
          limit,
        );
        const more = others || retained.length === limit;
        let [counters, trail, parked] = [0, 0, 0];
        for (const key of more ? [] : countersOf(step, owner)) {
          trail += deleteOf(step, "trail", key);
          parked += deleteOf(step, "parked", key);
          counters += deleteOf(step, "counters", key);
        }
        const events = deleteRetained(step, owner, retained);
        return { erased: { ...nothingErased, counters, trail, parked, ...events, ...messages }, more };
      });
    },
  };
}

type Owner = readonly [tenant: string, subject: string];

function countersOf(step: Step, owner: Owner): readonly CounterKey[] {
  const columns = "tenant, metric, subject, period";
  return step.all(`SELECT ${columns} FROM {counters} WHERE ${bySubject}`, ...owner).map(counterKeyOf);
}

function deleteOf(step: Step, table: "counters" | "trail" | "parked", key: CounterKey): number {
  return step.run(`DELETE FROM {${table}} WHERE ${byCounterKey}`, ...counterKeyValues(key));
}

/** Acts on the subject's counters go on under what stands for it. */
function renameActs(step: Step, [tenant, subject]: Owner, digest: string): void {
  const contact = "UPDATE {acts} SET entity_id = ? WHERE tenant = ? AND entity = 'contact' AND entity_id = ?";
  step.run(contact, digest, tenant, subject);
  for (const { metric } of step.all("SELECT metric FROM {definitions}") as { metric: string }[]) {
    const { prefix, before } = counterActRange({ metric, subject });
    step.run(
      `UPDATE {acts} SET entity_id = ? || substr(entity_id, length(?) + 1)
       WHERE tenant = ? AND entity = 'counter' AND entity_id >= ? AND entity_id < ?`,
      ...[counterActRange({ metric, subject: digest }).prefix, prefix, tenant, prefix, before],
    );
  }
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
