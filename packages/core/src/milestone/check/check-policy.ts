import * as z from "zod";
import { MilepostError } from "../../errors.js";
import { seeded } from "../../seeded.js";
import { type Agrees, keySchema, parseInput } from "../../validation.js";
import { policySchema } from "../milestone.js";
import { lifetime } from "../period.js";
import { type LevelSpec, present } from "../policies/level-spec.js";
import type { Level, MilestonePolicy, PolicyContext } from "../policy.js";
import { Answers, nearestAbove, nearestBelow, type Range } from "./answers.js";
import { shortestProblem, walkProblem } from "./walk.js";

export interface PolicyCheckOptions {
  /** For whom it is asked; one context with a made-up tenant and subject unless said. What one leaves out is made up. */
  readonly contexts?: readonly Partial<PolicyContext>[];
  /** The values between which counters go. Unless said, the thirty levels on either side of 0, and ±100 at least. */
  readonly from?: number;
  readonly to?: number;
  /** Steps that counters take, for each context; 300 unless said. */
  readonly steps?: number;
  /** Of what is random; 1 unless said. A failure names it. */
  readonly seed?: number;
}

/** What was looked at. */
export interface PolicyCheckReport {
  readonly seed: number;
  /** Levels met, ranges asked for and steps walked, over all contexts. */
  readonly levels: number;
  readonly ranges: number;
  readonly steps: number;
}

const safeInteger = z.custom<number>(Number.isSafeInteger, "a safe integer");

const contextSchema = z.strictObject({
  tenant: keySchema.optional(),
  subject: keySchema.optional(),
  period: keySchema.optional(),
  limit: safeInteger.refine((limit) => limit >= 0, "a safe integer of 0 or more").optional(),
  thresholds: z.custom<readonly LevelSpec[]>(Array.isArray, "an array of levels").optional(),
  span: z.strictObject({ from: safeInteger, end: safeInteger, at: safeInteger }).optional(),
});

const optionsSchema = z.strictObject({
  contexts: z.array(contextSchema).min(1).default([{}]),
  from: safeInteger.optional(),
  to: safeInteger.optional(),
  steps: z.int().min(0).max(1_000_000).default(300),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1),
});

true satisfies Agrees<typeof contextSchema, Partial<PolicyContext>>;
true satisfies Agrees<typeof optionsSchema, PolicyCheckOptions>;

type Random = (below: number) => number;

/** Levels looked at one by one, on either side of 0 and within a range. */
const lookedAt = 30;
const stepsPerWalk = 30;
const comparedRanges = 60;

/**
 * For the tests of a host: whether a policy keeps its contract. It is asked about many ranges, and counters are walked
 * through its levels by the engine's own code beside a slow model that looks at every level. Throws `policy_failed` with
 * what was expected and a small counterexample, or `invalid_options`. Takes some milliseconds; works on no store.
 *
 * | what is wrong | what is said |
 * | --- | --- |
 * | only the levels inside the range | `levels({ from: 0, to: 0 }) must also hold the nearest level beyond its end, …` |
 * | a level that is not in every answer | `levels(…) must hold "10" rising at 10, as levels(…) does` |
 * | another answer to the same question | `levels(…) must have the same answer each time; it held …` |
 * | one name for two levels | `"10" must name one level; levels(…) holds …, and levels(…) holds …` |
 * | it reads what it does not declare | `levels() reads context.subject, so the policy must say contextual: true` |
 * | a step that the engine would get wrong | `a counter that goes 0 -> 12 must pass "10" with its last step, …` |
 */
