import { createHash } from "node:crypto";
import { type GivenContact, type KeptMember, keptMembers } from "@milepost/core/store";
import type { Database } from "./driver.js";

/** One who adds contacts to a tenant after the other: so numbers become visible in their order. */
export function contactLock(database: Database, tenant: string): string {
  const text = `milepost contacts ${database.fill("{contacts}")} ${tenant}`;
  return createHash("sha256").update(text).digest().readBigInt64BE().toString();
}

/** A given contact as a row of JSON; `kept` has a bit for each member that stays as it is. */
export function givenRow(given: GivenContact): Readonly<Record<string, unknown>> {
  return {
    ...given,
    kept: keptMembers.reduce((bits, member, i) => bits | (given[member] === undefined ? 1 << i : 0), 0),
  };
}

/** Given contacts as a FROM item `g`, from a JSON parameter. */
export const givenFromJson = (parameter: string): string =>
  `jsonb_to_recordset(${parameter}::jsonb) AS g (id text, address text, "recipientKey" text, channel text, name text,
     "firstName" text, "lastName" text, locale text, zone text, source text, tags text[], fields jsonb, kept integer)`;

const columnOf: Readonly<Record<KeptMember, string>> = {
  name: "name",
  firstName: "first_name",
  lastName: "last_name",
  locale: "locale",
  zone: "zone",
  source: "source",
};
const kept = keptMembers
  .map((member, i) => {
    const column = columnOf[member];
    return `CASE WHEN g.kept & ${1 << i} > 0 THEN c.${column} ELSE g."${member}" END AS ${column}`;
  })
  .join(", ");
const plain = "address, recipient_key, channel, name, first_name, last_name, locale, zone, source, fields";
const said = `${plain}, tags`;
const given = said.replace(/\w+/g, "m.$&");

/**
 * Core's mergedContact for many, as CTEs: `merged` has a row for each given one, with `created` and `changed`. It runs under
 * the tenant's {@link contactLock}, so that nobody else adds contacts; those who write `last_emailed_at` and `bounces`
 * meanwhile find them in the order of their ids. Operators of arrays are qualified: Postgres' own take any array, and one
 * made in `public` for `text[]` would be taken before them. `$1` the tenant, `$2` and `$3` whether tags and fields are replaced, `$4`
 * the time, `$5` the import or null.
 */
export const merge = (from: string): string => `merged AS MATERIALIZED (
  SELECT m.*, m.number IS NULL AS created,
    m.number IS NOT NULL AND ((${plain.replace(/\w+/g, "m.$&")}) IS DISTINCT FROM (${plain.replace(/\w+/g, "m.was_$&")})
      OR m.tags OPERATOR(pg_catalog.<>) m.was_tags) AS changed
  FROM (
    SELECT g.id, c.number, c.import, c.created_at, c.updated_at, ${said.replace(/\w+/g, "c.$& AS was_$&")},
      g.address, g."recipientKey" AS recipient_key, g.channel, ${kept},
      CASE
        WHEN g.tags IS NULL THEN coalesce(c.tags, '{}')
        WHEN $2::boolean OR c.tags IS NULL THEN g.tags
        WHEN g.tags OPERATOR(pg_catalog.<@) c.tags THEN c.tags
        ELSE ARRAY(SELECT DISTINCT t.tag COLLATE "C" FROM unnest(array_cat(c.tags, g.tags)) AS t (tag) ORDER BY 1)
      END AS tags,
      CASE
        WHEN g.fields IS NULL THEN coalesce(c.fields, '{}')
        WHEN $3::boolean OR c.fields IS NULL THEN g.fields
        ELSE c.fields || g.fields
      END AS fields
    FROM ${from} LEFT JOIN {contacts} c ON c.tenant = $1 AND c.id = g.id
  ) m
), stored AS (
  INSERT INTO {contacts} AS c (tenant, id, ${said}, import, created_at, updated_at)
  SELECT $1, m.id, ${given}, coalesce($5::text, m.import), coalesce(m.created_at, $4::timestamptz),
    CASE WHEN m.created OR m.changed THEN $4::timestamptz ELSE m.updated_at END
  FROM merged m WHERE m.created OR m.changed OR m.import IS DISTINCT FROM coalesce($5, m.import)
  ORDER BY m.id COLLATE "C"
  ON CONFLICT (tenant, id) DO UPDATE SET ${said.replace(/\w+/g, "$& = excluded.$&")},
    import = excluded.import, updated_at = excluded.updated_at
)`;
