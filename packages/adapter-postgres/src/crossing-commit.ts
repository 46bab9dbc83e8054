import {
  birthReason,
  type CounterEvaluation,
  type CrossingRepository,
  counterKeyText,
  type EvaluationResult,
} from "@milepost/core/store";
import { runBatch } from "./batch.js";
import { counterLockOrder, sameCounter } from "./counter-key.js";
import { effectStep } from "./crossing-effects.js";
import type { Database, Value } from "./driver.js";
import { plainArray, textArray, time } from "./values.js";

/**
 * As arrays, of which a plan made for any values expects ten rows: so few that the heads are found by their key. Taken out
 * of the evaluations they would seem 10,000, and be worth reading all heads.
 */
const levelsStep = `watched AS MATERIALIZED (
  SELECT * FROM ROWS FROM (unnest($3::integer[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
    unnest($7::bigint[])) AS w (n, tenant, milestone, subject, applied)
), same_levels AS MATERIALIZED (
  SELECT w.n, w.milestone, w.subject FROM watched w
  JOIN {levels_heads} h ON h.tenant = w.tenant AND h.milestone = w.milestone AND h.subject = w.subject
  WHERE h.applied = w.applied
  ORDER BY h.tenant COLLATE "C", h.milestone COLLATE "C", h.subject COLLATE "C" FOR SHARE OF h
), other_levels AS MATERIALIZED (
  -- Owners that have no levels have no head to lock. None is needed: what is applied after this snapshot finds the counter.
  SELECT w.n FROM watched w
  WHERE NOT EXISTS (SELECT FROM same_levels s WHERE s.n = w.n AND s.milestone = w.milestone AND s.subject = w.subject)
    AND (w.applied <> 0 OR EXISTS (SELECT FROM {levels_heads} h
      WHERE h.tenant = w.tenant AND h.milestone = w.milestone AND h.subject = w.subject))
), `;

const noticesStep = `, noticed AS (
  INSERT INTO {notices} (tenant, id, crossing, milestone, kind, number, value, noticed_at, state, not_before, created_at)
  SELECT y.tenant, y.id, y.crossing, y.milestone, y.kind, y.number, y.value, y."noticedAt", 'pending', step.now, step.now
  FROM committed e, step, jsonb_to_recordset(e.notices) AS y (tenant text, id text, crossing text, milestone text,
    kind text, number bigint, value bigint, "noticedAt" timestamptz)
  ORDER BY y.tenant COLLATE "C", y.crossing COLLATE "C", y.kind COLLATE "C", y.number
  ON CONFLICT DO NOTHING
  RETURNING id
)`;

/** With `reacts` for a batch that has stored levels or notices: one without, the most of them, does not pay for theirs. */
const commitText = ({ reacts, answer }: { reacts: boolean; answer: string }): string => `
WITH step AS (
  SELECT date_trunc('milliseconds', coalesce($2::timestamptz, clock_timestamp())) AS now
), evaluation AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1) AS e (n integer, tenant text, metric text, subject text, period text,
    generation bigint, reached bigint, rev bigint, "from" bigint, "upTo" bigint, "limitsSeen" bigint,
    witness jsonb,
    band jsonb, state jsonb, crossings jsonb, notices jsonb, "wakeAt" timestamptz)
), seen AS MATERIALIZED (
  -- Looked at again as it is now if another step has it, so what was applied meanwhile makes this one lost.
  SELECT e.n FROM evaluation e
  JOIN {limit_heads} h ON h.tenant = e.tenant AND h.metric = e.metric AND h.subject = e.subject
  WHERE h.applied = e."limitsSeen"
  ORDER BY h.tenant COLLATE "C", h.metric COLLATE "C", h.subject COLLATE "C" FOR SHARE OF h
), ${reacts ? levelsStep : ""}locked AS MATERIALIZED (
  -- In the order in which add() locks them. A row that changed since the snapshot is looked at again as it is now, so
  -- another evaluation's commit makes this one lost, and so does an add() where a rev is given.
  SELECT e.* FROM evaluation e
  JOIN {definitions} d ON d.metric = e.metric AND d.generation = e.generation
  JOIN {counters} c ON c.tenant = e.tenant AND c.metric = e.metric AND c.subject = e.subject AND c.period = e.period
  WHERE (e."limitsSeen" IS NULL OR e.n IN (SELECT n FROM seen))
    ${reacts ? "AND e.n NOT IN (SELECT n FROM other_levels)" : ""}
    AND (e.witness IS NULL OR EXISTS (
      SELECT FROM {trail} t WHERE ${sameCounter("t", "c")} AND t.rev = (e.witness ->> 'rev'::text)::bigint
        AND t.ids[cardinality(t.ids)] = e.witness ->> 'id'::text))
    AND c.folded = e."from" AND (e.rev IS NULL OR (c.rev = e.rev AND c.generation < e.reached))
  ORDER BY ${counterLockOrder("c")}
  FOR UPDATE OF c
), committed AS (
  -- c is the newest version here too, so an add() that committed after the snapshot was taken keeps the counter due.
  UPDATE {counters} c SET folded = e."upTo", due = c.rev > e."upTo", generation = e.reached, state = e.state,
    below = (e.band ->> 'below'::text)::bigint, above = (e.band ->> 'above'::text)::bigint, wake_at = e."wakeAt"
  FROM locked e
  WHERE ${sameCounter("c", "e")}
  RETURNING e.n, e.tenant, e.metric, e.subject, e.period, e."upTo", e.crossings, e.notices
), folded AS (
  DELETE FROM {trail} t USING committed e WHERE ${sameCounter("t", "e")} AND t.rev <= e."upTo"
), unparked AS (
  DELETE FROM {parked} p USING committed e WHERE ${sameCounter("p", "e")}
), stored AS (
  INSERT INTO {crossings} (tenant, id, milestone, metric, subject, period, threshold, limit_version, arming, at,
    direction, code, severity, limit_amount, skipped, previous, value, event_id, reached_at, state, reason, not_before, created_at)
  SELECT x.tenant, x.id, x.milestone, x.metric, x.subject, x.period, x.threshold, x."limitVersion", x.arming, x.at,
    x.direction, x.code, x.severity, x."limitAmount", x.skipped, x.previous, x.value, x."eventId", x."reachedAt", x.state, x.reason, step.now, step.now
  FROM committed e, step, jsonb_to_recordset(e.crossings) AS x (tenant text, id text, milestone text, metric text,
    subject text, period text, threshold text, "limitVersion" bigint, arming bigint, at bigint, direction text,
    code text, severity text, "limitAmount" bigint, skipped bigint, previous bigint, value bigint, "eventId" text, "reachedAt" timestamptz, state text, reason text)
  ORDER BY x.tenant COLLATE "C", x.milestone COLLATE "C", x.subject COLLATE "C", x.period COLLATE "C",
    x.threshold COLLATE "C", x."limitVersion", x.arming
  ON CONFLICT DO NOTHING
  RETURNING id, state
)${reacts ? noticesStep : ""}, announceable AS (
  SELECT id FROM stored WHERE state = 'pending'${reacts ? " UNION ALL SELECT id FROM noticed" : ""}
)
SELECT ${answer} FROM committed`;

