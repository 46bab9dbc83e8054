import type { JsonObject } from "../json.js";

/** Somebody who belongs to a subject. */
export interface Member {
  /** Unique within the subject. */
  readonly id: string;
  readonly address: string;
  readonly name: string | null;
  readonly firstName: string | null;
  readonly lastName: string | null;
  /** Lower-cased. */
  readonly role: string | null;
  readonly locale: string | null;
  readonly zone: string | null;
}

/** A subject as the optional directory knows it. */
export interface Subject {
  readonly tenant: string;
  readonly id: string;
  readonly name: string;
  readonly locale: string | null;
  readonly zone: string | null;
  /** The host's own fields, for templates. */
  readonly fields: JsonObject;
}

export interface ContactRepository {
  /**
   * Stores subjects, replacing those that exist. Where `members` is given it is the whole list: members that are not in
   * it are removed; null leaves them as they are. Atomic over all of them; a repeat changes nothing.
   */
  put(input: {
    readonly subjects: readonly (Subject & { readonly members: readonly Member[] | null })[];
    readonly now?: Date;
  }): Promise<void>;

  /** The subject, or null. */
  subject(input: { readonly tenant: string; readonly id: string }): Promise<Subject | null>;

  /** A subject's members with one of `roles`, or all; ordered by id (bytewise). Empty for an unknown subject. */
  members(input: {
    readonly tenant: string;
    readonly subject: string;
    readonly roles?: readonly string[];
  }): Promise<readonly Member[]>;

  /** Subjects of a tenant ordered by id (bytewise), after `after`. */
  list(input: {
    readonly tenant: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Subject[]>;
}
