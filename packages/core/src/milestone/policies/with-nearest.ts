import type { Level } from "../policy.js";

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
