/** Something that was done, append-only; only that a subject which is forgotten is no longer named in `entityId`. */
export interface Act {
  readonly tenant: string;
  /** What kind of thing it was done to: `campaign`, `contact`, `lane`, `notification`, `provider`, `recipient`, `template` … */
  readonly entity: string;
  /** Its id or name. */
  readonly entityId: string;
  readonly act: string;
  /** A person, or `milepost` where the engine did it by itself. */
  readonly by: string;
  readonly why: string;
  readonly at: Date;
}

/** An act with its place among all of the tenant's. */
export interface RecordedAct extends Act {
  /** Rises in the order in which they were recorded. */
  readonly number: number;
}

/** Who did what to which thing, when and why. Steps that change something record it; this only reads. */
export interface ActRepository {
  /** A tenant's acts that match every given filter, in the order in which they were recorded, after the number `after`. */
  list(input: {
    readonly tenant: string;
    readonly entity?: string;
    /** Only with `entity`. */
    readonly entityId?: string;
    readonly by?: string;
    readonly after?: number;
    readonly limit: number;
  }): Promise<readonly RecordedAct[]>;
}
