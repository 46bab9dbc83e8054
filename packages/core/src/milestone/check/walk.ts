import { type Arming, freshArming, quietBand, step } from "../arming.js";
import type { Level, MilestonePolicy, PolicyContext } from "../policy.js";
import { SlowModel, type SlowStep } from "./slow-model.js";

/**
 * Lets a counter go from value to value and evaluates it as the engine does, only where it leaves its quiet band. Answers
 * what went wrong, beside the slow model that knows all levels; undefined where nothing did.
 */
export function walkProblem(
  policy: MilestonePolicy,
  context: PolicyContext,
  levels: readonly Level[],
  values: readonly number[],
): string | undefined {
  const start = values[0]!;
  const model = new SlowModel(levels, start);
  let arming: Arming = freshArming(start);
  for (let i = 1; i < values.length; i++) {
    const previous = values[i - 1]!;
    const next = values[i]!;
    const way = `a counter that goes ${values.slice(0, i + 1).join(" -> ")}`;
    const expected = model.step(previous, next);
    const { below, above } = quietBand(policy, context, arming, previous);
    if ((below === null || next > below) && (above === null || next < above)) {
      if (expected.passed.length === 0 && expected.armed.length === 0) continue;
      return `${way} must ${stepText(expected)} with its last step, and is thought quiet between ${below} and ${above}`;
    }
    const found = step(policy, context, arming, previous, next);
    const passed = found.passed.map(({ level, arming: count }) => ({ threshold: level.threshold, arming: count }));
    const [wanted, got] = [passedText(expected.passed), passedText(passed)];
    if (wanted !== got) return `${way} must pass ${wanted} with its last step, and passes ${got}`;
    arming = found.arming;
  }
  return undefined;
}

/** The shortest way that still goes wrong, found by leaving out one value after the other; with what goes wrong on it. */
export function shortestProblem(
  values: readonly number[],
  problemOf: (values: readonly number[]) => string | undefined,
): string | undefined {
  let problem = problemOf(values);
  let shortest = values;
  for (let i = shortest.length - 1; problem !== undefined && i >= 0; i--) {
    const shorter = shortest.toSpliced(i, 1);
    const still = shorter.length < 2 ? undefined : problemOf(shorter);
    if (still === undefined) continue;
    problem = still;
    shortest = shorter;
  }
  return problem;
}

function stepText({ passed, armed }: SlowStep): string {
  return [
    ...(passed.length > 0 ? [`pass ${passedText(passed)}`] : []),
    ...(armed.length > 0 ? [`arm ${armed.map((name) => `"${name}"`).join(", ")} again`] : []),
  ].join(" and ");
}

function passedText(passed: SlowStep["passed"]): string {
  const texts = passed.map(({ threshold, arming }) => `"${threshold}"${arming > 1 ? ` (arming ${arming})` : ""}`);
  return texts.join(", ") || "nothing";
}
