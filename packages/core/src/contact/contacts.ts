import { setImmediate as nextTurn } from "node:timers/promises";
import * as z from "zod";
import { MilepostError } from "../errors.js";
import type { Emit } from "../events.js";
import type { OpenCalls } from "../open-calls.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { ContactAct, PutCounts } from "../store/contact-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { compareKeys } from "../text-key.js";
import {
  type Agrees,
  itemsOf,
  keySchema,
  listOf,
  pageFields,
  parseInput,
  parsePresent,
  reading,
  whySchema,
} from "../validation.js";
import type { Contact, GivenContact, Merging } from "./contact.js";
import { tagSet } from "./contact.js";
import { type ContactFilter, filterEntity, parseFilter } from "./contact-filter.js";
import type { ContactImport, RejectedRow } from "./contact-import.js";
import { type ContactDefaults, type ContactInput, defaultsFields, parseContact } from "./contact-input.js";
import { type Importing, importContacts } from "./importing.js";

export interface PutOptions extends ContactDefaults, Partial<Merging> {
  readonly tenant?: string;
  /** Who puts them, where a person does: recorded with `why` for each contact that it changes. */
  readonly by?: string;
  readonly why?: string;
}

export interface ContactQuery {
  readonly tenant?: string;
  /** All contacts unless said. */
  readonly filter?: ContactFilter;
}

/** Contacts ordered by number. */
export interface ContactPage extends ContactQuery {
  /** The number of the last one of the page before. */
  readonly after?: number;
  /** 100 unless said. */
  readonly limit?: number;
}

/** Whose contacts a person changes, and why: kept with the act. */
export interface ContactsAct {
  readonly tenant?: string;
  readonly filter: ContactFilter;
  readonly by: string;
  readonly why: string;
}

