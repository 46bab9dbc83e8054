/** One value of a policy. */
export interface Level {
  /** Its name, unique within the policy: `"1000"`, `"50%"`. Part of the crossing's key. */
  readonly threshold: string;
  /** Where it lies, as a counter value. A safe integer. */
  readonly at: number;
  /** `rising`: reached when the value comes from below and is `>= at`. `falling`: from above and `<= at`. */
  readonly direction: "rising" | "falling";
  /** Passed on the way back, arms the level again: below `at` when rising, above it when falling. Absent: never. */
  readonly rearmAt?: number;
}

/** What a policy may look at. Loaded beforehand, because `levels()` is synchronous. */
export interface PolicyContext {
  readonly tenant: string;
  readonly subject: string;
  /** The period's key, as in `lifetime` or `month:Europe/Berlin:2026-11`. */
  readonly period: string;
}

/**
 * Says where the levels lie; nothing else. The engine derives from the levels what was passed, the quiet band and
 * the arming, so a host's policy cannot get those inconsistent.
 */
export interface MilestonePolicy {
  /** Names the policy and its parameters: part of the definition's fingerprint, as in `thresholds(1,1000)`. */
  readonly key: string;
  /**
   * True when `levels()` reads its context. Every new counter is then evaluated once to learn its quiet band, where
   * otherwise all counters of a metric are born with the same one.
   */
  readonly contextual?: boolean;
  /** Every level in [range.from, range.to], and the nearest one beyond either end. Any order. Pure and synchronous. */
  levels(range: { readonly from: number; readonly to: number }, context: PolicyContext): readonly Level[];
}
