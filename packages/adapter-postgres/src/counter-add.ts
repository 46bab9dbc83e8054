import type { AddResult, CounterRepository, CounterState } from "@milepost/core/store";
import { type Batch, type PlacedCounter, parameters, placed } from "./counter-add-batch.js";
import { counterLockOrder } from "./counter-key.js";
import type { Database } from "./driver.js";
import { forgetDrained } from "./inbox-repository.js";
import { plainArray } from "./values.js";

/** Milliseconds since 1970 as a timestamptz. */
const timeOf = (milliseconds: string): string =>
  `timestamptz 'epoch' + ${milliseconds}::float8 * interval '1 millisecond'`;

/** What the statement is for: the fewer things, the shorter its text. */
interface Needs {
  /** A metric of the batch keeps more of an event than its id. */
  readonly keeps: boolean;
  /** A metric of the batch is a gauge. */
  readonly gauges: boolean;
  /** A metric of the batch is evaluated by others, who are woken if one of its counters is due. */
  readonly leaves: boolean;
}

/** Where the trail and what is retained find a batch's effect on its counters. */
interface Effect {
  readonly change: "change" | "travel";
  /** Joined to `feed f`, as `a`. */
  readonly accepted: string;
}

/** By subscript, because EXCLUDED has no column to hand it over in. */
const isGauge = "($29::boolean[])[excluded.place]";

const sumStep = `
  SELECT f.counter, a.amount,
    sum(a.amount) OVER (PARTITION BY f.counter ORDER BY f.event ROWS UNBOUNDED PRECEDING)::bigint AS reached
  FROM feed f JOIN accepted a ON a.place = f.event`;

/**
 * What a gauge does to a counter is reckoned from 0, as if it held nothing: the steps to its values from there. They add
 * up to the last value, and the sums on the way are the values themselves.
 */
const gaugeStep = `
  SELECT f.counter, CASE WHEN k.gauge THEN a.amount - lag(a.amount, 1, 0::bigint) OVER way ELSE a.amount END AS amount,
    CASE WHEN k.gauge THEN a.amount ELSE sum(a.amount) OVER way::bigint END AS reached
  FROM feed f JOIN accepted a ON a.place = f.event JOIN counter k ON k.place = f.counter
  WINDOW way AS (PARTITION BY f.counter ORDER BY f.event ROWS UNBOUNDED PRECEDING)`;

/**
 * How far each counter really went, in the form of `change`, and by which amounts, in the form of `accepted`. Where a gauge
 * came from is known only now that its row is locked: dip brings it back, and a row with rev 1 was born of nothing.
 */
const movedSteps = `, travel AS MATERIALIZED (
  SELECT d.place AS counter,
    CASE WHEN NOT k.gauge THEN x.total WHEN d.rev = 1 THEN d.value ELSE d.value - d.dip::bigint END AS total
  FROM changed d JOIN counter k ON k.place = d.place JOIN change x ON x.counter = d.place
), moved AS MATERIALIZED (
  SELECT f.place AS feed, a.id, a.occurred_at, a.retained, CASE
    WHEN k.gauge THEN (a.amount - lag(a.amount, 1, d.value - t.total) OVER way)::{safe_integer}
    ELSE a.amount END AS amount
  FROM feed f JOIN accepted a ON a.place = f.event JOIN counter k ON k.place = f.counter
    JOIN changed d ON d.place = f.counter JOIN travel t ON t.counter = f.counter
  WINDOW way AS (PARTITION BY f.counter ORDER BY f.event)
)`;

/**
 * Each difference has to be looked at, and a CTE is computed as far as it is read. The steps after it read it to the end in
 * the plans that were seen, also where they take nothing of it; this does in any.
 */
const wholeSteps = `
  (SELECT count(amount) FROM moved) AS moved,`;

/** All that is due is told where any metric of the batch is left to others: a batch seldom has metrics of both kinds. */
const leftStep = (wakeIfAny: Database["wakeIfAny"]): string => `
  ${wakeIfAny("changed WHERE due")} AS woken,`;

/** Each accepted event feeds one lifetime counter, so this keeps it once. */
const retainedStep = ({ change, accepted }: Effect): string => `, retained AS (
  INSERT INTO {retained_events} (tenant, metric, subject, rev, place, id, amount, occurred_at, value)
  SELECT k.tenant, k.metric, k.subject, d.rev, row_number() OVER way - 1, a.id, a.amount, ${timeOf("a.occurred_at")},
    d.value - x.total + (sum(a.amount) OVER way)::bigint
  FROM feed f JOIN ${accepted} JOIN counter k ON k.place = f.counter
    JOIN changed d ON d.place = f.counter JOIN ${change} x ON x.counter = f.counter
  WHERE a.retained AND k.period = 'lifetime'
  WINDOW way AS (PARTITION BY f.counter ORDER BY f.event ROWS UNBOUNDED PRECEDING)
)`;

