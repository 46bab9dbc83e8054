import * as z from "zod";
import { type Agrees, parseInput } from "../../validation.js";
import type { MilestonePolicy } from "../policy.js";
import { keyOf, type LevelSpec, risingLevels, shortest } from "./level-spec.js";
import { withNearest } from "./with-nearest.js";

export interface ThresholdsOfOptions {
  /** The levels of those for whom none are stored; none unless said. */
  readonly default?: readonly LevelSpec[];
}

const optionsSchema = z.strictObject({
  default: z.custom<readonly LevelSpec[]>(Array.isArray, "an array of levels").default([]),
});

true satisfies Agrees<typeof optionsSchema, ThresholdsOfOptions>;

/**
 * Levels that are stored at run time per subject, or else per tenant, as `thresholds()` takes them: a host's users
 * configure their own.
 *
 * | `thresholdsOf({ default: [100, 200] })`, stored for the subject or tenant | levels |
 * | --- | --- |
 * | nothing | `100` and `200` |
 * | `[50]` | `50` |
 * | `[{ at: 50, rearmAt: 40 }, 60]` | `50`, which arms again at 40, and `60` |
 * | `[]` | none |
 */
export function thresholdsOf(options: ThresholdsOfOptions = {}): MilestonePolicy {
  const given = parseInput(optionsSchema, options, "invalid_milestone", "thresholdsOf");
  const usual = risingLevels(given.default, "thresholdsOf.default");
  return {
    key: keyOf(
      "thresholdsOf",
      usual.map((level) => shortest("at", level)),
    ),
    needs: ["thresholds"],
    levels: ({ from, to }, { thresholds }) =>
      withNearest(thresholds === undefined ? usual : risingLevels(thresholds, "thresholds"), from, to),
  };
}
