import {
  type ContactImport,
  type ContactImportRepository,
  isNext,
  loadedImport,
  type RejectedRow,
} from "@milepost/core/store";
import { contactLock, givenFromJson, givenRow, merge } from "./contact-merge.js";
import type { Database } from "./driver.js";
import { time } from "./values.js";

const columns = `tenant, id, line, read, created, changed, unchanged, repeated, rejected, by, started_at AS "startedAt",
  updated_at AS "updatedAt", ended_at AS "endedAt"`;

const clock = (parameter: string) =>
  `date_trunc('milliseconds', coalesce(${parameter}::timestamptz, clock_timestamp()))`;

// Nothing is overwritten: one who took consent back has said so himself.
const loadText = (from: string) => `
WITH ${merge(from)}, agreed AS (
  INSERT INTO {consents} (tenant, recipient_key, scope, granted, source, by, at)
  SELECT DISTINCT $1, m.recipient_key, $6, true, $7, $8, $4::timestamptz FROM merged m WHERE $6::text IS NOT NULL
  ORDER BY m.recipient_key
  ON CONFLICT DO NOTHING
)
SELECT count(*) FILTER (WHERE m.created) AS created,
  count(*) FILTER (WHERE m.changed AND m.import IS DISTINCT FROM $5) AS changed,
  count(*) FILTER (WHERE NOT m.created AND NOT m.changed AND m.import IS DISTINCT FROM $5) AS unchanged,
  count(*) FILTER (WHERE NOT m.created AND m.import IS NOT DISTINCT FROM $5) AS repeated
FROM merged m`;

export function contactImportRepository(database: Database): ContactImportRepository {
  const begin = database.statement(
    "contact_imports_begin",
    `WITH begun AS (
       INSERT INTO {contact_imports} (tenant, id, by, started_at, updated_at)
       SELECT $1, $2, $3, step.now, step.now FROM (SELECT ${clock("$5")} AS now) step
       ON CONFLICT DO NOTHING RETURNING *
     ), act AS (
       INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
       SELECT b.tenant, 'contact', b.id, 'import', b.by, $4, b.started_at FROM begun b
     )
     SELECT ${columns} FROM begun`,
  );
  const get = database.statement(
    "contact_imports_get",
    `SELECT ${columns} FROM {contact_imports} WHERE tenant = $1 AND id = $2`,
  );
  const alone = database.statement("contact_imports_alone", "SELECT pg_advisory_xact_lock($1::bigint)");
  const lock = database.statement(
    "contact_imports_lock",
    `SELECT ${columns}, ${clock("$3")} AS now FROM {contact_imports} WHERE tenant = $1 AND id = $2 FOR UPDATE`,
  );
  const load = database.statement("contact_imports_load", loadText(givenFromJson("$9")));
  const reject = database.statement(
    "contact_imports_reject",
    `INSERT INTO {rejected_rows} (tenant, import, line, field, code, expected, shape)
     SELECT $1, $2, r.line, r.field, r.code, r.expected, r.shape
     FROM jsonb_to_recordset($3) AS r (line bigint, field text, code text, expected text, shape text)`,
  );
  const store = database.statement(
    "contact_imports_store",
    `UPDATE {contact_imports} i SET line = p.line, read = p.read, created = p.created, changed = p.changed,
       unchanged = p.unchanged, repeated = p.repeated, rejected = p.rejected, updated_at = p."updatedAt", ended_at = p."endedAt"
     FROM jsonb_to_record($3) AS p (line bigint, read bigint, created bigint, changed bigint, unchanged bigint,
       repeated bigint, rejected bigint, "updatedAt" timestamptz, "endedAt" timestamptz)
     WHERE i.tenant = $1 AND i.id = $2`,
  );
  const rejected = database.statement(
    "contact_imports_rejected",
    `SELECT line, field, code, expected, shape FROM {rejected_rows}
     WHERE tenant = $1 AND import = $2 AND line > $3 ORDER BY line LIMIT $4`,
  );

  return {
    async begin({ tenant, id, by, why, now }) {
      const [begun] = await database.run<ContactImport>(begin, [tenant, id, by, why, time(now)]);
      if (begun !== undefined) return begun;
      const [known] = await database.run<ContactImport>(get, [tenant, id]);
      return known!;
    },

    load({ tenant, import: id, contacts, merging, consent, rejected: rows, now: given, ...chunk }) {
      return database.transaction(async (run) => {
        const key = [tenant, id];
        // what follows sees all that others have stored before
        await run(alone, [contactLock(database, tenant)]);
        const [found] = await run<ContactImport & { readonly now: Date }>(lock, [...key, time(given)]);
        const { now, ...before } = found!;
        if (!isNext(before, chunk)) return { stored: false, import: before };
        const replaced = [merging.tags === "replace", merging.fields === "replace"];
        const agreed = [consent?.scope ?? null, consent?.source ?? null, before.by];
        const json = JSON.stringify(contacts.map(givenRow));
        type Counts = Pick<ContactImport, "created" | "changed" | "unchanged" | "repeated">;
        const [counts] = await run<Counts>(load, [tenant, ...replaced, time(now), id, ...agreed, json]);
        if (rows.length > 0) await run(reject, [...key, JSON.stringify(rows)]);
        const loaded = loadedImport(before, { ...chunk, rejected: rows }, counts!, now);
        await run(store, [...key, JSON.stringify(loaded)]);
        return { stored: true, import: loaded };
      });
    },

    async get({ tenant, id }) {
      const [found] = await database.run<ContactImport>(get, [tenant, id]);
      return found ?? null;
    },

    rejected: ({ tenant, import: id, after, limit }) => database.run<RejectedRow>(rejected, [tenant, id, after, limit]),
  };
}