/**
 * `counters.add` as one statement: one round trip, one commit.
 *
 * The batch comes as parallel arrays in three tables: its events, its counters, and which event feeds which counter, by
 * place. Places make the grouping compare integers instead of four text columns.
 *
 * `generate_series` numbers the rows, and it is what a plan made for any array estimates by: 1,000 rows, where unnest
 * alone says 10 and the generic plan then joins 5,000 events to 5,000 ids row by row.
 * Its end stands in a sub-select to hide it from the planner: with the real length a plan of its own for each batch looks
 * cheaper than the cached one, and planning takes a third of the time.
 *
 * In three texts: only a batch with a metric that keeps more of an event than its id pays for keeping it, and only one with
 * a gauge for setting it.
 */
function addText({ keeps, gauges, leaves }: Needs, { wakeIfAny }: Database): string {
  const base = gauges ? `CASE WHEN ${isGauge} THEN 0 ELSE c.value END` : "c.value";
  const dip = gauges ? `CASE WHEN ${isGauge} THEN c.value ELSE c.value + excluded.dip END` : "c.value + excluded.dip";
  const effect: Effect = gauges
    ? { change: "travel", accepted: "moved a ON a.feed = f.place" }
    : { change: "change", accepted: "accepted a ON a.place = f.event" };
  return `
WITH stale AS MATERIALIZED (
  SELECT k.metric FROM ROWS FROM (unnest($1::text[]), unnest($2::bigint[])) AS k (metric, generation)
  WHERE NOT EXISTS (SELECT FROM {definitions} d WHERE d.metric = k.metric AND d.generation = k.generation)
), event AS MATERIALIZED (
  SELECT * FROM ROWS FROM (unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::bigint[]),
    unnest($7::bigint[]), ${keeps ? "unnest($27::boolean[]), unnest($28::boolean[]), " : ""}generate_series(1, (SELECT $8::integer)))
    AS e (tenant, metric, id, amount, occurred_at, ${keeps ? "purged, retained, " : ""}place)
), feed AS MATERIALIZED (
  SELECT * FROM ROWS FROM (unnest($9::integer[]), unnest($10::integer[]), generate_series(1, (SELECT $11::integer)))
    AS f (event, counter, place)
), counter AS MATERIALIZED (
  SELECT * FROM ROWS FROM (unnest($12::text[]), unnest($13::text[]), unnest($14::text[]), unnest($15::text[]),
    unnest($16::bigint[]), unnest($17::bigint[]), unnest($18::boolean[]), unnest($19::bigint[]), unnest($20::bigint[]),
    unnest($21::bigint[]), unnest($25::bigint[]), ${gauges ? "unnest($29::boolean[]), " : ""}generate_series(1, (SELECT $22::integer)))
    AS k (tenant, metric, subject, period, below, above, due, total, dip, peak, generation, ${gauges ? "gauge, " : ""}place)
), fresh AS (
  INSERT INTO {events} (tenant, metric, id${keeps ? ", occurred_at" : ""})
  SELECT tenant, metric, id${keeps ? `, CASE WHEN purged THEN ${timeOf("occurred_at")} END` : ""}
  FROM event WHERE NOT EXISTS (SELECT FROM stale)
  ORDER BY id COLLATE "C", tenant COLLATE "C", metric COLLATE "C"
  ON CONFLICT DO NOTHING
  RETURNING tenant, metric, id
), counted AS MATERIALIZED (
  SELECT count(*) = $8 AS all_fresh FROM fresh
), accepted AS MATERIALIZED (
  SELECT e.* FROM event e WHERE (SELECT all_fresh FROM counted)
  UNION ALL
  SELECT e.* FROM event e JOIN fresh USING (id, tenant, metric) WHERE NOT (SELECT all_fresh FROM counted)
), step AS (${gauges ? gaugeStep : sumStep}
), change AS MATERIALIZED (
  -- Only one branch runs. The sums that came with the batch hold if none of it was a duplicate: no join, no window, a
  -- quarter of the whole statement.
  SELECT place AS counter, total, dip, peak FROM counter WHERE (SELECT all_fresh FROM counted) AND $24::boolean
  UNION ALL
  SELECT counter, sum(amount)::bigint, min(reached), max(reached) FROM step
  WHERE NOT ((SELECT all_fresh FROM counted) AND $24::boolean) GROUP BY counter
), changed AS MATERIALIZED (
  INSERT INTO {counters} AS c
    (tenant, metric, subject, period, value, rev, due, below, above, dip, peak, place, generation)
  SELECT k.tenant, k.metric, k.subject, k.period, x.total, 1,
    k.due OR coalesce(x.dip <= k.below, false) OR coalesce(x.peak >= k.above, false), k.below, k.above,
    x.dip, x.peak, k.place, k.generation
  FROM change x JOIN counter k ON k.place = x.counter
  ORDER BY ${counterLockOrder("k")}
  ON CONFLICT (tenant, metric, subject, period) DO UPDATE SET
    value = ${base} + excluded.value,
    rev = c.rev + 1,
    dip = ${dip},
    peak = ${base} + excluded.peak,
    place = excluded.place,
    -- By subscript, because EXCLUDED has no column to hand bandsSince over in.
    due = c.due OR c.generation < ($26::bigint[])[excluded.place]
                OR coalesce(${base} + excluded.dip <= c.below, false)
                OR coalesce(${base} + excluded.peak >= c.above, false)
  RETURNING place, value, rev, due, dip::{safe_integer}, peak::{safe_integer}
)${gauges ? movedSteps : ""}, trail AS (
  INSERT INTO {trail}
    (tenant, metric, subject, period, rev, generation, from_value, ids, amounts, occurred_ats, recorded_at)
  SELECT k.tenant, k.metric, k.subject, k.period, d.rev, k.generation, d.value - x.total, e.ids, e.amounts,
    e.occurred_ats, coalesce($23::timestamptz, clock_timestamp())
  FROM (
    SELECT f.counter, array_agg(a.id ORDER BY f.event) AS ids, array_agg(a.amount ORDER BY f.event) AS amounts,
      array_agg(${timeOf("a.occurred_at")} ORDER BY f.event) AS occurred_ats
    FROM feed f JOIN ${effect.accepted}
    WHERE f.counter IN (SELECT place FROM changed WHERE due)
    GROUP BY f.counter
  ) e JOIN changed d ON d.place = e.counter JOIN ${effect.change} x ON x.counter = e.counter JOIN counter k ON k.place = e.counter
)${keeps ? retainedStep(effect) : ""}
SELECT
  (SELECT json_agg(metric) FROM stale) AS stale,
  (SELECT json_agg(place ORDER BY place) FROM event
    WHERE NOT (SELECT all_fresh FROM counted) AND NOT EXISTS (SELECT FROM stale)
      AND place NOT IN (SELECT place FROM accepted)) AS duplicates,${gauges ? wholeSteps : ""}${leaves ? leftStep(wakeIfAny) : ""}
  changed.*
FROM (
  -- One row of arrays costs both sides less than a row for each counter.
  SELECT array_to_json(array_agg(place)) AS places, array_to_json(array_agg(value)) AS values,
    array_to_json(array_agg(rev)) AS revs, array_to_json(array_agg(place) FILTER (WHERE due)) AS due
  FROM changed
) changed`;
}

