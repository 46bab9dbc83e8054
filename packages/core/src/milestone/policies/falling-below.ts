import * as z from "zod";
import { type Agrees, parseInput } from "../../validation.js";
import type { Level, LevelLabels, MilestonePolicy } from "../policy.js";
import {
  isDistance,
  isOnly,
  keyOf,
  labelFields,
  listed,
  present,
  refused,
  safeInteger,
  shortest,
} from "./level-spec.js";
import { isPercent, percentUp } from "./percent.js";
import { withNearest } from "./with-nearest.js";

/**
 * Where a falling level arms again: it can be passed anew once the value has risen this far.
 *
 * | written | the level 100 arms again at |
 * | --- | --- |
 * | `110` | 110 and above: a value in the unit of the level |
 * | `{ above: 5 }` | 105 and above: so far above the level |
 * | `{ percent: 120 }` | 120 and above: this part of the level, rounded up; above 100, at most 4 decimals |
 */
export type FallingRearmAt = number | { readonly above: number } | { readonly percent: number };

/** A falling level: the value it lies below, alone or with what else is said of it. */
export type FallingSpec = number | FallingBelowSpec;

export interface FallingBelowSpec extends LevelLabels {
  /** A safe integer; the level is passed where the value is below it. */
  readonly at: number;
  readonly rearmAt?: FallingRearmAt;
}

const rearmAtSchema = z.custom<FallingRearmAt>(
  (value) =>
    Number.isSafeInteger(value) ||
    isOnly(value, "above", isDistance) ||
    isOnly(value, "percent", (percent) => isPercent(percent) && percent > 100),
  "a safe integer, { above: a safe integer above 0 } or { percent: above 100, with at most 4 decimals }",
);

const specSchema = z.strictObject({ at: safeInteger, rearmAt: rearmAtSchema.optional(), ...labelFields });

true satisfies Agrees<typeof specSchema, FallingBelowSpec>;

/**
 * Falling levels, each named after the value that the counter falls below: the level `100` is passed where the value
 * comes from 100 or more to 99 or less, so it lies at 99. Needs a metric that takes negative amounts
 * (`decrements: true`), or a gauge.
 *
 * | policy, and a counter going | passes |
 * | --- | --- |
 * | `fallingBelow(100)`: 150 -> 100 | nothing |
 * | `fallingBelow(100)`: 100 -> 99 | `100` |
 * | `fallingBelow(100, 50)`: 150 -> 20 | `100` and `50` |
 * | `fallingBelow(100)`: 0 -> 50 -> 20 | nothing: it was never at 100 |
 * | `fallingBelow(100)`: 150 -> 90 -> 150 -> 90 | `100` |
 * | `fallingBelow({ at: 100, rearmAt: 120 })`: 150 -> 90 -> 119 -> 90 | `100` |
 * | `fallingBelow({ at: 100, rearmAt: 120 })`: 150 -> 90 -> 120 -> 90 | `100` and `100` |
 * | `fallingBelow({ at: 100, rearmAt: 100 })`: 150 -> 90 -> 100 -> 90 | `100` and `100` |
 */
export function fallingBelow(...levels: readonly FallingSpec[]): MilestonePolicy {
  const sorted = listed(levels, "fallingBelow", fallingLevel).sort((a, b) => a.at - b.at);
  if (sorted.length === 0) throw refused("fallingBelow", "at least one value");
  return {
    key: keyOf(
      "fallingBelow",
      sorted.map((level) => shortest("at", { ...level, at: level.at + 1 })),
    ),
    levels: ({ from, to }) => withNearest(sorted, from, to),
  };
}

function fallingLevel(spec: unknown, path: string): Level {
  const short = typeof spec === "number";
  const {
    at: value,
    rearmAt,
    ...labels
  } = short
    ? { at: parseInput(safeInteger, spec, "invalid_milestone", path) }
    : parseInput(specSchema, spec, "invalid_milestone", path);
  const at = value - 1;
  if (!Number.isSafeInteger(at)) throw refused(short ? path : `${path}.at`, "a safe integer above the smallest one");
  const rearm = rearmAt !== undefined && { rearmAt: rearmAbove(rearmAt, value, `${path}.rearmAt`) };
  return { threshold: String(value), at, direction: "falling", ...rearm, ...present(labels) };
}

function rearmAbove(rearmAt: FallingRearmAt, value: number, path: string): number {
  if (typeof rearmAt === "object" && "percent" in rearmAt && value <= 0) {
    throw refused(path, `no percentage, because it is one of a level above 0; this one is ${value}`);
  }
  const place =
    typeof rearmAt === "number"
      ? rearmAt
      : "above" in rearmAt
        ? value + rearmAt.above
        : Number(percentUp(rearmAt.percent, value));
  if (!Number.isSafeInteger(place) || place < value) throw refused(path, `a safe integer of ${value} or more`);
  return place;
}
