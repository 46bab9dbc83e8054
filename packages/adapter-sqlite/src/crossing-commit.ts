import {
  type CounterEvaluation,
  type CrossingRepository,
  type Effect,
  type EffectFailure,
  type EvaluationResult,
  recordedCrossing,
  recordedNotice,
} from "@milepost/core/store";
import { byCounterKey, counterKeyValues } from "./counter-key.js";
import { crossingCodec } from "./crossing-row.js";
import type { Driver, Step } from "./driver.js";
import { isExhausted, isForeignKey, isLocked, withoutValues } from "./errors.js";
import { hostedStatement } from "./hosted-statement.js";
import { appliedLevels } from "./levels-repository.js";
import { appliedLimits } from "./limit-repository.js";
import { noticeCodec } from "./notice-repository.js";

type Commit = Parameters<CrossingRepository["commitEvaluation"]>[0];

/**
 * All in one write, unless a statement of the host undid it: then each in a write of its own, which shows whose it was.
 * If one of those throws, those before it are committed, and a repeat of them is lost.
 */
export async function commitEvaluations(driver: Driver, { evaluations, now }: Commit): Promise<EvaluationResult[]> {
  try {
    return await driver.write((step) => {
      const at = step.now(now);
      return evaluations.map((evaluation) => commitWhole(step, evaluation, at));
    });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const undone = cause instanceof UndoneByEffect || isForeignKey(cause);
    if (!undone || evaluations.every(({ effects = [] }) => effects.length === 0)) throw error;
    const [only, ...others] = evaluations;
    if (only !== undefined && others.length === 0) return [failureOf(only, cause)];
    const results: EvaluationResult[] = [];
    for (const each of evaluations) {
      results.push(...(await commitEvaluations(driver, { evaluations: [each], ...(now && { now }) })));
    }
    return results;
  }
}

/** An effect that rolled back the whole transaction, as `INSERT OR ROLLBACK` and a trigger's `RAISE(ROLLBACK)` do. */
class UndoneByEffect extends Error {
  constructor(readonly failure: EffectFailure) {
    super("an effect rolled back the transaction");
  }
}

/** What the commit refused was put off to it by an effect; which one it does not say, so it is the last. */
function failureOf({ effects = [] }: CounterEvaluation, cause: unknown): EffectFailure {
  return cause instanceof UndoneByEffect ? cause.failure : { failed: effects.length - 1, error: cause };
}

/** One evaluation, of which nothing is stored if an effect fails. Only those with effects pay for a savepoint. */
function commitWhole(step: Step, evaluation: CounterEvaluation, now: Date): EvaluationResult {
  const { effects = [] } = evaluation;
  if (effects.length === 0) return commitOne(step, evaluation, now) === undefined ? "lost" : "committed";
  step.run("SAVEPOINT milepost_evaluation");
  const stored = commitOne(step, evaluation, now);
  const failure = stored && runEffects(step, effects, stored);
  if (failure !== undefined) step.run("ROLLBACK TO milepost_evaluation");
  step.run("RELEASE milepost_evaluation");
  return failure ?? (stored === undefined ? "lost" : "committed");
}

/** Here, and not before the counter is locked as in Postgres: there is one write lock, and this step has it anyway. */
function runEffects(step: Step, effects: readonly Effect[], stored: ReadonlySet<string>): EffectFailure | undefined {
  for (const [failed, { crossing, statement }] of effects.entries()) {
    if (crossing !== null && !stored.has(crossing)) continue;
    const { sql, values } = hostedStatement(statement);
    try {
      step.runHosted(sql, values);
    } catch (error) {
      if (isLocked(error) || isExhausted(error)) throw error;
      const failure = { failed, error: withoutValues(error) };
      if (!step.isOpen()) throw new UndoneByEffect(failure);
      return failure;
    }
  }
  return undefined;
}

/** The ids of the crossings that were stored, if the counter was still where this evaluation started from. */
function commitOne(step: Step, evaluation: CounterEvaluation, now: Date): ReadonlySet<string> | undefined {
  const { tenant, generation, reached, rev = null, from, upTo, limitsSeen, levelsSeen = [], band, state } = evaluation;
  const { witness } = evaluation;
  if (limitsSeen !== undefined && appliedLimits(step, evaluation) !== limitsSeen) return undefined;
  if (witness !== undefined) {
    const last = `SELECT json_extract(ids, '$[#-1]') AS id FROM {trail} WHERE ${byCounterKey} AND rev = ?`;
    if (step.get(last, ...counterKeyValues(evaluation), witness.rev)?.id !== witness.id) return undefined;
  }
  if (levelsSeen.some((seen) => appliedLevels(step, { tenant, ...seen }) !== seen.applied)) return undefined;
  const wakeAt = evaluation.wakeAt?.toISOString() ?? null;
  const moved = step.run(
    `UPDATE {counters} SET folded = ?, due = (rev > ?), below = ?, above = ?, state = ?, generation = ?, wake_at = ?
      WHERE ${byCounterKey} AND folded = ? AND (? IS NULL OR (rev = ? AND generation < ?))
        AND EXISTS (SELECT 1 FROM {definitions} d WHERE d.metric = {counters}.metric AND d.generation = ?)`,
    ...[upTo, upTo, band.below, band.above, JSON.stringify(state), reached, wakeAt],
    ...[...counterKeyValues(evaluation), from, rev, rev, reached, generation],
  );
  if (moved === 0) return undefined;

  const stored = new Set<string>();
  for (const crossing of evaluation.crossings) {
    const inserted = step.run(
      `INSERT INTO {crossings} (${crossingCodec.columns}) VALUES (${crossingCodec.marks})
        ON CONFLICT (tenant, milestone, subject, period, threshold, limit_version, arming) DO NOTHING`,
      ...crossingCodec.values(recordedCrossing(crossing, now)),
    );
    if (inserted === 1) stored.add(crossing.id);
  }
  for (const notice of evaluation.notices ?? []) {
    step.run(
      `INSERT INTO {notices} (${noticeCodec.columns}) VALUES (${noticeCodec.marks})
        ON CONFLICT (tenant, crossing, kind, number) DO NOTHING`,
      ...noticeCodec.values(recordedNotice(notice, now)),
    );
  }
  step.run(`DELETE FROM {trail} WHERE ${byCounterKey} AND rev <= ?`, ...[...counterKeyValues(evaluation), upTo]);
  step.run(`DELETE FROM {parked} WHERE ${byCounterKey}`, ...counterKeyValues(evaluation));
  return stored;
}
