/** Rows of a subject that were erased, by their kind. */
export interface ErasedRows {
  readonly counters: number;
  /** Batches that waited for evaluation. */
  readonly trail: number;
  /** Remembered ids. */
  readonly ids: number;
  /** Retained events. */
  readonly events: number;
  /** Versions of limits. */
  readonly limits: number;
  /** Events recorded in transactions of the host that were not counted yet. */
  readonly inbox: number;
  readonly crossings: number;
  readonly notifications: number;
  readonly attempts: number;
  /** The subject in the directory of contacts, and its members. */
  readonly subjects: number;
  readonly members: number;
}

/** What a store knows of one subject, to erase it: `halt` once, then `erase` until there is no more. */
export interface SubjectRepository {
  /**
   * Takes away, in one transaction, all that could still lead to a message, and records the act on entity `subject`: events
   * in the inbox, limits, the directory's entry with its members, what counters still had to be evaluated, crossings that
   * are pending or leased, and notifications of the subject's crossings that have not ended, with their attempts.
   *
   * The counters stay until the last {@link erase}, without state and bounds and evaluated to their last rev: what is
   * recorded meanwhile passes nothing. So an evaluation under way is lost, an announcement is lost, a claimed notification
   * cannot be marked, and what is being sent has nowhere to be settled. Waits for those that commit at this moment, and
   * takes what they stored. It writes as much as is open, whatever the subject's history, of which it reads the crossings
   * that were announced. A repeat finds nothing, and records the act again.
   */
  halt(input: {
    readonly tenant: string;
    readonly subject: string;
    readonly act: { readonly entityId: string; readonly by: string; readonly why: string };
    readonly now?: Date;
  }): Promise<ErasedRows>;

  /**
   * Erases one chunk of the rest: up to `limit` crossings, up to `limit` of their notifications with all attempts, and up to
   * `limit` retained events with their ids. Once these are gone, in the same transaction the counters with their trails.
   * A crossing goes after its notifications. Answers what was erased, and whether there may be more. Events of a subject
   * that has none of this left count from 0. Ids that were remembered without their event cannot be told to be the
   * subject's, and stay.
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
  ids: 0,
  events: 0,
  limits: 0,
  inbox: 0,
  crossings: 0,
  notifications: 0,
  attempts: 0,
  subjects: 0,
  members: 0,
};