export function checkPolicy(policy: MilestonePolicy, options: PolicyCheckOptions = {}): PolicyCheckReport {
  parseInput(policySchema, policy, "policy_failed", "policy");
  const { from, to, steps, seed, ...given } = parseInput(optionsSchema, options, "invalid_options");
  const contexts = given.contexts.map(present);
  if (from !== undefined && to !== undefined && from >= to) throw refused("to", `above from, which is ${from}`);
  refuseWithoutNeeds(policy, contexts);
  const random = seeded(seed);
  const checked = contexts.map((context) => {
    const about = `seed ${seed}${Object.keys(context).length === 0 ? "" : `, context ${JSON.stringify(context)}`}`;
    const anonymous = { tenant: "default", subject: "subject", period: lifetime };
    const answers = new Answers(policy, { ...anonymous, ...context }, about);
    const wide = rangeOf(answers, from, to);
    const levels = answers.ask(wide);
    const values = interesting(wide, levels, random);
    compareRanges(answers, wide, levels, values, random);
    for (let left = steps; left > 0; left -= stepsPerWalk) {
      const way = anyWay(Math.min(left, stepsPerWalk) + 1, wide, values, random);
      const problem = shortestProblem(way, (part) => walkProblem(policy, answers.context, levels, part));
      if (problem !== undefined) throw answers.failure(problem);
    }
    return { answers, wide, levels };
  });
  // once more, after all the others: what a policy remembers must not show
  for (const { answers, wide, levels } of checked) answers.compare(wide, wide, levels);
  const sum = (count: (answers: Answers) => number) => checked.reduce((all, { answers }) => all + count(answers), 0);
  const walked = steps * contexts.length;
  return { seed, levels: sum(({ levels }) => levels), ranges: sum(({ asked }) => asked), steps: walked };
}

function refuseWithoutNeeds({ needs }: MilestonePolicy, contexts: readonly Partial<PolicyContext>[]): void {
  const limitless = contexts.findIndex(({ limit }) => limit === undefined);
  if (needs?.includes("limit") && limitless >= 0) {
    throw refused(`contexts[${limitless}].limit`, "a limit in every context, because the policy needs one");
  }
  if (needs?.includes("thresholds") && contexts.every(({ thresholds }) => thresholds === undefined)) {
    throw refused("contexts[0].thresholds", "thresholds in one context at least, because the policy needs them");
  }
}

/** Goes from 0 from level to level, and a little beyond the last. */
function rangeOf(answers: Answers, from: number | undefined, to: number | undefined): Range {
  let top = 0;
  let bottom = 0;
  for (let i = 0; i < lookedAt; i++) {
    top = nearestAbove(answers.ask({ from: top, to: top }), top)?.at ?? top;
    bottom = nearestBelow(answers.ask({ from: bottom, to: bottom }), bottom)?.at ?? bottom;
  }
  const highest = to ?? Math.min(Math.max(100, top + 10), Number.MAX_SAFE_INTEGER);
  const lowest = from ?? Math.max(Math.min(-100, bottom - 10), Number.MIN_SAFE_INTEGER);
  return { from: Math.min(lowest, highest - 1), to: Math.max(highest, lowest + 1) };
}

function compareRanges(
  answers: Answers,
  wide: Range,
  levels: readonly Level[],
  values: readonly number[],
  random: Random,
): void {
  // the empty ranges first, those near 0 before the others: what fails first is a small counterexample
  for (const value of values) answers.compare({ from: value, to: value }, wide, levels);
  answers.compareBeyond(wide, levels);
  for (let i = 0; i < comparedRanges; i++) {
    const [a, b] = [anyOf(values, random), anyOf(values, random)];
    answers.compare({ from: Math.min(a, b), to: Math.max(a, b) }, wide, levels);
  }
}

/** Lets a counter go from where it is, 0 at first, to values that matter, a little further, or anywhere. */
function anyWay(length: number, wide: Range, values: readonly number[], random: Random): readonly number[] {
  const way = [random(3) === 0 ? anyOf(values, random) : values[0]!];
  while (way.length < length) {
    const kind = random(10);
    const value =
      kind < 6
        ? anyOf(values, random)
        : kind < 8
          ? way.at(-1)! + random(7) - 3
          : wide.from + random(wide.to - wide.from + 1);
    way.push(Math.min(Math.max(value, wide.from), wide.to));
  }
  return way;
}

/** Values on, before and after levels and their arming, nearest to 0 first. */
function interesting(wide: Range, levels: readonly Level[], random: Random): readonly number[] {
  const chosen = levels.length <= lookedAt ? levels : Array.from({ length: lookedAt }, () => anyOf(levels, random));
  const places = [0, wide.from, wide.to, ...chosen.flatMap(({ at, rearmAt = at }) => [at, rearmAt])];
  const values = places.flatMap((place) => [place - 1, place, place + 1]);
  const within = values.filter((value) => value >= wide.from && value <= wide.to);
  return [...new Set(within)].sort((a, b) => Math.abs(a) - Math.abs(b) || a - b);
}

function anyOf<T>(items: readonly T[], random: Random): T {
  return items[random(items.length)]!;
}

function refused(path: string, expected: string): MilepostError {
  return new MilepostError("invalid_options", `${path}: ${expected}`, { path, expected });
}
