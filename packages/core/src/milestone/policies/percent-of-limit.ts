import * as z from "zod";
import { type Agrees, parseInput } from "../../validation.js";
import type { Level, LevelLabels, MilestonePolicy } from "../policy.js";
import { keyOf, labelFields, listed, present, refused, shortest } from "./level-spec.js";
import { isPercent, percentDown, percentUp } from "./percent.js";
import { withNearest } from "./with-nearest.js";

/** A part of the limit, in percent, alone or with what else is said of it. */
export type PercentSpec = number | PercentOfLimitSpec;

export interface PercentOfLimitSpec extends LevelLabels {
  /** Above 0, perhaps above 100, with at most 4 decimals. */
  readonly percent: number;
  /** The lower percentage that arms it again. */
  readonly rearmAt?: number;
}

interface PercentLevel extends PercentOfLimitSpec {
  readonly threshold: string;
}

const percentSchema = z
  .custom<number>(isPercent, "a percentage up to 1000000, with at most 4 decimals")
  .transform((percent) => percent + 0);

const specSchema = z.strictObject({
  percent: percentSchema.refine((percent) => percent > 0, "a percentage above 0"),
  rearmAt: percentSchema.optional(),
  ...labelFields,
});

true satisfies Agrees<typeof specSchema, PercentOfLimitSpec>;

/**
 * Rising levels at parts of the limit, named `50%` or `12.5%`. A level is reached where `value * 100 >= percent * limit`,
 * exactly: it lies at the smallest integer for which that holds, and arms again at the largest one for which
 * `value * 100 <= rearmAt * limit`.
 *
 * | policy, and the limit | levels at |
 * | --- | --- |
 * | `percentOfLimit(50, 100)`, 200 | 100 and 200 |
 * | `percentOfLimit(50, 100)`, 101 | 51 and 101 |
 * | `percentOfLimit(12.5, 120)`, 1,000 | 125 and 1,200 |
 * | `percentOfLimit(50, 100)`, 0 | 1 and 1: the first unit reaches every part of nothing |
 * | `percentOfLimit({ percent: 80, rearmAt: 70 })`, 99 | 80, arms again at 69 |
 * | `percentOfLimit(100, 200)`, 9,007,199,254,740,991 | 9,007,199,254,740,991 alone: no counter comes to twice that |
 */
export function percentOfLimit(...specs: readonly PercentSpec[]): MilestonePolicy {
  const parts = listed(specs, "percentOfLimit", percentLevel).sort((a, b) => a.percent - b.percent);
  if (parts.length === 0) throw refused("percentOfLimit", "at least one percentage");
  return {
    key: keyOf(
      "percentOfLimit",
      parts.map((part) => shortest("percent", part)),
    ),
    needs: ["limit"],
    ...(parts.every(({ rearmAt }) => rearmAt === undefined) && { oneWay: true }),
    levels: ({ from, to }, { limit }) => withNearest(levelsAt(parts, limit!), from, to),
  };
}

function percentLevel(spec: unknown, path: string): PercentLevel {
  const short = typeof spec === "number";
  const { percent, rearmAt, ...labels } = short
    ? { percent: parseInput(specSchema.shape.percent, spec, "invalid_milestone", path) }
    : parseInput(specSchema, spec, "invalid_milestone", path);
  if (rearmAt !== undefined && rearmAt >= percent) throw refused(`${path}.rearmAt`, `a percentage below ${percent}`);
  return { threshold: `${percent}%`, percent, ...present({ rearmAt, ...labels }) };
}

function levelsAt(parts: readonly PercentLevel[], limit: number): readonly Level[] {
  return parts.flatMap(({ percent, rearmAt, ...named }): Level[] => {
    const place = percentUp(percent, limit);
    if (place > Number.MAX_SAFE_INTEGER) return [];
    // a counter starts at 0, where every part of a limit of 0 would lie behind
    const at = Math.max(1, Number(place));
    const rearm = rearmAt !== undefined && { rearmAt: Number(percentDown(rearmAt, limit)) };
    return [{ at, direction: "rising", ...named, ...rearm }];
  });
}
