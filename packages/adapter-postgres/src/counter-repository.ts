import type {
  CounterKey,
  CounterRepository,
  CounterState,
  DueCounter,
  StoredCounter,
  TrailRow,
} from "@milepost/core/store";
import { addStep } from "./counter-add.js";
import { idleStep } from "./counter-idle.js";
import type { Database, Value } from "./driver.js";
import { parseTime, textArray } from "./values.js";

const columns = "c.tenant, c.metric, c.subject, c.period, c.value, c.rev, c.due";
const sameKey = (a: string, b: string): string =>
  `${a}.tenant = ${b}.tenant AND ${a}.metric = ${b}.metric AND ${a}.subject = ${b}.subject AND ${a}.period = ${b}.period`;

export function counterRepository(database: Database): CounterRepository {
  const get = database.statement(
    "counters_get",
    `SELECT DISTINCT ${columns}
     FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]))
       AS k (tenant, metric, subject, period)
     JOIN {counters} c ON ${sameKey("c", "k")}`,
  );

  // json, not arrays: it is decoded by JSON.parse, and the state of a counter comes once, not with each trail row.
  const trailOf = (limit: string): string =>
    `SELECT json_agg(json_build_object('rev', r.rev, 'generation', r.generation, 'from', r.from_value, 'limitVersion', r.limit_version,
       'ids', r.ids, 'amounts', r.amounts, 'occurredAts', r.occurred_ats) ORDER BY r.rev) AS trail
     FROM (SELECT * FROM {trail} t WHERE ${sameKey("t", "c")} AND t.rev > c.folded ORDER BY t.rev LIMIT ${limit}) r`;

  const read = database.statement(
    "counters_read",
    `SELECT ${columns}, c.below, c.above, c.folded, c.generation, c.state, coalesce(t.trail, '[]'::json) AS trail
     FROM (
       SELECT DISTINCT *
       FROM ROWS FROM (unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]))
         AS k (tenant, metric, subject, period)
     ) k
     JOIN {counters} c ON ${sameKey("c", "k")}
     CROSS JOIN LATERAL (${trailOf("$1")}) t`,
  );

  const due = (candidates: string): string =>
    `WITH candidate AS (${candidates})
     SELECT c.tenant, c.metric, c.subject, c.period, c.folded, c.generation, c.state, t.trail
     FROM candidate k
     JOIN {counters} c ON ${sameKey("c", "k")}
     CROSS JOIN LATERAL (${trailOf("$3")}) t
     WHERE c.due AND t.trail IS NOT NULL
     ORDER BY k.position LIMIT $2`;

  // The first trail row of each counter, by the index on recorded_at, so that a flood of due counters costs a sweep no
  // more than its limit. The scalar subquery is on purpose: as NOT EXISTS it may become a join over the whole table.
  const dueLongest = database.statement(
    "counters_due_longest",
    due(
      `SELECT t.tenant, t.metric, t.subject, t.period, row_number() OVER (ORDER BY t.recorded_at) AS position
       FROM (
         SELECT * FROM {trail} t
         WHERE t.metric = ANY ($1::text[]) AND t.rev = (SELECT min(e.rev) FROM {trail} e WHERE ${sameKey("e", "t")})
         ORDER BY t.recorded_at LIMIT $2
       ) t`,
    ),
  );

  const dueAmong = database.statement(
    "counters_due_among",
    due(
      `SELECT * FROM ROWS FROM (unnest($4::text[]), unnest($5::text[]), unnest($6::text[]), unnest($7::text[]))
         WITH ORDINALITY AS k (tenant, metric, subject, period, position)
       WHERE metric = ANY ($1::text[])`,
    ),
  );

  return {
    add: addStep(database),

    async get({ keys }) {
      if (keys.length === 0) return [];
      return database.run<CounterState>(get, keyArrays(keys));
    },

    async read({ keys, trailLimit }) {
      if (keys.length === 0) return [];
      const rows = await database.run<TrailedRow<StoredCounter>>(read, [trailLimit, ...keyArrays(keys)]);
      return rows.map(withTimes);
    },

    async due({ metrics, keys, limit, trailLimit }) {
      const common = [textArray(metrics), limit, trailLimit];
      const rows =
        keys === undefined
          ? await database.run<TrailedRow<DueCounter>>(dueLongest, common)
          : await database.run<TrailedRow<DueCounter>>(dueAmong, [...common, ...keyArrays(keys)]);
      return rows.map(withTimes);
    },

    idle: idleStep(database),

    async list({ tenant, metric, subject, after, limit }) {
      // Written per shape: "metric = $2 OR $2 IS NULL" would keep the generic plan from using the key's order.
      const values: Value[] = [tenant, limit];
      const where = ["c.tenant = $1"];
      const value = (given: string) => `$${values.push(given)}`;
      if (metric !== undefined) where.push(`c.metric = ${value(metric)}`);
      if (subject !== undefined) where.push(`c.subject = ${value(subject)}`);
      if (after !== undefined) {
        const row = [after.metric, after.subject, after.period].map(value);
        where.push(`(c.metric, c.subject, c.period) > (${row.join(", ")})`);
      }
      const statement = database.statement(
        "counters_list",
        `SELECT ${columns} FROM {counters} c WHERE ${where.join(" AND ")}
         ORDER BY c.metric, c.subject, c.period LIMIT $2`,
      );
      return database.run<CounterState>(statement, values);
    },
  };
}

function keyArrays(keys: readonly CounterKey[]): Value[] {
  return [
    textArray(keys.map((key) => key.tenant)),
    textArray(keys.map((key) => key.metric)),
    textArray(keys.map((key) => key.subject)),
    textArray(keys.map((key) => key.period)),
  ];
}

/** As the statement answers it: the times in a trail are text in its JSON. */
type TrailedRow<T extends { readonly trail: readonly TrailRow[] }> = Omit<T, "trail"> & {
  readonly trail: readonly (Omit<TrailRow, "occurredAts"> & { readonly occurredAts: readonly string[] })[];
};

function withTimes<T extends { readonly trail: readonly TrailRow[] }>({ trail, ...row }: TrailedRow<T>): T {
  return { ...row, trail: trail.map((t) => ({ ...t, occurredAts: t.occurredAts.map(parseTime) })) } as unknown as T;
}
