import type { MilestonePolicy } from "../policy.js";
import { keyOf, type LevelSpec, refused, risingLevels, shortest } from "./level-spec.js";
import { withNearest } from "./with-nearest.js";

/**
 * A fixed list of rising levels, each named after its value and reached once in a period, unless it arms again.
 *
 * | policy, and a counter going | passes |
 * | --- | --- |
 * | `thresholds(1, 1_000)`: 0 -> 1 | `1` (equality is reached) |
 * | `thresholds(1, 1_000)`: 0 -> 5 | `1` |
 * | `thresholds(1, 1_000)`: 999 -> 1,003 | `1000` (any amount works) |
 * | `thresholds(1, 1_000)`: 0 -> 2,000 | `1` and `1000` |
 * | `thresholds(1, 1_000)`: 999 -> 1,000 -> 900 -> 1,100 | `1000` |
 * | `thresholds({ at: 1_000, rearmAt: 900 })`: 999 -> 1,000 -> 900 -> 1,100 | `1000` and `1000` |
 * | `thresholds({ at: 1_000, rearmAt: 900 })`: 999 -> 1,000 -> 901 -> 1,100 | `1000` |
 *
 * Values are distinct safe integers in any order. One that is not above the value a counter starts from, usually 0, is
 * never reached.
 */
export function thresholds(...levels: readonly LevelSpec[]): MilestonePolicy {
  const sorted = risingLevels(levels, "thresholds");
  if (sorted.length === 0) throw refused("thresholds", "at least one value");
  return {
    key: keyOf(
      "thresholds",
      sorted.map((level) => shortest("at", level)),
    ),
    ...(sorted.every(({ rearmAt }) => rearmAt === undefined) && { oneWay: true }),
    levels: ({ from, to }) => withNearest(sorted, from, to),
  };
}
