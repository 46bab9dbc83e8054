import type { LevelSpec } from "./policies/level-spec.js";

export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** What a host says of a level. It moves nothing. */
export interface LevelLabels {
  /** The host's own name of it, as in `"budget-half"`. A text key; several levels may share one. */
  readonly code?: string;
  readonly severity?: Severity;
}

/** One value of a policy. */
export interface Level extends LevelLabels {
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
  /** What percentages measure against: a safe integer of 0 or more. There for a policy that needs it. */
  readonly limit?: number;
  /** Where in its span a counter stands. For a policy that needs it. */
  readonly span?: SpanSoFar;
  /** The levels stored for this subject, or else for its tenant. For a policy that needs them; absent if none are stored. */
  readonly thresholds?: readonly LevelSpec[];
}

/** Times in milliseconds since the epoch. */
export interface SpanSoFar {
  /** When counting began: the span's start, or later in a partial one. */
  readonly from: number;
  readonly end: number;
  /** The moment that is looked at: of the event, or the latest one looked at before. */
  readonly at: number;
}

/** What of its context a policy can say that it needs. */
export const policyNeeds = ["limit", "thresholds", "span"] as const;
export type PolicyNeed = (typeof policyNeeds)[number];

/**
 * Says where the levels lie; nothing else. The engine derives from the levels what was passed, the quiet band and
 * the arming, so a host's policy cannot get those inconsistent.
 */
export interface MilestonePolicy {
  /** Names the policy and its parameters: part of the definition's fingerprint, as in `thresholds(1,1000)`. */
  readonly key: string;
  /**
   * True when `levels()` reads the tenant, subject or period of its context. Every new counter is then evaluated once to
   * learn its quiet band, where otherwise all counters of a metric are born with the same one.
   */
  readonly contextual?: boolean;
  /**
   * What of the context has to be loaded for it; new counters are then evaluated once, too. As long as no limit is known
   * to a policy that needs one, `levels()` is not called.
   */
  readonly needs?: readonly PolicyNeed[];
  /**
   * True when all levels rise and none arms again. Those at or below the highest value a counter has had are then not
   * asked for.
   */
  readonly oneWay?: boolean;
  /**
   * True when the levels move up as time passes; all rise, and none arms again. One is then passed when the value is at
   * or above it at the moment of an event, or of a wake-up, whatever the value was before.
   */
  readonly moving?: boolean;
  /**
   * For levels that move: the next moment after `span.at`, in milliseconds since the epoch, at which they change otherwise
   * than by moving up, as when one comes into being; undefined: none. Counters are woken then.
   */
  wakeAt?(context: PolicyContext): number | undefined;
  /**
   * How many levels lie in [range.from, range.to]. Asked for where a jump passes more than 10,000; without it they are
   * gone through.
   */
  count?(range: { readonly from: number; readonly to: number }, context: PolicyContext): number;
  /** Every level in [range.from, range.to], and the nearest one beyond either end. Any order. Pure and synchronous. */
  levels(range: { readonly from: number; readonly to: number }, context: PolicyContext): readonly Level[];
}

/** Whether its levels may differ from counter to counter, so that each has to learn its own quiet band. */
export function readsContext({ contextual, needs }: MilestonePolicy): boolean {
  return contextual === true || (needs !== undefined && needs.length > 0);
}
