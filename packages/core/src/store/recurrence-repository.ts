import type { Recurrence, RecurrenceKey, Skip } from "../campaign/recurrence.js";
import type { NewCampaign } from "./campaign-repository.js";

/** Who did it, and why: kept as an act on the entity `recurrence`. */
interface Acting {
  readonly by: string;
  readonly why: string;
  readonly now?: Date;
}

/** A recurrence as it is stored first, or anew. */
export type NewRecurrence = Omit<Recurrence, "state" | "last" | "createdAt">;

export interface RecurrenceRepository {
  /**
   * Stores a recurrence, active, or replaces what one says; that one's state stays, and where its `cron` and `zone` do, when
   * it is due next. Records the act `create` or `edit`; of a repeat that changes nothing none.
   */
  put(input: Acting & { readonly recurrence: NewRecurrence }): Promise<Recurrence>;

  /** Null for an unknown one. */
  get(input: RecurrenceKey): Promise<Recurrence | null>;

  /** Ordered by id (bytewise), after `after`. */
  list(input: {
    readonly tenant: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Recurrence[]>;

  /** Pauses one, or resumes it, to be due at `nextAt`; records the act. A repeat changes nothing. Throws `not_found`. */
  setPaused(
    input: RecurrenceKey & Acting & { readonly paused: boolean; readonly nextAt: Date | null },
  ): Promise<Recurrence>;

  /** Removes one; its campaigns stay. Records the act. False, and nothing is recorded, for an unknown one. */
  remove(input: RecurrenceKey & Acting): Promise<boolean>;

  /** Active ones that are due and need no code, or one of `codes`; the longest due first. With the store's clock. */
  due(input: {
    readonly codes: readonly string[];
    readonly limit: number;
    readonly now?: Date;
  }): Promise<{ readonly now: Date; readonly recurrences: readonly Recurrence[] }>;

  /**
   * Makes the campaign of an occurrence, if there is one, keeps those that are skipped, and says when the next one is due:
   * exactly once, whoever asks. False, and nothing is stored, where it is not active or no longer due at `was`. The campaign's act is recorded.
   */
  occur(
    input: RecurrenceKey & {
      readonly was: Date;
      readonly campaign: NewCampaign | null;
      readonly skipped: readonly Skip[];
      readonly nextAt: Date | null;
      readonly last: string | null;
      readonly by: string;
      readonly why: string;
      readonly now?: Date;
    },
  ): Promise<boolean>;

  /** Occurrences that were skipped, the latest first, before `before`. */
  skips(input: RecurrenceKey & { readonly before?: string; readonly limit: number }): Promise<readonly Skip[]>;
}
