import type { ReasonCount } from "../delivery/reason.js";
import type { ClaimedNotice, Notice } from "../milestone/notice.js";
import type { CrossingRepository } from "./crossing-repository.js";

/**
 * What is said of crossings later. Notices are stored by `crossings.commitEvaluation` and announced as crossings are:
 * `claim`, `announce` and `release` do to notices what they do to crossings, with notifications of the source kind
 * `notice`.
 */
export interface NoticeRepository extends Pick<CrossingRepository, "announce" | "release"> {
  /**
   * Leases up to `limit` notices of these milestones: pending ones whose time has come and leased ones whose lease is
   * over, oldest first. Each gets fence + 1 and attempts + 1. No two callers get the same one.
   */
  claim(input: {
    readonly milestones: readonly string[];
    readonly limit: number;
    /** Milliseconds. */
    readonly lease: number;
    readonly now?: Date;
  }): Promise<readonly ClaimedNotice[]>;

  /** Notices that match every given filter, ordered by id, after `after`. Ids of the engine rise with time. */
  list(input: {
    readonly tenant: string;
    readonly crossings?: readonly string[];
    readonly milestone?: string;
    readonly ids?: readonly string[];
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Notice[]>;

  /**
   * How many notices have a reason, by the reason: those that nobody was told of. Of a tenant, and of those of one milestone,
   * recorded (`createdAt`) at `since` or later and before `until`, where given. Ordered by reason, bytewise.
   */
  reasons(input: {
    readonly tenant: string;
    readonly milestone?: string;
    readonly since?: Date;
    readonly until?: Date;
  }): Promise<readonly ReasonCount[]>;
}
