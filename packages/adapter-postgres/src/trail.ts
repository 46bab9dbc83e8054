import type { TrailRow } from "@milepost/core/store";
import { sameCounter } from "./counter-key.js";
import { parseTime } from "./values.js";

/**
 * The first rows of the counter `c` that were not folded yet, as one column `trail`: null if there is none. json, not
 * arrays: it is decoded by JSON.parse, and the state of a counter comes once, not with each trail row.
 */
export function trailOf(limit: string): string {
  return `
  SELECT json_agg(json_build_object('rev', r.rev, 'generation', r.generation, 'from', r.from_value, 'limitVersion', r.limit_version,
    'mark', r.mark, 'ids', r.ids, 'amounts', r.amounts, 'occurredAts', r.occurred_ats) ORDER BY r.rev) AS trail
  FROM (SELECT * FROM {trail} t WHERE ${sameCounter("t", "c")} AND t.rev > c.folded ORDER BY t.rev LIMIT ${limit}) r`;
}

/** A trail row as the statement answers it: times are text in its JSON. */
export type TrailJson = Omit<TrailRow, "occurredAts" | "mark"> & {
  readonly mark: TrailRow["mark"] | null;
  readonly occurredAts: readonly string[];
};

export function parseTrail(trail: readonly TrailJson[]): readonly TrailRow[] {
  return trail.map(
    ({ mark, ...row }): TrailRow => ({
      ...row,
      ...(mark && { mark }),
      occurredAts: row.occurredAts.map(parseTime),
    }),
  );
}
