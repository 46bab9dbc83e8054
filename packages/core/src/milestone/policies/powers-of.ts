import type { Level, MilestonePolicy } from "../policy.js";
import { isDistance, keyOf, refused } from "./level-spec.js";
import { readSeries, type SeriesOptions } from "./series.js";
import { withNearest } from "./with-nearest.js";

/**
 * A rising level at every power of a base between `from` (1 unless said, which is the base to the power of 0) and `to`.
 * Each is named after its value.
 *
 * | policy, and a counter going | passes |
 * | --- | --- |
 * | `powersOf(10)`: 0 -> 1 | `1` |
 * | `powersOf(10)`: 1 -> 250 | `10` and `100` |
 * | `powersOf(10, { from: 50 })`: 0 -> 2,000 | `100` and `1000` |
 * | `powersOf(2, { from: 2, to: 8 })`: 0 -> 2,000 | `2`, `4` and `8` |
 * | `powersOf(10, { rearmAt: { percent: 50 } })`: 0 -> 10 -> 5 -> 10 | `1`, `10` and `10` |
 */
export function powersOf(base: number, options: SeriesOptions = {}): MilestonePolicy {
  if (!isDistance(base) || base === 1) throw refused("powersOf.base", "a safe integer above 1");
  const { from, to, levelAt, written } = readSeries(options, "powersOf", 1);
  if (from < 1) throw refused("powersOf.from", "a safe integer above 0");
  const levels: Level[] = [];
  for (let at = 1; at <= to; at *= base) if (at >= from) levels.push(levelAt(at));
  if (levels.length === 0) throw refused("powersOf", `a power of ${base} between from and to`);
  return {
    key: keyOf("powersOf", [base, ...written]),
    ...(options.rearmAt === undefined && { oneWay: true }),
    levels: (range) => withNearest(levels, range.from, range.to),
  };
}
