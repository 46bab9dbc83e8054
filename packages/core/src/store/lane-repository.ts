/** A tenant's way through one notifier. It exists from its first notification, or its first pause, on. */
export interface Lane {
  readonly tenant: string;
  readonly notifier: string;
  readonly paused: boolean;
  /** Parked until then; null = not parked. */
  readonly notBefore: Date | null;
}

/** Something a person did, append-only; only that a subject which is forgotten is no longer named in `entityId`. */
export interface Act {
  readonly tenant: string;
  /** What it was done to: `lane` or `notification`, and its name or id. */
  readonly entity: string;
  readonly entityId: string;
  readonly act: string;
  readonly by: string;
  readonly why: string;
  readonly at: Date;
}

export interface LaneRepository {
  /**
   * Pauses or resumes a lane, created if missing, and records the act in the same transaction. Waits for marks that
   * are under way: after it has committed a pause, no mark of that lane commits. Also when it changes nothing, the act
   * is recorded.
   */
  setPaused(input: {
    readonly tenant: string;
    readonly notifier: string;
    readonly paused: boolean;
    readonly by: string;
    readonly why: string;
    readonly now?: Date;
  }): Promise<Lane>;

  /** A tenant's lanes, ordered by notifier. */
  list(input: { readonly tenant: string }): Promise<readonly Lane[]>;

  /** Acts on one entity, in the order they were recorded. */
  acts(input: { readonly tenant: string; readonly entity: string; readonly entityId: string }): Promise<readonly Act[]>;
}
