import { type CounterEvaluation, type EvaluationResult, MilepostError } from "@milepost/core/store";
import type { Database, Run } from "./driver.js";
import { leavesConnectionUsable } from "./errors.js";
import { hostedStatement } from "./hosted-statement.js";

/** Commits one evaluation within a transaction: the ids of the crossings it stored, or nothing if it is lost. */
type Commit = (run: Run, evaluation: CounterEvaluation, now?: Date) => Promise<readonly string[] | undefined>;

// Milliseconds. An effect may wait for a transaction of the host's that itself waits for this step.
const lockTimeout = 1_000;
const statementTimeout = 5_000;

/** Ours, or the pool's own where that is shorter; 0 is none. */
const shorter = (was: string, ours: number): string =>
  `(date_part('epoch'::text, least(nullif(${was}::interval, interval '0'), interval '${ours} milliseconds'))
    * 1000::float8)::integer::text`;

// Locks nothing: the counter stays free for recorders while the effects run. Setting needs what was read, so it is read
// before.
const beginText = `
WITH was AS MATERIALIZED (
  SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement
)
SELECT was.lock AS "lockTimeout", was.statement AS "statementTimeout", pg_current_xact_id() AS transaction,
  set_config('lock_timeout', ${shorter("was.lock", lockTimeout)}, true),
  set_config('statement_timeout', ${shorter("was.statement", statementTimeout)}, true),
  EXISTS (SELECT FROM {counters} c
    WHERE c.tenant = $1 AND c.metric = $2 AND c.subject = $3 AND c.period = $4 AND c.folded = $5) AS current,
  (SELECT json_agg(x.id) FROM jsonb_to_recordset($6) AS x (id text, tenant text, milestone text, subject text,
      period text, threshold text, "limitVersion" bigint, arming bigint)
    JOIN {crossings} c ON c.tenant = x.tenant AND c.milestone = x.milestone AND c.subject = x.subject
      AND c.period = x.period AND c.threshold = x.threshold AND c.limit_version = x."limitVersion"
      AND c.arming = x.arming) AS existing
FROM was`;

interface Begun {
  readonly lockTimeout: string;
  readonly statementTimeout: string;
  readonly transaction: string;
  /** Whether nobody evaluated the counter since: if not, no effect needs to run. */
  readonly current: boolean;
  /** Of the given crossings those whose key exists, by their ids. */
  readonly existing: readonly string[] | null;
}

const endText = `
SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
  pg_current_xact_id() AS transaction`;

/**
 * One evaluation with its effects, in a transaction of its own. The effects run first, by a look at what exists; the
 * counter is locked by the commit after them, and if it then comes to something else than was foreseen all of it is
 * undone. So recorders never wait for what an effect waits for, and of two evaluators at once one leaves its effects.
 */
export function effectStep(
  database: Database,
  commit: Commit,
): (evaluation: CounterEvaluation, now?: Date) => Promise<EvaluationResult> {
  const begin = database.statement("effects_begin", beginText);
  const end = database.statement("effects_end", endText);

  return async (evaluation, now) => {
    const { tenant, metric, subject, period, from, crossings, effects = [] } = evaluation;
    const values = [tenant, metric, subject, period, from, JSON.stringify(crossings)];
    let running: number | undefined;
    try {
      return await database.transaction<EvaluationResult>(
        async (run, { runHosted, command }) => {
          running = undefined;
          const begun = (await run<Begun>(begin, values))[0]!;
          if (!begun.current) return "lost";
          const existing = new Set(begun.existing);
          const foreseen = new Set(crossings.map(({ id }) => id).filter((id) => !existing.has(id)));
          for (const [place, { crossing, statement }] of effects.entries()) {
            if (crossing !== null && !foreseen.has(crossing)) continue;
            running = place;
            await runHosted(hostedStatement(statement));
          }
          // What the host's constraints put off to the commit would otherwise fail there, with the counter locked.
          if (running !== undefined) await command("SET CONSTRAINTS ALL IMMEDIATE");
          const [ended] = await run<Begun>(end, [begun.lockTimeout, begun.statementTimeout]);
          if (ended?.transaction !== begun.transaction) throw transactionEnded();
          running = undefined;
          const stored = await commit(run, evaluation, now);
          const asForeseen = stored?.length === foreseen.size && stored.every((id) => foreseen.has(id));
          return asForeseen ? "committed" : "lost";
        },
        { kept: (result) => result === "committed" },
      );
    } catch (error) {
      const thrown = MilepostError.is(error) ? (error.cause ?? error) : error;
      if (running === undefined || !leavesConnectionUsable(thrown)) throw error;
      return { failed: running, error: thrown };
    }
  };
}

/** Nothing of the evaluation is stored then; what became of the statement is unknown. */
function transactionEnded(): MilepostError {
  return new MilepostError(
    "store_failed",
    "A statement of the host's ended the transaction that it was to be part of.",
  );
}