export interface Tagging extends ContactsAct {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

/** People with addresses: who they are, what they agreed to, and which of them are meant. */
export interface Contacts {
  /**
   * Stores contacts, up to 10,000, all of them or none; throws `invalid_contact` with the path of the field. One that is
   * given twice is as its last place says. Tags and fields stand in the place of those before unless they are merged.
   */
  put(contacts: ContactInput | readonly ContactInput[], options?: PutOptions): Promise<PutCounts>;
  get(input: { readonly tenant?: string; readonly id: string }): Promise<Contact | null>;
  list(page?: ContactPage): Promise<readonly Contact[]>;
  count(query?: ContactQuery): Promise<number>;
  /**
   * All contacts that a filter means, in the order of their numbers, read page by page as they are asked for. `after` a
   * contact's number it goes on there, also to those that came since.
   */
  stream(query?: Omit<ContactPage, "limit">): AsyncIterable<Contact>;
  /** Gives and takes tags, in chunks of 1,000 contacts. Answers how many have other tags now. */
  tag(input: Tagging): Promise<{ readonly changed: number }>;
  /** Removes contacts, in chunks of 1,000; what is known of their addresses stays. */
  remove(input: ContactsAct): Promise<{ readonly removed: number }>;
  /** Imports a file, or rows from anywhere. Rows that cannot be kept are passed over and reported. */
  import<Row = ContactInput>(input: Importing<Row>): Promise<ContactImport>;
  /** How far an import is; null for an unknown one. */
  imported(input: { readonly tenant?: string; readonly id: string }): Promise<ContactImport | null>;
  /** Rows of an import that were not taken, ordered by line, after `after`; 100 unless said. */
  rejected(page: {
    readonly tenant?: string;
    readonly import: string;
    readonly after?: number;
    readonly limit?: number;
  }): Promise<readonly RejectedRow[]>;
}

const afterSchema = z.int().min(0).default(0);
const putSchema = z
  .strictObject({
    tenant: pageFields.tenant,
    ...defaultsFields,
    tags: z.enum(["merge", "replace"]).default("replace"),
    fields: z.enum(["merge", "replace"]).default("replace"),
    by: keySchema.optional(),
    why: whySchema.optional(),
  })
  .refine(({ by, why }) => (by === undefined) === (why === undefined), "by and why together");
const oneSchema = z.strictObject({ tenant: pageFields.tenant, id: keySchema });
const rejectedSchema = z.strictObject({ ...pageFields, import: keySchema, after: afterSchema });
const filterField = z.custom<ContactFilter>();
const querySchema = z.strictObject({ tenant: pageFields.tenant, filter: filterField.optional() });
const pageSchema = z.strictObject({ ...pageFields, filter: filterField.optional(), after: afterSchema });
const actFields = {
  tenant: keySchema.default(defaultTenant),
  filter: filterField,
  by: keySchema,
  why: whySchema,
};
const actSchema = z.strictObject(actFields);
const tagList = listOf(keySchema, 100).default([]);
const tagSchema = z.strictObject({ ...actFields, add: tagList, remove: tagList });

true satisfies Agrees<typeof putSchema, PutOptions>;

/** Contacts in a step that only looks, or changes them. */
const pageSize = 1_000;

export function contactsOver(store: Store, runtime: Runtime, emit: Emit, calls: OpenCalls): Contacts {
  const filterOf = (filter: ContactFilter | undefined) => (filter === undefined ? null : parseFilter(filter));
  const actOf = (filter: ContactFilter, { by, why }: ContactsAct): ContactAct => ({
    entityId: filterEntity(filter),
    by,
    why,
  });
  const page = (given: ContactPage) => {
    const { filter, ...rest } = parseInput(pageSchema, given, "invalid_options");
    return { ...rest, filter: filterOf(filter) };
  };
  /** Step by step until there are no more; others in the process get their turns. */
  async function toTheEnd(step: (first: boolean, after: number) => Promise<number | null>): Promise<void> {
    let after: number | null = 0;
    for (let first = true; after !== null; first = false) {
      if (calls.closing.aborted) throw new MilepostError("closed", "This engine is closing: call again for the rest.");
      after = await step(first, after);
      await nextTurn();
    }
  }

  const guarded = calls.guard<Omit<Contacts, "stream">>({
    async put(input, options = {}) {
      const { tenant, tags, fields, by, why, ...given } = parseInput(putSchema, options, "invalid_options");
      const defaults = given as ContactDefaults;
      const contacts = new Map<string, GivenContact>();
      if (reading("invalid_contact", "contact", () => Array.isArray(input))) {
        for (const [i, one] of itemsOf(input, "invalid_contact", "contacts")) {
          if (i >= 10_000) {
            const expected = "at most 10,000; import() takes any number";
            throw new MilepostError("invalid_contact", `contacts: ${expected}`, { path: "contacts", expected });
          }
          const contact = parseContact(one, defaults, `contacts[${i}]`);
          contacts.delete(contact.id);
          contacts.set(contact.id, contact);
        }
      } else {
        const contact = parseContact(input, defaults, "contact");
        contacts.set(contact.id, contact);
      }
      const ordered = [...contacts.values()].sort((a, b) => compareKeys(a.id, b.id));
      const act = by === undefined ? null : { by, why: why! };
      return store.contacts.put({ tenant, contacts: ordered, merging: { tags, fields }, act, ...storeNow(runtime) });
    },
    async get(input) {
      const { tenant, id } = parseInput(oneSchema, input, "invalid_options");
      const [contact = null] = await store.contacts.list({ tenant, filter: { id }, after: 0, limit: 1 });
      return contact;
    },
    list: async (given = {}) => store.contacts.list(page(given)),
    async count(query = {}) {
      const { tenant, filter } = parseInput(querySchema, query, "invalid_options");
      return store.contacts.count({ tenant, filter: filterOf(filter) });
    },
    async tag(input) {
      const { tenant, filter: given, add, remove } = parseInput(tagSchema, input, "invalid_options");
      const filter = parseFilter(given);
      const both = add.find((tag) => remove.includes(tag));
      if (both !== undefined || add.length + remove.length === 0) {
        const expected = "tags to add or to remove, none of them in both";
        throw new MilepostError("invalid_options", `add: ${expected}`, { path: "add", expected });
      }
      let changed = 0;
      await toTheEnd(async (first, after) => {
        const done = await store.contacts.tag({
          ...{ tenant, filter, add: tagSet(add), remove: tagSet(remove), after, limit: pageSize },
          ...{ act: first ? actOf(filter, input) : null, ...storeNow(runtime) },
        });
        changed += done.changed;
        return done.last;
      });
      return { changed };
    },
    async remove(input) {
      const { tenant, filter: given } = parseInput(actSchema, input, "invalid_options");
      const filter = parseFilter(given);
      let removed = 0;
      await toTheEnd(async (first) => {
        const act = first ? actOf(filter, input) : null;
        const done = await store.contacts.remove({ tenant, filter, limit: pageSize, act, ...storeNow(runtime) });
        removed += done.removed;
        return done.last;
      });
      return { removed };
    },
    import: (input) => importContacts(store, runtime, emit, input, calls.closing),
    imported: async (input) => store.contactImports.get(parseInput(oneSchema, input, "invalid_options")),
    rejected: async (given) => store.contactImports.rejected(parsePresent(rejectedSchema, given, "invalid_options")),
  });

  return {
    ...guarded,
    async *stream(query = {}) {
      // every page with a copy of the filter as it was when the reading began
      const { tenant, filter, after: start } = page(query);
      for (let after = start; ; ) {
        const contacts = await calls.run(() => store.contacts.list({ tenant, filter, after, limit: pageSize }));
        yield* contacts;
        if (contacts.length < pageSize) return;
        after = contacts.at(-1)!.number;
      }
    },
  };
}
