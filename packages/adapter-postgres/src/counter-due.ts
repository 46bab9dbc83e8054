import type { CounterRepository, DueCounter } from "@milepost/core/store";
import { keyArrays, sameCounter } from "./counter-key.js";
import type { Database } from "./driver.js";
import { parseTrail, type TrailJson, trailOf } from "./trail.js";
import { textArray, time } from "./values.js";

const now = "SELECT coalesce($4::timestamptz, clock_timestamp())";

const dueText = (candidates: string): string => `
WITH candidate AS (${candidates})
SELECT c.tenant, c.metric, c.subject, c.period, c.folded, c.generation, c.state, t.trail, p.attempts,
  p.without_effects AS "withoutEffects"
FROM candidate k
JOIN {counters} c ON ${sameCounter("c", "k")}
LEFT JOIN {parked} p ON ${sameCounter("p", "c")} AND p.folded = c.folded
CROSS JOIN LATERAL (${trailOf("$3")}) t
WHERE c.due AND t.trail IS NOT NULL AND coalesce(p.retry_at <= (${now}), true)
ORDER BY k.position LIMIT $2`;

// The first trail row of each counter, by the index on recorded_at, so that a flood of due counters costs a sweep no
// more than its limit. The scalar subqueries are on purpose: as NOT EXISTS they may become joins over the whole table.
const longest = `
  SELECT t.tenant, t.metric, t.subject, t.period, row_number() OVER (ORDER BY t.recorded_at) AS position
  FROM (
    SELECT * FROM {trail} t
    WHERE t.metric = ANY ($1::text[]) AND t.rev = (SELECT min(e.rev) FROM {trail} e WHERE ${sameCounter("e", "t")})
      AND coalesce((
        SELECT p.retry_at FROM {parked} p JOIN {counters} c ON ${sameCounter("c", "p")} AND c.folded = p.folded
        WHERE ${sameCounter("p", "t")}
      ) <= (${now}), true)
    ORDER BY t.recorded_at LIMIT $2
  ) t`;

const among = `
  SELECT * FROM ROWS FROM (unnest($5::text[]), unnest($6::text[]), unnest($7::text[]), unnest($8::text[]))
    WITH ORDINALITY AS k (tenant, metric, subject, period, position)
  WHERE metric = ANY ($1::text[])`;

export function dueStep(database: Database): CounterRepository["due"] {
  const dueLongest = database.statement("counters_due_longest", dueText(longest));
  const dueAmong = database.statement("counters_due_among", dueText(among));

  return async ({ metrics, keys, limit, trailLimit, now: at }) => {
    const common = [textArray(metrics), limit, trailLimit, time(at)];
    const rows =
      keys === undefined
        ? await database.run<DueRow>(dueLongest, common)
        : await database.run<DueRow>(dueAmong, [...common, ...keyArrays(keys)]);
    return rows.map(dueCounter);
  };
}

type DueRow = Omit<DueCounter, "trail" | "parked"> & {
  readonly attempts: number | null;
  readonly withoutEffects: boolean | null;
  readonly trail: readonly TrailJson[];
};

function dueCounter({ trail, attempts, withoutEffects, ...row }: DueRow): DueCounter {
  return {
    ...row,
    trail: parseTrail(trail),
    ...(attempts !== null && { parked: { attempts, withoutEffects: withoutEffects === true } }),
  };
}
