import type { Contact, GivenContact, Merging } from "../contact/contact.js";
import type { ContactFilter } from "../contact/contact-filter.js";
import type { ContactRepository, PutCounts } from "../store/contact-repository.js";
import type { Store } from "../store/store.js";
import { compareKeys } from "../text-key.js";
import { actsOf } from "./acts-of.js";
import { start } from "./samples.js";

// Contacts with sensible defaults.

export const person: { readonly by: string; readonly why: string } = { by: "ann", why: "asked for" };
export const replacing: Merging = { tags: "replace", fields: "replace" };
export const adding: Merging = { tags: "merge", fields: "merge" };

/** A contact whose address is made of its id. */
export function given(id: string, fields: Partial<GivenContact> = {}): GivenContact {
  const address = fields.address ?? `${id}@example.com`;
  return { id, address, recipientKey: address.toLowerCase(), channel: "email", ...fields };
}

type Put = Parameters<ContactRepository["put"]>[0];

/** Stores contacts in the order that the step asks for. */
export async function stored(
  store: Store,
  contacts: readonly GivenContact[],
  fields: Partial<Put> = {},
): Promise<PutCounts> {
  const ordered = [...contacts].sort((a, b) => compareKeys(a.id, b.id));
  return store.contacts.put({
    ...{ tenant: "default", contacts: ordered, merging: replacing, act: null, now: start },
    ...fields,
  });
}

export async function listed(
  store: Store,
  filter: ContactFilter | null = null,
  fields: { readonly tenant?: string; readonly after?: number; readonly limit?: number } = {},
): Promise<readonly Contact[]> {
  return store.contacts.list({ tenant: "default", filter, after: 0, limit: 10_000, ...fields });
}

export async function ids(store: Store, filter: ContactFilter | null = null): Promise<readonly string[]> {
  return (await listed(store, filter)).map(({ id }) => id);
}

/** The acts on one contact, or on what stands for several. */
export async function actsOn(store: Store, entityId: string): Promise<readonly string[]> {
  return (await actsOf(store, { tenant: "default", entity: "contact", entityId })).map(
    ({ act, by, why }) => `${act} by ${by}: ${why}`,
  );
}
