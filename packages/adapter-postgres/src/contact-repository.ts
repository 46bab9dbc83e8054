import type { ContactAct, ContactFilter, ContactRepository, PutCounts } from "@milepost/core/store";
import { meant } from "./contact-filter.js";
import { contactLock, givenFromJson, givenRow, merge } from "./contact-merge.js";
import { bounceStatement, type ContactRow, contactColumns, contactOf } from "./contact-row.js";
import type { Database, Run, Value } from "./driver.js";
import { textArray, time } from "./values.js";

export function contactRepository(database: Database): ContactRepository {
  const clock = database.statement(
    "contacts_clock",
    `SELECT date_trunc('milliseconds', coalesce($1::timestamptz, clock_timestamp())) AS now`,
  );
  const lock = database.statement("contacts_lock", "SELECT pg_advisory_xact_lock($1::bigint)");
  const put = database.statement(
    "contacts_put",
    `WITH ${merge(givenFromJson("$6"))}, act AS (
       INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
       SELECT $1, 'contact', m.id, 'put', $7, $8, $4 FROM merged m WHERE $7::text IS NOT NULL AND (m.created OR m.changed)
       ORDER BY m.id COLLATE "C"
     )
     SELECT count(*) FILTER (WHERE m.created) AS created, count(*) FILTER (WHERE m.changed) AS changed,
       count(*) FILTER (WHERE NOT m.created AND NOT m.changed) AS unchanged
     FROM merged m`,
  );
  const act = database.statement(
    "contacts_act",
    "INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'contact', $2, $3, $4, $5, $6)",
  );
  const bounced = bounceStatement(database);

  /** The numbers of the next contacts that a filter means. */
  const page = (filter: ContactFilter | null, before: readonly Value[]) => {
    const { where, values } = meant(filter, before);
    const text = `SELECT c.number, c.id FROM {contacts} c
      WHERE c.tenant = $1 AND c.number > $2 AND (${where}) ORDER BY c.number LIMIT $3`;
    return { text, values };
  };
  /** Alone with those who store contacts of the tenant, by the clock from then on. */
  const alone = <T>(tenant: string, given: Date | undefined, work: (run: Run, now: string) => Promise<T>): Promise<T> =>
    database.transaction(async (run) => {
      await run(lock, [contactLock(database, tenant)]);
      const [row] = await run<{ readonly now: Date }>(clock, [time(given)]);
      return work(run, time(row!.now));
    });
  const record = async (run: Run, tenant: string, name: string, given: ContactAct | null, now: string) => {
    if (given !== null) await run(act, [tenant, given.entityId, name, given.by, given.why, now]);
  };
  const lastOf = ({ read, last }: { readonly read: number; readonly last: number | null }, limit: number) =>
    read < limit ? null : last;

  return {
    put({ tenant, contacts, merging, act: given, now: at }) {
      return alone(tenant, at, async (run, now) => {
        const replaced = [merging.tags === "replace", merging.fields === "replace"];
        const rows = JSON.stringify(contacts.map(givenRow));
        const values = [tenant, ...replaced, now, null, rows, given?.by ?? null, given?.why ?? null];
        const [counts] = await run<PutCounts>(put, values);
        return counts!;
      });
    },

    async list({ tenant, filter, after, limit }) {
      const { where, values } = meant(filter, [tenant, after, limit]);
      const statement = database.once(
        `SELECT ${contactColumns} FROM {contacts} c WHERE c.tenant = $1 AND c.number > $2 AND (${where})
         ORDER BY c.number LIMIT $3`,
      );
      return (await database.run<ContactRow>(statement, values)).map(contactOf);
    },

    async count({ tenant, filter }) {
      const { where, values } = meant(filter, [tenant]);
      const statement = database.once(`SELECT count(*) AS count FROM {contacts} c WHERE c.tenant = $1 AND (${where})`);
      const [row] = await database.run<{ readonly count: number }>(statement, values);
      return row!.count;
    },

    tag({ tenant, filter, add, remove, after, limit, act: given, now: at }) {
      const added = textArray(add);
      const removed = textArray(remove);
      return alone(tenant, at, async (run, now) => {
        const { text, values } = page(filter, [tenant, after, limit, added, removed, now]);
        // core's retagged; in the order of the ids, as all who change contacts lock them
        const statement = database.once(
          `WITH page AS MATERIALIZED (${text}), written AS MATERIALIZED (
             SELECT c.id FROM {contacts} c JOIN page p ON p.id = c.id WHERE c.tenant = $1
               AND (c.tags OPERATOR(pg_catalog.&&) $5::text[] OR NOT c.tags OPERATOR(pg_catalog.@>) $4::text[])
             ORDER BY c.id FOR NO KEY UPDATE OF c
           ), changed AS (
             UPDATE {contacts} c SET updated_at = $6::timestamptz, tags = ARRAY(
               SELECT DISTINCT t.tag COLLATE "C" FROM unnest(array_cat(c.tags, $4::text[])) AS t (tag)
               WHERE t.tag <> ALL ($5::text[]) ORDER BY 1)
             FROM written w WHERE c.tenant = $1 AND c.id = w.id RETURNING 1
           )
           SELECT (SELECT count(*) FROM changed) AS changed, count(*) AS read, max(p.number) AS last FROM page p`,
        );
        const [row] = await run<{ readonly changed: number; readonly read: number; readonly last: number | null }>(
          statement,
          values,
        );
        await record(run, tenant, "tag", given, now);
        return { changed: row!.changed, last: lastOf(row!, limit) };
      });
    },

    remove({ tenant, filter, limit, act: given, now: at }) {
      return alone(tenant, at, async (run, now) => {
        const { text, values } = page(filter, [tenant, 0, limit]);
        const statement = database.once(
          `WITH page AS MATERIALIZED (${text}), written AS MATERIALIZED (
             SELECT c.id FROM {contacts} c JOIN page p ON p.id = c.id WHERE c.tenant = $1 ORDER BY c.id FOR UPDATE OF c
           ), gone AS (
             DELETE FROM {contacts} c USING written w WHERE c.tenant = $1 AND c.id = w.id
           )
           SELECT count(*) AS read, max(p.number) AS last FROM page p`,
        );
        const [row] = await run<{ readonly read: number; readonly last: number | null }>(statement, values);
        await record(run, tenant, "remove", given, now);
        return { removed: row!.read, last: lastOf(row!, limit) };
      });
    },

    async bounced({ tenant, recipientKey }) {
      const [row] = await database.run<{ readonly counted: number }>(bounced, [tenant, recipientKey]);
      return row!.counted;
    },
  };
}
