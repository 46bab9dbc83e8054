import * as z from "zod";
import { type Agrees, parseInput } from "../../validation.js";
import type { Level, LevelLabels } from "../policy.js";
import { labelFields, present, type RearmAt, rearmAtSchema, rearmBelow, refused, safeInteger } from "./level-spec.js";

/** What is said of all levels of a series at once. */
export interface SeriesOptions extends LevelLabels {
  /** Safe integers, both inclusive. */
  readonly from?: number;
  /** The largest safe integer unless said. */
  readonly to?: number;
  /** A number is one place for all levels, so it lies below the first; `below` and `percent` are each level's own. */
  readonly rearmAt?: RearmAt;
}

/** A series as it was read: its ends, its level at a value, and what its key says beyond the first parameter. */
export interface Series {
  readonly from: number;
  readonly to: number;
  readonly levelAt: (at: number) => Level;
  readonly written: readonly object[];
}

const seriesSchema = z.strictObject({
  from: safeInteger.optional(),
  to: safeInteger.optional(),
  rearmAt: rearmAtSchema.optional(),
  ...labelFields,
});

true satisfies Agrees<typeof seriesSchema, SeriesOptions>;

export function readSeries(options: SeriesOptions, path: string, usualFrom: number): Series {
  const given = parseInput(seriesSchema, options, "invalid_milestone", path);
  const { from = usualFrom, to = Number.MAX_SAFE_INTEGER, rearmAt } = given;
  if (to < from) throw refused(`${path}.to`, `at least ${from}, where the levels begin`);
  const labels = present({ code: given.code, severity: given.severity });
  const levelAt = (at: number): Level => {
    const rearm = rearmAt !== undefined && { rearmAt: rearmBelow(rearmAt, at, `${path}.rearmAt`) };
    return { threshold: String(at), at, direction: "rising", ...rearm, ...labels };
  };
  // of all levels the first one is the hardest to arm again below
  levelAt(from);
  const written = present({
    from: from === usualFrom ? undefined : from,
    to: to === Number.MAX_SAFE_INTEGER ? undefined : to,
    rearmAt,
    ...labels,
  });
  return { from, to, levelAt, written: Object.keys(written).length === 0 ? [] : [written] };
}
