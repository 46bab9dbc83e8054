import { type Contact, mergedContact, retagged, type StoredContact } from "../../contact/contact.js";
import type { ContactFilter } from "../../contact/contact-filter.js";
import { matches } from "../../contact/matches.js";
import { compareKeys } from "../../text-key.js";
import type { ContactAct, ContactRepository } from "../contact-repository.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryContacts(tables: Tables): ContactRepository {
  function found(tenant: string, filter: ContactFilter | null, after: number, limit: number): readonly Contact[] {
    const page: Contact[] = [];
    // as they were put: by number, and a repeated put leaves a row in its place
    for (const row of tables.contacts.values()) {
      if (row.tenant !== tenant || row.number <= after) continue;
      const contact = shown(tables, row);
      if (filter !== null && !matches(filter, contact)) continue;
      page.push(contact);
      if (page.length === limit) break;
    }
    return page;
  }
  function record(tenant: string, name: string, act: ContactAct, at: Date): void {
    tables.acts.push({ tenant, entity: "contact", act: name, ...act, at });
  }
  const lastOf = (page: readonly Contact[], limit: number) => (page.length < limit ? null : page.at(-1)!.number);

  return {
    async put({ tenant, contacts, merging, act, now = tables.clock() }) {
      const counts = { created: 0, changed: 0, unchanged: 0 };
      for (const given of contacts) {
        const result = putContact(tables, tenant, given, merging, null, now);
        counts[result]++;
        if (act !== null && result !== "unchanged") record(tenant, "put", { entityId: given.id, ...act }, now);
      }
      return counts;
    },

    async list({ tenant, filter, after, limit }) {
      return found(tenant, filter, after, limit);
    },

    async count({ tenant, filter }) {
      return found(tenant, filter, 0, Number.POSITIVE_INFINITY).length;
    },

    async tag({ tenant, filter, add, remove, after, limit, act, now = tables.clock() }) {
      const page = found(tenant, filter, after, limit);
      let changed = 0;
      for (const { id, tags } of page) {
        const key = keyOf(tenant, id);
        const next = retagged(tags, add, remove);
        if (next.join("\0") === tags.join("\0")) continue;
        tables.contacts.set(key, { ...tables.contacts.get(key)!, tags: next, updatedAt: now });
        changed++;
      }
      if (act !== null) record(tenant, "tag", act, now);
      return { changed, last: lastOf(page, limit) };
    },

    async remove({ tenant, filter, limit, act, now = tables.clock() }) {
      const page = found(tenant, filter, 0, limit);
      for (const { id } of page) tables.contacts.delete(keyOf(tenant, id));
      if (act !== null) record(tenant, "remove", act, now);
      return { removed: page.length, last: lastOf(page, limit) };
    },

    async bounced(address) {
      return countBounce(tables, address);
    },
  };
}

/** Stores one contact; what became of it. */
export function putContact(
  tables: Tables,
  tenant: string,
  given: Parameters<typeof mergedContact>[2],
  merging: Parameters<typeof mergedContact>[3],
  from: string | null,
  now: Date,
): "created" | "changed" | "unchanged" {
  const key = keyOf(tenant, given.id);
  const before = tables.contacts.get(key);
  const number = before?.number ?? tables.contactNumber();
  const { contact, result } = mergedContact(before, { tenant, number, import: from }, given, merging, now);
  tables.contacts.set(key, contact);
  return result;
}

/** Changes the contacts of an address; answers how many they are. */
export function changeContacts(
  tables: Tables,
  { tenant, recipientKey }: Pick<StoredContact, "tenant" | "recipientKey">,
  change: (contact: StoredContact) => Partial<StoredContact>,
): number {
  const rows = [...tables.contacts].filter(([, row]) => row.tenant === tenant && row.recipientKey === recipientKey);
  for (const [key, row] of rows) tables.contacts.set(key, { ...row, ...change(row) });
  return rows.length;
}

function shown(tables: Tables, row: StoredContact): Contact {
  const of = <Row extends { readonly tenant: string; readonly recipientKey: string; readonly scope: string }>(
    rows: Iterable<Row>,
  ) =>
    [...rows]
      .filter(({ tenant, recipientKey }) => tenant === row.tenant && recipientKey === row.recipientKey)
      .sort((a, b) => compareKeys(a.scope, b.scope));
  return {
    ...row,
    consents: of(tables.consents.values()).map(({ scope, granted, source, at }) => ({ scope, granted, source, at })),
    suppressions: of(tables.suppressions.values()).map(({ scope, reason }) => ({ scope, reason })),
  };
}

/** A message to an address came back; answers how many contacts have it. */
export function countBounce(
  tables: Tables,
  address: { readonly tenant: string; readonly recipientKey: string },
): number {
  return changeContacts(tables, address, (contact) => ({ bounces: contact.bounces + 1 }));
}