interface Row {
  readonly stale: readonly string[] | null;
  /** Places count from 1. */
  readonly duplicates: readonly number[] | null;
  readonly places: readonly number[] | null;
  readonly values: readonly number[];
  readonly revs: readonly number[];
  readonly due: readonly number[] | null;
}

export function addStep(database: Database): CounterRepository["add"] {
  const statements = (leaves: boolean) => ({
    plain: database.statement("counters_add", addText({ keeps: false, gauges: false, leaves }, database)),
    keeping: database.statement("counters_add_keeping", addText({ keeps: true, gauges: false, leaves }, database)),
    setting: database.statement("counters_add_setting", addText({ keeps: true, gauges: true, leaves }, database)),
  });
  const own = statements(false);
  const forOthers = statements(true);
  const forget = forgetDrained(database);

  return async ({ events, rules, drained = [], now }) => {
    const batch = placed(events, rules);
    const known = Object.values(rules);
    const gauges = known.some(({ gauge }) => gauge);
    const keeps = gauges || known.some(({ purged, retain }) => purged || retain === "events");
    const { plain, keeping, setting } = known.some(({ left }) => left) ? forOthers : own;
    const statement = gauges ? setting : keeps ? keeping : plain;
    const values = parameters(events, batch, rules, now);
    if (keeps) {
      values.push(plainArray(events.map(({ metric }) => rules[metric]!.purged)));
      values.push(plainArray(events.map(({ metric }) => rules[metric]!.retain === "events")));
    }
    if (gauges) values.push(plainArray(batch.counters.map(({ metric }) => rules[metric]!.gauge)));
    if (drained.length === 0) return added(batch, await database.run<Row>(statement, values));
    return database.transaction(async (run) => {
      const result = added(batch, await run<Row>(statement, values));
      if (result.stale.length === 0) await forget(run, drained);
      return result;
    });
  };
}

function added(batch: Batch, rows: readonly Row[]): AddResult {
  const { stale, duplicates, places, values, revs, due: dueRows } = rows[0] as Row;
  const due = new Set(dueRows);
  const counters = (places ?? []).map((place, i): CounterState => {
    const { tenant, metric, subject, period } = batch.counters[place - 1] as PlacedCounter;
    const [value, rev] = [values[i] as number, revs[i] as number];
    return { tenant, metric, subject, period, value, rev, due: due.has(place) };
  });
  return { stale: stale ?? [], duplicates: (duplicates ?? []).map((place) => place - 1), counters };
}
