import type { CounterRepository, StoredCounter } from "@milepost/core/store";
import { keyArrays, sameCounter } from "./counter-key.js";
import type { Database } from "./driver.js";
import { parseTrail, type TrailJson, trailOf } from "./trail.js";

const readText = `
SELECT c.tenant, c.metric, c.subject, c.period, c.value, c.rev, c.due, c.below, c.above, c.folded, c.generation, c.state,
  coalesce(t.trail, '[]'::json) AS trail
FROM (
  SELECT DISTINCT *
  FROM ROWS FROM (unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]))
    AS k (tenant, metric, subject, period)
) k
JOIN {counters} c ON ${sameCounter("c", "k")}
CROSS JOIN LATERAL (${trailOf("$1")}) t`;

type Row = Omit<StoredCounter, "trail"> & { readonly trail: readonly TrailJson[] };

export function readStep(database: Database): CounterRepository["read"] {
  const read = database.statement("counters_read", readText);
  return async ({ keys, trailLimit }) => {
    if (keys.length === 0) return [];
    const rows = await database.run<Row>(read, [trailLimit, ...keyArrays(keys)]);
    return rows.map(({ trail, ...row }) => ({ ...row, trail: parseTrail(trail) }));
  };
}
