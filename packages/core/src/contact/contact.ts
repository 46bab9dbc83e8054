import { isDeepStrictEqual } from "node:util";
import type { Notification } from "../delivery/notification.js";
import type { JsonObject } from "../json.js";
import type { Channel } from "../notifier/notifier.js";
import type { Consent, Suppression } from "../recipient/suppression.js";
import { compareKeys } from "../text-key.js";

/** A contact as its own row has it. */
export interface StoredContact {
  readonly tenant: string;
  /** The host's key; where it gave none, the recipient key of the address. */
  readonly id: string;
  /** Rises with each new contact of a store and never comes again: who has seen a number has seen all below it. */
  readonly number: number;
  readonly address: string;
  /** The address as `recipientKey()` writes it. */
  readonly recipientKey: string;
  readonly channel: Channel;
  readonly name: string | null;
  readonly firstName: string | null;
  readonly lastName: string | null;
  /** A BCP 47 language tag. */
  readonly locale: string | null;
  /** An IANA time zone name. */
  readonly zone: string | null;
  /** Each once, ordered by their bytes. */
  readonly tags: readonly string[];
  /** The host's own fields. */
  readonly fields: JsonObject;
  /** Where it came from. */
  readonly source: string | null;
  /** The import that named it last. */
  readonly import: string | null;
  /** When a message to its address on the channel `email` was last taken by the other side. */
  readonly lastEmailedAt: Date | null;
  readonly bounces: number;
  readonly createdAt: Date;
  /** When what the host says of it last changed. */
  readonly updatedAt: Date;
}

/** A person with an address, with what is known of that address. */
export interface Contact extends StoredContact {
  /** Ordered by scope. */
  readonly consents: readonly Pick<Consent, "scope" | "granted" | "source" | "at">[];
  /** Ordered by scope. */
  readonly suppressions: readonly Pick<Suppression, "scope" | "reason">[];
}

/** What of a contact stays as it is where it is not given, and is taken away by null. */
export const keptMembers = ["name", "firstName", "lastName", "locale", "zone", "source"] as const;
export type KeptMember = (typeof keptMembers)[number];

/** A contact as it is to be stored; tags and fields that are not given stay. */
export interface GivenContact extends Pick<StoredContact, "id" | "address" | "recipientKey" | "channel"> {
  readonly name?: string | null;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
  readonly locale?: string | null;
  readonly zone?: string | null;
  readonly source?: string | null;
  /** Each once, ordered by their bytes. */
  readonly tags?: readonly string[];
  readonly fields?: JsonObject;
}

/** Whether given tags and fields stand beside those that are there, or in their place. Fields are merged by their first level. */
export interface Merging {
  readonly tags: "merge" | "replace";
  readonly fields: "merge" | "replace";
}

/** A set of tags as it is kept. */
export function tagSet(tags: Iterable<string>): readonly string[] {
  return [...new Set(tags)].sort(compareKeys);
}

/** One contact given twice: what the second one says holds, as if it was stored after the first. */
export function mergedGiven(before: GivenContact, given: GivenContact, merging: Merging): GivenContact {
  const tags = given.tags === undefined ? before.tags : mergedTags(before.tags ?? [], given.tags, merging);
  const fields = given.fields === undefined ? before.fields : mergedFields(before.fields ?? {}, given.fields, merging);
  return { ...before, ...given, ...(tags && { tags }), ...(fields && { fields }) };
}

/** What becomes of a contact that is given: the row, and whether that says anything new. */
export function mergedContact(
  before: StoredContact | undefined,
  { tenant, number, import: from }: Pick<StoredContact, "tenant" | "number" | "import">,
  given: GivenContact,
  merging: Merging,
  now: Date,
): { readonly contact: StoredContact; readonly result: "created" | "changed" | "unchanged" } {
  const { id, address, recipientKey, channel } = given;
  const kept = (member: KeptMember) => (given[member] === undefined ? (before?.[member] ?? null) : given[member]);
  const said = {
    ...{ address, recipientKey, channel, name: kept("name"), firstName: kept("firstName"), lastName: kept("lastName") },
    ...{ locale: kept("locale"), zone: kept("zone"), source: kept("source") },
    tags: given.tags === undefined ? (before?.tags ?? []) : mergedTags(before?.tags ?? [], given.tags, merging),
    fields:
      given.fields === undefined ? (before?.fields ?? {}) : mergedFields(before?.fields ?? {}, given.fields, merging),
  };
  if (before === undefined) {
    const born = { lastEmailedAt: null, bounces: 0, createdAt: now, updatedAt: now };
    return { contact: { tenant, id, number, ...said, import: from, ...born }, result: "created" };
  }
  const changed = Object.entries(said).some(
    ([key, value]) => !isDeepStrictEqual(value, before[key as keyof Contact & keyof StoredContact]),
  );
  const contact = { ...before, ...said, import: from ?? before.import, updatedAt: changed ? now : before.updatedAt };
  return { contact, result: changed ? "changed" : "unchanged" };
}

function mergedTags(before: readonly string[], given: readonly string[], { tags }: Merging): readonly string[] {
  return tags === "replace" ? given : tagSet([...before, ...given]);
}

function mergedFields(before: JsonObject, given: JsonObject, { fields }: Merging): JsonObject {
  return fields === "replace" ? given : { ...before, ...given };
}

/** Whether a settlement was an email that the other side took: its contacts were emailed then. */
export function wasEmailed(
  row: Pick<Notification, "channel">,
  patch: Partial<Pick<Notification, "state">> | null,
): boolean {
  return row.channel === "email" && patch?.state === "sent";
}

/** A contact's tags after some were added and others taken away. */
export function retagged(
  tags: readonly string[],
  add: readonly string[],
  remove: readonly string[],
): readonly string[] {
  return tagSet([...tags.filter((tag) => !remove.includes(tag)), ...add]);
}
