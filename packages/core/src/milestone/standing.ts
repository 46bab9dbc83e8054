import { type Arming, freshArming } from "./arming.js";
import { levelsInParts, levelsOf } from "./levels.js";
import type { Level, MilestonePolicy, PolicyContext } from "./policy.js";

// Where a counter stands among the levels of one milestone, for reading only. What is passed is for evaluation to say.

/** The arming to look at: as it was evaluated, with what the counter rose to since then. */
export function armingAt(value: number, evaluated: Arming | undefined): Arming {
  const arming = evaluated ?? freshArming(0);
  return { ...arming, high: Math.max(arming.high, value, 0) };
}

export interface Standing {
  /** What is next. */
  readonly level: Level | undefined;
  /** Whether a level is passed that is not armed again. */
  readonly reached: boolean;
  /** Whether the value is at or above a level that moves and was not looked at there yet: the next look passes it. */
  readonly passes: boolean;
}

/** Levels of a span that is over move no more, and nothing passes them by itself. */
export function standing(
  policy: MilestonePolicy,
  context: PolicyContext,
  arming: Arming,
  { value, over }: { readonly value: number; readonly over: boolean },
): Standing {
  if (!policy.moving) {
    const reached = isReached(policy, context, arming);
    return { level: nextLevel(policy, context, arming, value), reached, passes: false };
  }
  const { spent = {} } = arming;
  const reached = Object.keys(spent).length > 0;
  if (over) return { level: undefined, reached, passes: false };
  const open = levelsOf(policy, { from: value, to: value }, context).filter(
    ({ threshold }) => !Object.hasOwn(spent, threshold),
  );
  return { level: lowest(open.filter(({ at }) => at > value)), reached, passes: open.some(({ at }) => at <= value) };
}

/** The nearest rising level above the value that is armed. */
export function nextLevel(
  policy: MilestonePolicy,
  context: PolicyContext,
  arming: Arming,
  value: number,
): Level | undefined {
  const { high, rearmed = [] } = arming;
  // up to the highest value held only those are armed that were armed again
  if (rearmed.length > 0 && value < high) {
    for (const levels of levelsInParts(policy, { from: value + 1, to: high }, context, "from")) {
      const found = lowest(levels.filter(({ threshold }) => rearmed.includes(threshold)));
      if (found !== undefined) return found;
    }
  }
  return lowest(levelsOf(policy, { from: high, to: high }, context).filter(({ at }) => at > high));
}

function lowest(levels: readonly Level[]): Level | undefined {
  const [first] = levels.filter(({ direction }) => direction === "rising").sort((a, b) => a.at - b.at);
  return first;
}

/** Whether a level is passed that is not armed again. Those at or below 0, where counters start, lie behind and say nothing. */
export function isReached(policy: MilestonePolicy, context: PolicyContext, arming: Arming): boolean {
  const { high, rearmed = [], spent = {} } = arming;
  if (Object.keys(spent).length > 0) return true;
  if (high <= 0) return false;
  for (const levels of levelsInParts(policy, { from: 1, to: high }, context, "to")) {
    if (levels.some(({ direction, threshold }) => direction === "rising" && !rearmed.includes(threshold))) return true;
  }
  return false;
}
