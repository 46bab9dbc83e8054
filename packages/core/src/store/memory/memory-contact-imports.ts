import { begunImport, isNext, loadedImport } from "../../contact/contact-import.js";
import type { ContactImportRepository } from "../contact-import-repository.js";
import { putContact } from "./memory-contacts.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryContactImports(tables: Tables): ContactImportRepository {
  return {
    async begin({ tenant, id, by, why, now = tables.clock() }) {
      const key = keyOf(tenant, id);
      const known = tables.contactImports.get(key);
      if (known !== undefined) return known;
      const begun = begunImport({ tenant, id, by }, now);
      tables.contactImports.set(key, begun);
      tables.acts.push({ tenant, entity: "contact", entityId: id, act: "import", by, why, at: now });
      return begun;
    },

    async load({ tenant, import: id, contacts, merging, consent, rejected, now = tables.clock(), ...chunk }) {
      const key = keyOf(tenant, id);
      const before = tables.contactImports.get(key);
      if (before === undefined || !isNext(before, chunk)) return { stored: false, import: before! };
      const counts = { created: 0, changed: 0, unchanged: 0, repeated: 0 };
      for (const given of contacts) {
        const repeated = tables.contacts.get(keyOf(tenant, given.id))?.import === id;
        const result = putContact(tables, tenant, given, merging, id, now);
        counts[repeated ? "repeated" : result]++;
        if (consent === null) continue;
        const { recipientKey } = given;
        const scoped = keyOf(tenant, recipientKey, consent.scope);
        if (tables.consents.has(scoped)) continue;
        tables.consents.set(scoped, { tenant, recipientKey, ...consent, granted: true, by: before.by, at: now });
      }
      tables.rejectedRows.set(key, [...(tables.rejectedRows.get(key) ?? []), ...rejected]);
      const loaded = loadedImport(before, { ...chunk, rejected }, counts, now);
      tables.contactImports.set(key, loaded);
      return { stored: true, import: loaded };
    },

    async get({ tenant, id }) {
      return tables.contactImports.get(keyOf(tenant, id)) ?? null;
    },

    async rejected({ tenant, import: id, after, limit }) {
      const rows = tables.rejectedRows.get(keyOf(tenant, id)) ?? [];
      return rows.filter(({ line }) => line > after).slice(0, limit);
    },
  };
}
