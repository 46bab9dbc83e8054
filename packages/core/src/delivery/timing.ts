import * as z from "zod";
import { type Agrees, parseInput } from "../validation.js";

/** The times of delivery, all in milliseconds. */
export interface DeliveryTiming {
  /** How long a claim or a mark holds a row; 60,000. */
  readonly lease: number;
  /** How long one call of a notifier may take; 30,000. Set a notifier's own time-outs below it. */
  readonly callDeadline: number;
  /** Time kept for writing a result before the lease ends; 10,000. `callDeadline + settleMargin < lease`. */
  readonly settleMargin: number;
  /** First retry after about this long, doubled each time up to the cap; 10,000 and 3,600,000. */
  readonly retryBase: number;
  readonly retryCap: number;
  /** While a way out is unavailable, its lane is tried again after at most about this long; 60,000. */
  readonly outageCap: number;
  /** For so long after a notification's first attempt, those that found its way out unavailable do not count; 3 days. */
  readonly outageLimit: number;
  /** An ambiguous notification becomes `unknown` after this long; 86,400,000. */
  readonly ambiguousHorizon: number;
  /** Claims that may die unmarked before a row counts as poisoned; 3. */
  readonly maxClaims: number;
  /** Tries to announce a crossing before it is failed; 10. */
  readonly announceTries: number;
}

/** The longest that a timer of Node can wait, 24 days; beyond it fires at once. */
export const longestTimer: number = 2 ** 31 - 1;

const positive = z.int().min(1).max(longestTimer);

const timingSchema = z
  .strictObject({
    lease: positive.default(60_000),
    callDeadline: positive.default(30_000),
    settleMargin: positive.default(10_000),
    retryBase: positive.default(10_000),
    retryCap: positive.default(3_600_000),
    outageCap: positive.default(60_000),
    outageLimit: positive.default(259_200_000),
    ambiguousHorizon: positive.default(86_400_000),
    maxClaims: positive.default(3),
    announceTries: positive.default(10),
  })
  .refine(({ callDeadline, settleMargin, lease }) => callDeadline + settleMargin < lease, {
    message: "callDeadline + settleMargin must be below lease",
    path: ["lease"],
  });

true satisfies Agrees<typeof timingSchema, DeliveryTiming>;

export function deliveryTiming(input: Partial<DeliveryTiming> = {}): DeliveryTiming {
  return parseInput(timingSchema, input, "invalid_options", "delivery");
}
