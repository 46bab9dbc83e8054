import type { CounterKey, Parking } from "./counter-repository.js";

/** A counter whose evaluation fails: its events count on, and its crossings wait. */
export interface ParkedCounter extends CounterKey, Parking {
  readonly reason: ParkReason;
  /** The error's message, in one line. */
  readonly detail: string;
  /** Its first failure of these. */
  readonly since: Date;
  /** When it is tried again. */
  readonly retryAt: Date;
}

export const parkReasons = ["effect_failed", "policy_failed"] as const;
export type ParkReason = (typeof parkReasons)[number];

export interface ParkingRepository {
  /**
   * Notes that a due counter could not be evaluated: `attempts` + 1, to be tried again after `retryIn` milliseconds.
   * Nothing if it is not due, or its `folded` is not `from`: somebody evaluated it meanwhile.
   */
  park(
    input: CounterKey & {
      readonly from: number;
      readonly reason: ParkReason;
      readonly detail: string;
      readonly retryIn: number;
      readonly now?: Date;
    },
  ): Promise<void>;

  /**
   * A person's decision that a parked counter is tried again now, recorded as an act: with `withoutEffects` its next
   * evaluation runs none. Answers whether it was parked.
   */
  release(
    input: CounterKey & {
      readonly withoutEffects: boolean;
      readonly by: string;
      readonly why: string;
      readonly now?: Date;
    },
  ): Promise<boolean>;

  /** Parked counters in the order of (metric, subject, period), bytewise, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly metric?: string;
    readonly subject?: string;
    readonly after?: Omit<CounterKey, "tenant">;
    readonly limit: number;
  }): Promise<readonly ParkedCounter[]>;
}
