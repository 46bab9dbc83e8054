import { MilepostError } from "../errors.js";
import type { Level, MilestonePolicy } from "./policy.js";

/**
 * A fixed list of rising levels, each named after its value and reached once in a period.
 *
 * | `thresholds(1, 1_000)` and a counter going | passes |
 * | --- | --- |
 * | 0 -> 1 | `1` (equality is reached) |
 * | 0 -> 5 | `1` |
 * | 999 -> 1,003 | `1000` (any amount works) |
 * | 0 -> 2,000 | `1` and `1000` |
 * | 1,000 -> 900 -> 1,100 | nothing more |
 *
 * Values are distinct safe integers in any order. One that is not above the value a counter starts from, usually 0, is
 * never reached.
 */
export function thresholds(...values: readonly number[]): MilestonePolicy {
  const seen = new Set<number>();
  values.forEach((value, i) => {
    const refuse = (expected: string): never => {
      throw new MilepostError("invalid_milestone", `thresholds[${i}]: ${expected}`, {
        path: `thresholds[${i}]`,
        expected,
      });
    };
    if (!Number.isSafeInteger(value)) refuse("a safe integer");
    if (seen.has(value)) refuse(`each value once; ${value} is there before`);
    seen.add(value);
  });
  if (values.length === 0) {
    const expected = "at least one value";
    throw new MilepostError("invalid_milestone", `thresholds: ${expected}`, { path: "thresholds", expected });
  }
  const sorted = [...values].sort((a, b) => a - b);
  const levels = sorted.map((at): Level => ({ threshold: String(at), at, direction: "rising" }));
  return { key: `thresholds(${sorted.join(",")})`, levels: ({ from, to }) => withNearest(levels, from, to) };
}

/** Of levels sorted by `at`: those in [from, to] and the nearest beyond either end, as `MilestonePolicy.levels` asks. */
export function withNearest(levels: readonly Level[], from: number, to: number): readonly Level[] {
  const first = firstIndex(levels, (level) => level.at >= from);
  const end = firstIndex(levels, (level) => level.at > to);
  return levels.slice(Math.max(0, first - 1), end + 1);
}

/** Binary search: the first index where a condition holds that, once true, stays true; the length if it never does. */
function firstIndex(levels: readonly Level[], holds: (level: Level) => boolean): number {
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(levels[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
