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

/** Rows of a subject that were erased, by their kind. */
export interface ErasedRows {
  readonly counters: number;
  /** Batches that waited for evaluation. */
  readonly trail: number;
  /** Notes that a counter cannot be evaluated. */
  readonly parked: number;
  /** Remembered ids. */
  readonly ids: number;
  /** Retained events. */
  readonly events: number;
  /** Versions of limits. */
  readonly limits: number;
  /** Versions of the subject's own levels. */
  readonly levels: number;
  /** Events recorded in transactions of the host that were not counted yet. */
  readonly inbox: number;
  readonly crossings: number;
  /** Reminders of its crossings, and that levels were armed again. */
  readonly notices: number;
  /** Of crossings and of notices. */
  readonly notifications: number;
  readonly attempts: number;
  /** The subject in the directory, and its members. */
  readonly subjects: number;
  readonly members: number;
  /** The contact with the subject's id. */
  readonly contacts: number;
}

/** The steps of the directory. */
export type SubjectDirectory = Pick<SubjectRepository, "put" | "get" | "members" | "list">;

/**
 * The optional directory of subjects, and what is needed to erase one with all that is known of it: `halt` once, then
 * `erase` until there is no more.
 */
export interface SubjectRepository {
  /**
   * Stores subjects, replacing those that exist. Where `members` is given it is the whole list: members that are not in
   * it are removed; null leaves them as they are. Atomic over all of them; a repeat changes nothing.
   */
  put(input: {
    readonly subjects: readonly (Subject & { readonly members: readonly Member[] | null })[];
    readonly now?: Date;
  }): Promise<void>;

  /** The subject, or null. */
  get(input: { readonly tenant: string; readonly id: string }): Promise<Subject | null>;

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

  /**
   * Takes away, in one transaction, all that could still lead to a message, and records the act on entity `subject`: events
   * in the inbox, limits, the subject's own levels, the directory's entry with its members, the contact with the subject's id, what counters still had to be
   * evaluated and that they are parked, crossings and notices that are pending or leased, notices of such crossings, and
   * notifications of the subject's crossings and notices that have not ended, with their attempts.
   *
   * The counters stay until the last {@link erase}, without state and bounds, evaluated to their last rev and not to be
   * woken: what is recorded meanwhile passes nothing. So an evaluation under way is lost, an announcement is lost, a
   * claimed notification cannot be marked, and what is being sent has nowhere to be settled. Waits for those that commit
   * at this moment, and takes what they stored. It writes as much as is open, whatever the subject's history, of which it
   * reads the crossings with their notices. A repeat finds nothing, and records the act again.
   *
   * Acts on the subject's counters and on its contact stay, under ids in which `act.entityId` stands in place of the
   * subject's.
   */
  halt(input: {
    readonly tenant: string;
    readonly subject: string;
    readonly act: { readonly entityId: string; readonly by: string; readonly why: string };
    readonly now?: Date;
  }): Promise<ErasedRows>;

  /**
   * Erases one chunk of the rest: up to `limit` crossings, up to `limit` of their notices, up to `limit` notifications of
   * either with all attempts, and up to `limit` retained events with their ids. Once these are gone, in the same
   * transaction the counters with their trails. A notice goes after its notifications, a crossing after its notices and
   * notifications. Answers what was erased, and whether there may be more. Events of a subject that has none of this left
   * count from 0. Ids that were remembered without their event cannot be told to be the subject's, and stay.
   */
  erase(input: {
    readonly tenant: string;
    readonly subject: string;
    readonly limit: number;
  }): Promise<{ readonly erased: ErasedRows; readonly more: boolean }>;
}

/** Nothing, to add to. */
export const nothingErased: ErasedRows = {
  counters: 0,
  trail: 0,
  parked: 0,
  ids: 0,
  events: 0,
  limits: 0,
  levels: 0,
  inbox: 0,
  crossings: 0,
  notices: 0,
  notifications: 0,
  attempts: 0,
  subjects: 0,
  members: 0,
  contacts: 0,
};
