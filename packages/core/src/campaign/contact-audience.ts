import type { Contact } from "../contact/contact.js";
import type { ContactFilter } from "../contact/contact-filter.js";
import type { Store } from "../store/store.js";
import type { AudienceMember } from "./audience-member.js";

/** An audience of `milepost.contacts`, by what they are when it is loaded. */
export interface ContactAudience {
  /** Which contacts; only those of the notifier's channel. `{ all: [] }`: all of them. */
  readonly contacts: ContactFilter;
  /**
   * Whether contacts that are added later get it, too, until its window ends; false unless said: the audience is fixed when
   * it is made.
   */
  readonly lateJoiners?: boolean;
}

const pageSize = 1_000;

/**
 * The contacts that a filter means, in the order in which they came, after the number `cursor`. Each can be merged under
 * `contact`: its `id`, `source`, `tags` and `fields`. Those that came after `before` are left out.
 */
export async function* contactAudience(
  store: Store,
  {
    tenant,
    filter,
    channel,
    cursor,
    before,
  }: {
    readonly tenant: string;
    readonly filter: ContactFilter;
    readonly channel: string;
    readonly cursor: string | null;
    readonly before: Date | null;
  },
): AsyncGenerator<AudienceMember, void, undefined> {
  for (let after = Number(cursor ?? 0); ; ) {
    const page = await store.contacts.list({ tenant, filter, after, limit: pageSize });
    for (const contact of page) {
      if (contact.channel === channel && (before === null || contact.createdAt <= before)) yield memberOf(contact);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = last.number;
  }
}

function memberOf({ id, number, address, tags, source, fields, ...contact }: Contact): AudienceMember {
  const { name, firstName, lastName, locale, zone } = contact;
  return {
    ...{ id, address, name, firstName, lastName, locale, zone },
    data: { contact: { id, source, tags, fields } },
    cursor: String(number),
  };
}
