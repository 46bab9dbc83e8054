import * as z from "zod";
import { MilepostError } from "../errors.js";
import { plainObject } from "../json.js";
import { defaultTenant } from "../recording/event.js";
import type { Store } from "../store/store.js";
import type { Member, Subject } from "../store/subject-repository.js";
import {
  type Agrees,
  itemsOf,
  keySchema,
  listOf,
  pageFields,
  parseInput,
  parsePresent,
  reading,
} from "../validation.js";
import { addressSchema, type Recipient, recipientFields, recipientKey } from "./recipient.js";
import { normalRole } from "./resolver.js";

/** Somebody who belongs to a subject, as the host gives it. The role is compared without regard to case. */
export interface MemberInput extends Recipient {
  /** Unique within the subject; the address unless said. */
  readonly id?: string;
}

export interface SubjectInput {
  readonly tenant?: string;
  readonly id: string;
  /** The id unless said. */
  readonly name?: string;
  readonly locale?: string;
  readonly zone?: string;
  /** The host's own fields, for templates: plain JSON, 64 kB at most. */
  readonly fields?: Record<string, unknown>;
  /** The whole list of its members; those not in it are removed. Absent = left as they are. */
  readonly members?: readonly MemberInput[];
}

/** The optional directory, for hosts that keep no such table of their own. */
export interface Subjects {
  /** Stores subjects with their members, all or none; throws `invalid_subject` with the path of the field. */
  put(subjects: SubjectInput | readonly SubjectInput[]): Promise<void>;
  get(input: { readonly tenant?: string; readonly id: string }): Promise<Subject | null>;
  members(input: {
    readonly tenant?: string;
    readonly subject: string;
    readonly roles?: readonly string[];
  }): Promise<readonly Member[]>;
  /** Subjects ordered by id, bytewise, after `after`; 100 unless said. */
  list(query?: {
    readonly tenant?: string;
    readonly after?: string;
    readonly limit?: number;
  }): Promise<readonly Subject[]>;
}

const memberSchema = z.strictObject({ id: keySchema.optional(), address: addressSchema, ...recipientFields });

const subjectSchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  id: keySchema,
  name: recipientFields.name,
  locale: recipientFields.locale,
  zone: recipientFields.zone,
  fields: z.custom<Record<string, unknown>>().optional(),
  members: listOf(memberSchema, 10_000).optional(),
});

true satisfies Agrees<typeof memberSchema, MemberInput>;
true satisfies Agrees<typeof subjectSchema, SubjectInput>;

const oneSchema = z.strictObject({ tenant: pageFields.tenant, id: keySchema });
const membersSchema = z.strictObject({
  tenant: pageFields.tenant,
  subject: keySchema,
  roles: listOf(recipientFields.role.unwrap(), 100).optional(),
});
const listSchema = z.strictObject({ ...pageFields, after: keySchema.optional() });

export function subjectsOver(store: Store): Subjects {
  return {
    async put(input) {
      if (!reading("invalid_subject", "subject", () => Array.isArray(input))) {
        return store.subjects.put({ subjects: [parseSubject(input, "subject")] });
      }
      const subjects: ReturnType<typeof parseSubject>[] = [];
      for (const [i, one] of itemsOf(input, "invalid_subject", "subjects")) {
        subjects.push(parseSubject(one, `subjects[${i}]`));
      }
      await store.subjects.put({ subjects });
    },
    get: async (input) => store.subjects.get(parseInput(oneSchema, input, "invalid_options")),
    async members(input) {
      const { roles, ...subject } = parseInput(membersSchema, input, "invalid_options");
      return store.subjects.members({ ...subject, ...(roles && { roles: roles.map(normalRole) }) });
    },
    list: async (query = {}) => store.subjects.list(parsePresent(listSchema, query, "invalid_options")),
  };
}

function parseSubject(input: unknown, path: string): Subject & { readonly members: readonly Member[] | null } {
  const { tenant, id, name, locale, zone, fields, members } = parseInput(subjectSchema, input, "invalid_subject", path);
  const ids = new Set<string>();
  return {
    tenant,
    id,
    name: name ?? id,
    locale: locale ?? null,
    zone: zone ?? null,
    fields: fields === undefined ? {} : plainObject(fields, `${path}.fields`, "invalid_subject"),
    members:
      members === undefined ? null : members.map((member, i) => parseMember(member, `${path}.members[${i}]`, ids)),
  };
}

function parseMember(member: z.infer<typeof memberSchema>, path: string, ids: Set<string>): Member {
  const { address, name, firstName, lastName, role, locale, zone } = member;
  const key = member.id ?? recipientKey(address);
  let id = key;
  // two members may share an address, as in a family or a small office; an id that was given twice is a mistake
  for (let n = 2; ids.has(id) && member.id === undefined; n++) id = `${key.slice(0, 180)}#${n}`;
  if (ids.has(id))
    throw new MilepostError("invalid_subject", `${path}.id: unique within the subject`, { path: `${path}.id` });
  ids.add(id);
  return {
    id,
    address,
    name: name ?? null,
    firstName: firstName ?? null,
    lastName: lastName ?? null,
    role: role === undefined ? null : normalRole(role),
    locale: locale ?? null,
    zone: zone ?? null,
  };
}
