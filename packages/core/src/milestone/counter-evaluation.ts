import type { Runtime } from "../runtime.js";
import type { DueCounter, IdleCounter, TrailRow } from "../store/counter-repository.js";
import type { CounterEvaluation } from "../store/crossing-repository.js";
import type { InstalledDefinition, InstalledMilestone } from "../store/definition-repository.js";
import type { FoldedMilestone } from "./course.js";
import { effectsOf } from "./effect.js";
import { fold } from "./fold.js";
import type { Measures } from "./measures.js";
import type { Milestone } from "./milestone.js";
import { periodOf, spanOf } from "./period.js";
import type { SaidTimes } from "./said-times.js";

/** A counter as it was read, with the definition it is evaluated by; a rev and value where it is idle. */
export interface ReadCounter extends DueCounter, Partial<Pick<IdleCounter, "rev" | "value">> {
  readonly definition: InstalledDefinition;
  /** Whether its trail was read to its end. */
  readonly complete: boolean;
}

/** What else was read for it. */
export interface EvaluationInput {
  readonly milestones: readonly (Milestone & InstalledMilestone)[];
  readonly said: SaidTimes;
  readonly measures: Measures;
  /** The rest of its trail, where what it begins with shows only in what that does not tell of. */
  readonly later: readonly TrailRow[];
}

/**
 * What is to be committed of a counter; undefined for one that has to wait, because a policy needs a limit and none is
 * known. Throws what its policy throws, and `effect_failed`.
 */
export function evaluationOf(
  counter: ReadCounter,
  { milestones, said, measures: { limits, levels, ...seen }, later }: EvaluationInput,
  { id: newId, now = () => new Date() }: Pick<Runtime, "id" | "now">,
): CounterEvaluation | undefined {
  const { tenant, metric, subject, period, folded, definition, trail, rev, state, complete, parked } = counter;
  const key = { tenant, metric, subject, period };
  const { start, end } = spanOf(period);
  const since = definition.births.find((birth) => birth.period === periodOf(period))?.since;
  const from = Math.max(start, since === undefined ? start : Date.parse(since));
  const folding = milestones.map((milestone): FoldedMilestone => {
    const { name, announcement } = milestone;
    const told = now().getTime() < end + milestone.grace ? "pending" : "expired";
    const saidAt = said.of({ tenant, subject, milestone: name });
    return {
      ...milestone,
      said: announcement === undefined ? "silent" : told,
      ...(saidAt && { saidAt }),
      resolves: announcement?.resolved !== undefined,
      levels: levels.get(name) ?? [],
    };
  });
  const { generation } = definition;
  const read = { state, generation: counter.generation, value: counter.value ?? 0, trail, complete, later, limits };
  const found = fold(key, folding, read, { generation, from: Math.min(from, end), end, newId, now });
  if (found === undefined) return undefined;
  const effects = parked?.withoutEffects ? [] : effectsOf(found.moments);
  const last = trail.findLast(({ ids }) => ids.length > 0);
  return {
    ...{ ...key, generation, reached: found.reached, from: folded, upTo: trail.at(-1)?.rev ?? rev ?? folded },
    ...(rev !== undefined && { rev }),
    ...(last && { witness: { rev: last.rev, id: last.ids.at(-1)! } }),
    ...seen,
    ...{ band: found.band, state: { ...found.state }, crossings: found.crossings, notices: found.notices },
    ...(effects.length > 0 && { effects }),
    ...(found.wakeAt && { wakeAt: found.wakeAt }),
  };
}
