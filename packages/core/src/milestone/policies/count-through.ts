import { type Arming, freshArming, quietBand, step } from "../arming.js";
import type { Level, MilestonePolicy, PolicyContext } from "../policy.js";

export const anyone: PolicyContext = { tenant: "default", subject: "acme", period: "lifetime" };

/** For tests: what a counter passes that goes from value to value, evaluated as the engine does it. */
export function countThrough(
  policy: MilestonePolicy,
  way: readonly number[],
  context: PolicyContext = anyone,
): readonly string[] {
  let arming: Arming = freshArming(way[0]!);
  return way.slice(1).flatMap((next, i) => {
    const previous = way[i]!;
    const { below, above } = quietBand(policy, context, arming, previous);
    if ((below === null || next > below) && (above === null || next < above)) return [];
    const result = step(policy, context, arming, previous, next);
    arming = result.arming;
    return result.passed.map(({ level }) => level.threshold);
  });
}

/** For tests: what `MilestonePolicy.levels` asks for, told of all levels as slowly as it reads. */
export function inRangeAndNearest(all: readonly Level[], from: number, to: number): readonly Level[] {
  const sorted = [...all].sort((a, b) => a.at - b.at);
  const inside = sorted.filter(({ at }) => from <= at && at <= to);
  const before = sorted.filter(({ at }) => at < from).slice(-1);
  const after = sorted.filter(({ at }) => at > to).slice(0, 1);
  return [...before, ...inside, ...after];
}
