import type { Contact } from "@milepost/core/store";
import type { Database, Statement } from "./driver.js";
import { parseTime } from "./values.js";

/** A contact `c` with what is known of its address. */
export const contactColumns = `c.tenant, c.id, c.number, c.address, c.recipient_key AS "recipientKey", c.channel, c.name,
  c.first_name AS "firstName", c.last_name AS "lastName", c.locale, c.zone, to_json(c.tags) AS tags, c.fields, c.source,
  c.import, c.last_emailed_at AS "lastEmailedAt", c.bounces, c.created_at AS "createdAt", c.updated_at AS "updatedAt",
  coalesce((SELECT json_agg(json_build_object('scope', k.scope, 'granted', k.granted, 'source', k.source, 'at', k.at)
      ORDER BY k.scope)
    FROM {consents} k WHERE k.tenant = c.tenant AND k.recipient_key = c.recipient_key), '[]') AS consents,
  coalesce((SELECT json_agg(json_build_object('scope', s.scope, 'reason', s.reason) ORDER BY s.scope)
    FROM {suppressions} s WHERE s.tenant = c.tenant AND s.recipient_key = c.recipient_key), '[]') AS suppressions`;

type ConsentRow = Omit<Contact["consents"][number], "at"> & { readonly at: string };
export type ContactRow = Omit<Contact, "consents"> & { readonly consents: readonly ConsentRow[] };

export function contactOf(row: ContactRow): Contact {
  return { ...row, consents: row.consents.map((consent) => ({ ...consent, at: parseTime(consent.at) })) };
}

/**
 * A message to an address came back: `$1` is the tenant, `$2` the recipient key. In the order of the ids, as all who change
 * contacts lock them; answers how many contacts have the address.
 */
export function bounceStatement(database: Database): Statement {
  return database.statement(
    "contacts_bounced",
    `WITH written AS MATERIALIZED (
       SELECT c.tenant, c.id FROM {contacts} c WHERE c.tenant = $1 AND c.recipient_key = $2 ORDER BY c.id FOR NO KEY UPDATE
     ), counted AS (
       UPDATE {contacts} c SET bounces = c.bounces + 1 FROM written w WHERE c.tenant = w.tenant AND c.id = w.id RETURNING 1
     )
     SELECT count(*) AS counted FROM counted`,
  );
}
