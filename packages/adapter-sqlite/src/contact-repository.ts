import { type Contact, type ContactFilter, type ContactRepository, retagged } from "@milepost/core/store";
import { meant } from "./contact-filter.js";
import {
  contactOf,
  countBounce,
  deleteContact,
  findContact,
  putContact,
  recordContactAct,
  shownColumns,
  storeTags,
} from "./contact-row.js";
import type { Driver, Step } from "./driver.js";

export function contactRepository(driver: Driver): ContactRepository {
  return {
    put({ tenant, contacts, merging, act, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const counts = { created: 0, changed: 0, unchanged: 0 };
        for (const given of contacts) {
          const result = putContact(step, tenant, findContact(step, tenant, given.id), given, merging, null, at);
          counts[result]++;
          if (act === null || result === "unchanged") continue;
          recordContactAct(step, tenant, "put", { entityId: given.id, ...act }, at);
        }
        return counts;
      });
    },

    list: ({ tenant, filter, after, limit }) => driver.read((step) => found(step, tenant, filter, after, limit)),

    count({ tenant, filter }) {
      const { where, values } = meant(filter);
      const sql = `SELECT count(*) AS count FROM {contacts} c WHERE c.tenant = ? AND (${where})`;
      return driver.read((step) => Number(step.allOnce(sql, tenant, ...values)[0]!.count));
    },

    tag({ tenant, filter, add, remove, after, limit, act, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const page = found(step, tenant, filter, after, limit);
        let changed = 0;
        for (const contact of page) {
          if (!storeTags(step, contact, retagged(contact.tags, add, remove))) continue;
          step.run("UPDATE {contacts} SET updated_at = ? WHERE number = ?", at.toISOString(), contact.number);
          changed++;
        }
        if (act !== null) recordContactAct(step, tenant, "tag", act, at);
        return { changed, last: lastOf(page, limit) };
      });
    },

    remove({ tenant, filter, limit, act, now }) {
      return driver.write((step) => {
        const page = found(step, tenant, filter, 0, limit);
        for (const contact of page) deleteContact(step, contact);
        if (act !== null) recordContactAct(step, tenant, "remove", act, step.now(now));
        return { removed: page.length, last: lastOf(page, limit) };
      });
    },

    bounced: (address) => driver.write((step) => countBounce(step, address)),
  };
}

/** The texts of filters are many: they are not kept prepared. */
function found(
  step: Step,
  tenant: string,
  filter: ContactFilter | null,
  after: number,
  limit: number,
): readonly Contact[] {
  const { where, values } = meant(filter);
  const sql = `SELECT ${shownColumns} FROM {contacts} c WHERE c.tenant = ? AND c.number > ? AND (${where})
    ORDER BY c.number LIMIT ?`;
  return step.allOnce(sql, tenant, after, ...values, limit).map(contactOf);
}

function lastOf(page: readonly Contact[], limit: number): number | null {
  return page.length < limit ? null : page.at(-1)!.number;
}
