import {
  begunImport,
  type ContactImport,
  type ContactImportRepository,
  isNext,
  loadedImport,
  type RejectedRow,
} from "@milepost/core/store";
import { findContact, putContact, recordContactAct } from "./contact-row.js";
import type { Driver, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const importCodec: RowCodec<ContactImport> = rowCodec<ContactImport>({
  tenant: "plain",
  id: "plain",
  line: "plain",
  read: "plain",
  created: "plain",
  changed: "plain",
  unchanged: "plain",
  repeated: "plain",
  rejected: "plain",
  by: "plain",
  startedAt: "time",
  updatedAt: "time",
  endedAt: "time",
});

const rejectedCodec: RowCodec<RejectedRow> = rowCodec<RejectedRow>({
  line: "plain",
  field: "plain",
  code: "plain",
  expected: "plain",
  shape: "plain",
});

export function contactImportRepository(driver: Driver): ContactImportRepository {
  return {
    begin({ tenant, id, by, why, now }) {
      return driver.write((step) => {
        const known = findImport(step, tenant, id);
        if (known !== null) return known;
        const at = step.now(now);
        const begun = begunImport({ tenant, id, by }, at);
        store(step, begun);
        recordContactAct(step, tenant, "import", { entityId: id, by, why }, at);
        return begun;
      });
    },

    load({ tenant, import: id, contacts, merging, consent, rejected, now, ...chunk }) {
      return driver.write((step) => {
        const before = findImport(step, tenant, id)!;
        if (before === null || !isNext(before, chunk)) return { stored: false, import: before };
        const at = step.now(now);
        const counts = { created: 0, changed: 0, unchanged: 0, repeated: 0 };
        for (const given of contacts) {
          const known = findContact(step, tenant, given.id);
          const result = putContact(step, tenant, known, given, merging, id, at);
          counts[known?.import === id ? "repeated" : result]++;
          if (consent === null) continue;
          step.run(
            `INSERT INTO {consents} (tenant, recipient_key, scope, granted, source, by, at) VALUES (?, ?, ?, 1, ?, ?, ?)
             ON CONFLICT DO NOTHING`,
            ...[tenant, given.recipientKey, consent.scope, consent.source, before.by, at.toISOString()],
          );
        }
        for (const row of rejected) {
          step.run(
            `INSERT INTO {rejected_rows} (tenant, import, ${rejectedCodec.columns}) VALUES (?, ?, ${rejectedCodec.marks})`,
            ...[tenant, id, ...rejectedCodec.values(row)],
          );
        }
        const loaded = loadedImport(before, { ...chunk, rejected }, counts, at);
        store(step, loaded);
        return { stored: true, import: loaded };
      });
    },

    get: ({ tenant, id }) => driver.read((step) => findImport(step, tenant, id)),

    rejected({ tenant, import: id, after, limit }) {
      const sql = `SELECT * FROM {rejected_rows} WHERE tenant = ? AND import = ? AND line > ? ORDER BY line LIMIT ?`;
      return driver.read((step) => step.all(sql, tenant, id, after, limit).map(rejectedCodec.decode));
    },
  };
}

function findImport(step: Step, tenant: string, id: string): ContactImport | null {
  const row = step.get("SELECT * FROM {contact_imports} WHERE tenant = ? AND id = ?", tenant, id);
  return row === undefined ? null : importCodec.decode(row);
}

function store(step: Step, row: ContactImport): void {
  step.run(
    `INSERT OR REPLACE INTO {contact_imports} (${importCodec.columns}) VALUES (${importCodec.marks})`,
    ...importCodec.values(row),
  );
}