/** What {@link commitText} has stored for others to announce. */
const work = "announceable";

export function commitStep(database: Database): CrossingRepository["commitEvaluation"] {
  const committing = (label: string, reacts: boolean) =>
    database.tellingStatement(label, work, (woken) => commitText({ reacts, answer: `n, ${woken}` }));
  const plainStatement = committing("crossings_commit", false);
  const reacting = committing("crossings_commit_reacting", true);
  // for an evaluation that is alone in its statement
  const stored = `(SELECT json_agg(id) FROM stored) AS stored, ${database.wakeIfAny(work)} AS woken`;
  const telling = database.statement("crossings_commit_telling", commitText({ reacts: true, answer: stored }));
  const commitWithEffects = effectStep(database, async (run, evaluation, now) => {
    const item = { ...itemOf(evaluation), n: 0 };
    const values = [JSON.stringify([item]), time(now), ...levelsSeen([evaluation])];
    const [row] = await run<{ stored: readonly string[] | null }>(telling, values);
    return row && (row.stored ?? []);
  });

  return async ({ evaluations, now }) => {
    const results: EvaluationResult[] = evaluations.map(() => "lost");
    const places = [...evaluations.keys()];
    const hasEffects = (place: number) => (evaluations[place]!.effects ?? []).length > 0;
    const plain = places.filter((place) => !hasEffects(place));
    const batch = plain.map((place) => evaluations[place]!);
    const reacts = batch.some(({ levelsSeen: seen = [], notices = [] }) => seen.length + notices.length > 0);
    const statement = reacts ? reacting : plainStatement;
    const further = [time(now), ...(reacts ? levelsSeen(batch) : [])];
    const items = batch.map(itemOf);
    const committed = await database.tell(statement, async (text) => {
      const rows = await runBatch<(typeof items)[number], Committed>(database, text, items, counterKeyText, further);
      return [...rows.values()];
    });
    for (const { n } of committed) results[plain[n]!] = "committed";
    for (const place of places.filter(hasEffects)) results[place] = await commitWithEffects(evaluations[place]!, now);
    return results;
  };
}

interface Committed {
  readonly n: number;
  readonly woken: unknown;
}

/** An evaluation as its statement takes it. */
function itemOf({ effects: _, levelsSeen: __, ...evaluation }: CounterEvaluation) {
  return {
    ...evaluation,
    wakeAt: time(evaluation.wakeAt),
    crossings: evaluation.crossings.map((crossing) => ({
      ...crossing,
      reachedAt: time(crossing.reachedAt),
      reason: birthReason(crossing.state),
    })),
    notices: evaluation.notices?.map((notice) => ({ ...notice, noticedAt: time(notice.noticedAt) })),
  };
}

/** What these have seen of stored levels, as five parallel arrays; `n` is the evaluation's place. */
function levelsSeen(evaluations: readonly CounterEvaluation[]): readonly Value[] {
  const seen = evaluations.flatMap(({ tenant, levelsSeen: each = [] }, n) =>
    each.map((one) => ({ ...one, tenant, n })),
  );
  return [
    plainArray(seen.map(({ n }) => n)),
    textArray(seen.map(({ tenant }) => tenant)),
    textArray(seen.map(({ milestone }) => milestone)),
    textArray(seen.map(({ subject }) => subject)),
    plainArray(seen.map(({ applied }) => applied)),
  ];
}
