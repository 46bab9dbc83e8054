import type { Level, MilestonePolicy } from "../policy.js";
import { isDistance, keyOf, refused } from "./level-spec.js";
import { readSeries, type SeriesOptions } from "./series.js";

/**
 * A rising level at every multiple of a step, or at every step from a first level on. Each is named after its value.
 *
 * | policy, and a counter going | passes |
 * | --- | --- |
 * | `every(100)`: 0 -> 99 | nothing |
 * | `every(100)`: 99 -> 100 | `100` |
 * | `every(100)`: 0 -> 250 | `100` and `200` |
 * | `every(100, { from: 50 })`: 0 -> 250 | `50`, `150` and `250` |
 * | `every(100, { from: 1_000, to: 1_100 })`: 0 -> 5,000 | `1000` and `1100` |
 * | `every(100, { rearmAt: { below: 20 } })`: 0 -> 100 -> 80 -> 100 | `100` and `100` |
 *
 * There is no list of them: only levels in the range asked for are made.
 */
export function every(step: number, options: SeriesOptions = {}): MilestonePolicy {
  if (!isDistance(step)) throw refused("every.step", "a safe integer above 0");
  const { from: first, to: last, levelAt, written } = readSeries(options, "every", step);
  return {
    key: keyOf("every", [step, ...written]),
    ...(options.rearmAt === undefined && { oneWay: true }),
    count({ from, to }) {
      const [low, high] = [BigInt(Math.max(from, first)), BigInt(Math.min(to, last))];
      const upTo = (value: bigint) => (value < BigInt(first) ? 0n : (value - BigInt(first)) / BigInt(step) + 1n);
      return high < low ? 0 : Number(upTo(high) - upTo(low - 1n));
    },
    levels({ from, to }) {
      const levels: Level[] = [];
      // a sum beyond the safe integers is beyond `last`, too
      for (let at = nearestBelow(from, first, step, last); at <= last; at += step) {
        levels.push(levelAt(at));
        if (at > to) break;
      }
      return levels;
    },
  };
}

/** The last level below a value; the first of all if there is none. In BigInt: the distance may not be a safe integer. */
function nearestBelow(value: number, first: number, step: number, last: number): number {
  const beyond = BigInt(Math.min(value - 1, last)) - BigInt(first);
  return beyond < 0n ? first : Number(BigInt(first) + beyond - (beyond % BigInt(step)));
}
