import type { Json } from "../json.js";
import type { CounterKey } from "./counter-repository.js";

/** Whose levels they are: a subject's, or with `subject: ""` those of all subjects of the tenant that have none. */
export interface LevelsOwner {
  readonly tenant: string;
  readonly milestone: string;
  readonly subject: string;
}

/** A version of the levels that a milestone with `thresholdsOf()` has for a subject or a tenant. */
export interface StoredLevels extends LevelsOwner {
  /** 1 for the first; rises by one with each. */
  readonly version: number;
  /** What the policy reads; null: none any more. Opaque to stores. */
  readonly levels: Json | null;
  /** Whether evaluations measure against it. */
  readonly applied: boolean;
  readonly by: string;
  readonly why: string;
  readonly createdAt: Date;
}

export interface LevelsRepository {
  /**
   * Stores the next version of an owner's levels, not applied yet, and answers it. Two at once get two versions; each
   * call is a new one.
   */
  add(
    input: LevelsOwner & {
      readonly levels: Json | null;
      readonly by: string;
      readonly why: string;
      readonly now?: Date;
    },
  ): Promise<StoredLevels>;

  /**
   * Tells counters of a version: it is applied and, in the same transaction, up to `limit` counters of the metric in
   * `period`, of the subject or else of every subject of the tenant, in the order of their keys after `after`, get a
   * trail row without events that has the mark `{ levels: { milestone, subject, version } }` (`rev` + 1) and are due.
   * Answers their keys and where to go on; null at the end, and then the version is no longer pending. No evaluation that
   * has not seen the version commits after the first of these steps does to a counter that was told, or is created
   * meanwhile. A repeat tells again, which changes nothing of the result.
   */
  apply(
    input: LevelsOwner & {
      readonly version: number;
      readonly metric: string;
      /** `lifetime`, or unit and zone. */
      readonly period: string;
      readonly after?: CounterKey;
      readonly limit: number;
      readonly now?: Date;
    },
  ): Promise<{ readonly counters: readonly CounterKey[]; readonly next: CounterKey | null }>;

  /** Versions of these milestones that not every counter was told of, the oldest first. */
  pending(input: { readonly milestones: readonly string[]; readonly limit: number }): Promise<readonly StoredLevels[]>;

  /** Every version of these owners' levels, in the order of their versions within an owner. */
  of(input: { readonly owners: readonly LevelsOwner[] }): Promise<readonly StoredLevels[]>;
}
