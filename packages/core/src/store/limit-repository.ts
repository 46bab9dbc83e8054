/** A version of the amount that percentages of a counter measure against. */
export interface Limit {
  readonly tenant: string;
  readonly metric: string;
  readonly subject: string;
  /** 1 for the first; rises by one with each. */
  readonly version: number;
  /** A safe integer of 0 or more. */
  readonly amount: number;
  /** When it comes into force; it may lie behind. */
  readonly effectiveFrom: Date;
  /** Whether the subject's counters were told. */
  readonly applied: boolean;
  readonly by: string;
  readonly why: string;
  readonly createdAt: Date;
}

export interface LimitSubject {
  readonly tenant: string;
  readonly metric: string;
  readonly subject: string;
}

/** The counters of one kind from a span on: keys of a period rise with time. */
export interface PeriodsFrom {
  /** `lifetime`, or unit and zone. */
  readonly period: string;
  /** The key of the first one. */
  readonly from: string;
  /** The key of a counter that is to be told even if nothing was counted in it yet: it then begins, at 0. */
  readonly open?: string;
}

export interface LimitRepository {
  /**
   * Stores the next version of a subject's limit, not applied yet, and answers it. Two at once get two versions; each
   * call is a new one.
   */
  add(
    input: LimitSubject & {
      readonly amount: number;
      /** Absent: now. */
      readonly effectiveFrom?: Date;
      readonly by: string;
      readonly why: string;
      readonly now?: Date;
    },
  ): Promise<Limit>;

  /**
   * Tells a subject's counters of a version that comes into force: in one transaction each existing counter in `periods`
   * gets a trail row without events that names the version (`rev` + 1) and is due, and the version is applied; one that
   * is to be opened and does not exist is created first, without a band. Answers
   * the counters' keys; a repeat, and a version that does not exist, tells nobody and answers none. No evaluation that has
   * not seen the version commits after this step does, also not of a counter that is created meanwhile.
   *
   * Answers `stale`, and changes nothing, if the metric's stored generation is not the given one: it may have a period that
   * the caller does not know. Looked at after evaluations were shut out, so that what is installed later finds the version
   * applied.
   */
  apply(
    input: LimitSubject & {
      readonly version: number;
      /** The definition's generation that `periods` are of. */
      readonly generation: number;
      readonly periods: readonly PeriodsFrom[];
      readonly now?: Date;
    },
  ): Promise<readonly { readonly period: string }[] | "stale">;

  /** Versions that are to come into force by now and are not applied, the earliest first. */
  pending(input: {
    readonly metrics: readonly string[];
    readonly limit: number;
    readonly now?: Date;
  }): Promise<readonly Limit[]>;

  /** Every version of these subjects' limits, in the order of their versions within a subject. */
  of(input: { readonly subjects: readonly LimitSubject[] }): Promise<readonly Limit[]>;
}
