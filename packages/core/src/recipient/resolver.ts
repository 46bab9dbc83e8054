import type { Crossing } from "../milestone/crossing.js";
import type { Member, Subject } from "../store/contact-repository.js";
import type { Recipient } from "./recipient.js";

/** What a resolver may use. Everything is already narrowed to the crossing's tenant. */
export interface ResolveContext {
  readonly contacts: {
    subject(id: string): Promise<Subject | null>;
    members(input: { readonly subject: string; readonly roles?: readonly string[] }): Promise<readonly Member[]>;
  };
  /** Aborts when the worker stops. */
  readonly signal: AbortSignal;
}

/**
 * Says who is to be told of a crossing. Called by the worker, never by `record()`, and again when it threw or its
 * worker died: recipients whose notification is queued already are not queued twice. Two recipients with one address
 * get one notification.
 */
export interface RecipientResolver {
  resolve(crossing: Crossing, context: ResolveContext): Promise<readonly Recipient[]> | AsyncIterable<Recipient>;
}

/** The members of the crossing's subject, from the contacts directory, that have one of these roles. */
export function membersWithRole(...roles: readonly string[]): RecipientResolver {
  const wanted = roles.map(normalRole);
  return {
    async resolve(crossing, { contacts }) {
      const members = await contacts.members({ subject: crossing.subject, roles: wanted });
      return members.map(memberRecipient);
    },
  };
}

/** Roles are compared without regard to case and outer space. */
export function normalRole(role: string): string {
  return role.trim().toLowerCase();
}

function memberRecipient(member: Member): Recipient {
  const { address, name, firstName, lastName, role, locale, zone } = member;
  return {
    address,
    ...(name !== null && { name }),
    ...(firstName !== null && { firstName }),
    ...(lastName !== null && { lastName }),
    ...(role !== null && { role }),
    ...(locale !== null && { locale }),
    ...(zone !== null && { zone }),
  };
}
