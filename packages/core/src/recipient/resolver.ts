import { MilepostError } from "../errors.js";
import type { Crossing } from "../milestone/crossing.js";
import type { Member, Subject } from "../store/subject-repository.js";
import type { RecipientInput } from "./recipient.js";

/** What a resolver may use. Everything is already narrowed to the crossing's tenant. */
export interface ResolveContext {
  readonly subjects: {
    get(id: string): Promise<Subject | null>;
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
  resolve(
    crossing: Crossing,
    context: ResolveContext,
  ): Promise<readonly RecipientInput[]> | AsyncIterable<RecipientInput>;
}

/** The members of the crossing's subject, from the directory of subjects, that have one of these roles. */
export function membersWithRole(...roles: readonly string[]): RecipientResolver {
  if (roles.length === 0 || !roles.every((role) => typeof role === "string")) {
    const expected = 'one role or more, as in membersWithRole("owner", "manager")';
    throw new MilepostError("invalid_milestone", `recipients: ${expected}`, { path: "recipients", expected });
  }
  return {
    resolve: (crossing, { subjects }) => subjects.members({ subject: crossing.subject, roles: roles.map(normalRole) }),
  };
}

/** Roles are compared without regard to case and outer space. */
export function normalRole(role: string): string {
  return role.trim().toLowerCase();
}
