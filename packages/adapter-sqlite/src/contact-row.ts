import {
  type Contact,
  type ContactAct,
  type GivenContact,
  type Merging,
  mergedContact,
  type StoredContact,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import type { SqlRow, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<StoredContact> = rowCodec<StoredContact>({
  number: "plain",
  tenant: "plain",
  id: "plain",
  address: "plain",
  recipientKey: "plain",
  channel: "plain",
  name: "plain",
  firstName: "plain",
  lastName: "plain",
  locale: "plain",
  zone: "plain",
  tags: "json",
  fields: "json",
  source: "plain",
  import: "plain",
  lastEmailedAt: "time",
  bounces: "plain",
  createdAt: "time",
  updatedAt: "time",
});

/** A contact with what is known of its address, as columns. */
export const shownColumns = `c.*,
  (SELECT json_group_array(json_object('scope', k.scope, 'granted', json(iif(k.granted, 'true', 'false')),
     'source', k.source, 'at', k.at) ORDER BY k.scope)
   FROM {consents} k WHERE k.tenant = c.tenant AND k.recipient_key = c.recipient_key) AS consents,
  (SELECT json_group_array(json_object('scope', s.scope, 'reason', s.reason) ORDER BY s.scope)
   FROM {suppressions} s WHERE s.tenant = c.tenant AND s.recipient_key = c.recipient_key) AS suppressions`;

export function contactOf(row: SqlRow): Contact {
  const consents = JSON.parse(String(row.consents)) as (Contact["consents"][number] & { readonly at: string })[];
  return {
    ...codec.decode(row),
    consents: consents.map((consent) => ({ ...consent, at: new Date(consent.at) })),
    suppressions: JSON.parse(String(row.suppressions)) as Contact["suppressions"],
  };
}

export function findContact(step: Step, tenant: string, id: string): StoredContact | undefined {
  const row = step.get("SELECT * FROM {contacts} WHERE tenant = ? AND id = ?", tenant, id);
  return row && codec.decode(row);
}

/** Stores one contact, `before` being what is there of it; what became of it. */
export function putContact(
  step: Step,
  tenant: string,
  before: StoredContact | undefined,
  given: GivenContact,
  merging: Merging,
  from: string | null,
  now: Date,
): "created" | "changed" | "unchanged" {
  const known = { tenant, number: before?.number ?? 0, import: from };
  const { contact, result } = mergedContact(before, known, given, merging, now);
  if (before === undefined) {
    const { number, ...row } = contact;
    // NULL: SQLite gives the next number
    const values = codec.values(contact).slice(1);
    const inserted = step.one(
      `INSERT INTO {contacts} (${codec.columns}) VALUES (NULL${", ?".repeat(values.length)}) RETURNING number`,
      ...values,
    );
    addTags(step, tenant, Number(inserted.number), row.tags);
    return result;
  }
  if (result === "unchanged" && contact.import === before.import) return result;
  step.run(
    `UPDATE {contacts} SET address = ?, recipient_key = ?, channel = ?, name = ?, first_name = ?, last_name = ?, locale = ?,
       zone = ?, fields = ?, source = ?, import = ?, updated_at = ? WHERE number = ?`,
    ...[contact.address, contact.recipientKey, contact.channel, contact.name, contact.firstName, contact.lastName],
    ...[contact.locale, contact.zone, JSON.stringify(contact.fields), contact.source, contact.import],
    ...[contact.updatedAt.toISOString(), contact.number],
  );
  storeTags(step, before, contact.tags);
  return result;
}

/** Gives a contact these tags in place of those it has; whether they are other ones. */
export function storeTags(
  step: Step,
  { tenant, number, tags: before }: Pick<StoredContact, "tenant" | "number" | "tags">,
  tags: readonly string[],
): boolean {
  const text = JSON.stringify(tags);
  if (text === JSON.stringify(before)) return false;
  step.run("UPDATE {contacts} SET tags = ? WHERE number = ?", text, number);
  dropTags(
    step,
    tenant,
    number,
    before.filter((tag) => !tags.includes(tag)),
  );
  addTags(
    step,
    tenant,
    number,
    tags.filter((tag) => !before.includes(tag)),
  );
  return true;
}

function addTags(step: Step, tenant: string, number: number, tags: readonly string[]): void {
  for (const tag of tags)
    step.run("INSERT INTO {contact_tags} (tenant, tag, number) VALUES (?, ?, ?)", tenant, tag, number);
}

function dropTags(step: Step, tenant: string, number: number, tags: readonly string[]): void {
  for (const tag of tags)
    step.run("DELETE FROM {contact_tags} WHERE tenant = ? AND tag = ? AND number = ?", tenant, tag, number);
}

export function deleteContact(
  step: Step,
  { tenant, number, tags }: Pick<StoredContact, "tenant" | "number" | "tags">,
): void {
  dropTags(step, tenant, number, tags);
  step.run("DELETE FROM {contacts} WHERE number = ?", number);
}

export function recordContactAct(step: Step, tenant: string, name: string, act: ContactAct, at: Date): void {
  insertAct(step, { tenant, entity: "contact", act: name, ...act, at });
}

/** The contacts of an address were emailed. */
export function emailed(
  step: Step,
  { tenant, recipientKey }: Pick<StoredContact, "tenant" | "recipientKey">,
  at: Date,
): void {
  const sql = "UPDATE {contacts} SET last_emailed_at = ? WHERE tenant = ? AND recipient_key = ?";
  step.run(sql, at.toISOString(), tenant, recipientKey);
}

/** A message to an address came back; answers how many contacts have it. */
export function countBounce(
  step: Step,
  { tenant, recipientKey }: Pick<StoredContact, "tenant" | "recipientKey">,
): number {
  return step.run(
    "UPDATE {contacts} SET bounces = bounces + 1 WHERE tenant = ? AND recipient_key = ?",
    ...[tenant, recipientKey],
  );
}
