import type { Contact, GivenContact, Merging } from "../contact/contact.js";
import type { ContactFilter } from "../contact/contact-filter.js";

/** Who did it, and why: kept as an act on the entity `contact`. */
export interface ContactAct {
  /** The contact's id, or what stands for several: `filterEntity()`, or the id of an import. */
  readonly entityId: string;
  readonly by: string;
  readonly why: string;
}

/** What became of the contacts of one call. */
export interface PutCounts {
  readonly created: number;
  readonly changed: number;
  /** Were there and are as they were. */
  readonly unchanged: number;
}

/**
 * People with addresses. A contact's consents and suppressions are those of its address: they are read and not kept here.
 *
 * **Numbers become visible in their order**: once a contact of a tenant can be read, none of it with a smaller number will
 * come. So whoever has read up to a number finds what came later after it. Where several can write at once, those that add
 * to a tenant wait for each other.
 *
 * Steps that look for contacts go by number, and answer the `last` one they looked at, or null where there are no more.
 */
export interface ContactRepository {
  /**
   * Stores contacts by core's `mergedContact`: all of them or none. Given ordered by id (bytewise), each id once; new ones
   * get their numbers in that order. With `act` it is recorded as `put` for each that was created or changed.
   */
  put(input: {
    readonly tenant: string;
    readonly contacts: readonly GivenContact[];
    readonly merging: Merging;
    readonly act: Omit<ContactAct, "entityId"> | null;
    readonly now?: Date;
  }): Promise<PutCounts>;

  /** Contacts that a filter means, by core's `matches`, or all; ordered by number, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly filter: ContactFilter | null;
    readonly after: number;
    readonly limit: number;
  }): Promise<readonly Contact[]>;

  count(input: { readonly tenant: string; readonly filter: ContactFilter | null }): Promise<number>;

  /**
   * Gives the next `limit` contacts that a filter means the tags `add`, and takes `remove` away, by core's `retagged`; both
   * are ordered by bytes, and have none in common. Records `act`, if there is one, as `tag`. `changed`: those whose tags are
   * other ones now.
   */
  tag(input: {
    readonly tenant: string;
    readonly filter: ContactFilter;
    readonly add: readonly string[];
    readonly remove: readonly string[];
    readonly after: number;
    readonly limit: number;
    readonly act: ContactAct | null;
    readonly now?: Date;
  }): Promise<{ readonly changed: number; readonly last: number | null }>;

  /** Removes the next `limit` contacts that a filter means. Records `act`, if there is one, as `remove`. */
  remove(input: {
    readonly tenant: string;
    readonly filter: ContactFilter;
    readonly limit: number;
    readonly act: ContactAct | null;
    readonly now?: Date;
  }): Promise<{ readonly removed: number; readonly last: number | null }>;

  /** Counts a message that came back, for each contact with this address; answers how many they are. */
  bounced(input: { readonly tenant: string; readonly recipientKey: string }): Promise<number>;
}
