import type { Band } from "../store/definition-repository.js";
import { failed, levelsInParts, levelsOf, mostLevels, type Range } from "./levels.js";
import { nextChange } from "./next-change.js";
import type { Level, MilestonePolicy, PolicyContext } from "./policy.js";
import type { OpenCrossing } from "./said-crossings.js";

/**
 * What one counter remembers of one milestone: which levels are armed. Kept in the counter's `state`.
 *
 * Rising levels need one number: every one at or below the highest value ever held has been passed, save those armed
 * again. Falling levels have no such mark, because a value may start below them and pass them later, so those that
 * were passed are listed.
 */
export interface Arming {
  /** The highest value held. */
  readonly high: number;
  /** Rising levels at or below `high` that were armed again. */
  readonly rearmed?: readonly string[];
  /** Falling levels that were passed and not armed again, with where they lie. */
  readonly spent?: Readonly<Record<string, number>>;
  /**
   * Rising levels that an edit put ahead of a value that had come down, with where they lie: each is armed, and may have
   * been passed before the edit. So where such a level arms again, its arming rises all the same.
   */
  readonly unsure?: Readonly<Record<string, number>>;
  /** The highest value held before edits, where it is above `high`. */
  readonly peak?: number;
  /** Levels in their second arming or a later one. */
  readonly armings?: Readonly<Record<string, number>>;
  /** The limit's version that its levels are measured against. */
  readonly limit?: number;
  /** When a crossing was said last, in milliseconds since the epoch; kept where the milestone has a `minInterval`. */
  readonly said?: number;
  /** The versions of stored levels that it is measured by; 0 before the first. */
  readonly levels?: { readonly own: number; readonly tenant: number };
  /** The latest moment that was looked at, in milliseconds since the epoch; kept where levels move. */
  readonly at?: number;
  /** In the order in which they were said; kept where more is said of them. */
  readonly open?: readonly OpenCrossing[];
  /** When to remind next, in milliseconds since the epoch. */
  readonly remindAt?: number;
  /** Whether the period's end is to be told of, or was; kept where the milestone has an `onPeriodEnd`. */
  readonly end?: "awaited" | "told";
}

/** What a step does to a milestone's levels. */
export interface Step {
  /** In the order they were passed. */
  readonly passed: readonly Passed[];
  /** The thresholds of those that are armed again. */
  readonly cleared: readonly string[];
  readonly arming: Arming;
}

/** A level passed by a step. */
export interface Passed {
  readonly level: Level;
  /** 1 for the first time. */
  readonly arming: number;
  /** How many levels were passed before it that are not named, because there are too many of them. */
  readonly skipped: number;
}

/** A milestone that is met for the first time on a counter at `value`: what lies behind is behind. */
export function freshArming(value: number): Arming {
  return { high: value };
}

/**
 * One event's step from `previous` to `next`: the levels it passed, in the order they were passed, and the arming
 * afterwards. Pure; the heart of the engine, checked against a slow model in `arming.test.ts`.
 */
export function step(
  policy: MilestonePolicy,
  context: PolicyContext,
  arming: Arming,
  previous: number,
  next: number,
): Step {
  if (policy.moving) return movingStep(policy, context, arming, next);
  const rising = next > previous;
  const furthest = rising ? (a: Level, b: Level) => byPlace(b, a) : byPlace;
  const rearmed = new Set(arming.rearmed);
  const spent = new Map(Object.entries(arming.spent ?? {}));
  const unsure = new Map(Object.entries(arming.unsure ?? {}));
  const armings = new Map(Object.entries(arming.armings ?? {}));
  const passed: Level[] = [];
  const cleared: string[] = [];
  let skipped = 0;

  const range = rangeOfInterest(policy, arming, Math.min(previous, next), Math.max(previous, next));
  // from where the step ends: the level it passes last is among the first
  for (const levels of levelsInParts(policy, range, context, rising ? "to" : "from")) {
    for (const level of levels) {
      const { threshold, at, direction, rearmAt } = level;
      if (direction === "rising") {
        const armed = at > arming.high || rearmed.has(threshold);
        if (armed && previous < at && at <= next) {
          passed.push(level);
          rearmed.delete(threshold);
          unsure.delete(threshold);
        } else if ((!armed || unsure.has(threshold)) && rearmAt !== undefined && next <= rearmAt) {
          rearmed.add(threshold);
          unsure.delete(threshold);
          cleared.push(threshold);
          armings.set(threshold, (armings.get(threshold) ?? 1) + 1);
        }
      } else {
        const armed = !spent.has(threshold);
        if (armed && next <= at && at < previous) {
          passed.push(level);
          spent.set(threshold, at);
        } else if (!armed && rearmAt !== undefined && next >= rearmAt) {
          spent.delete(threshold);
          cleared.push(threshold);
          armings.set(threshold, (armings.get(threshold) ?? 1) + 1);
        }
      }
    }
    if (rearmed.size + spent.size > mostLevels) {
      throw failed(policy, `more than ${mostLevels} levels of one counter would have to be remembered as armed or not`);
    }
    if (passed.length + skipped <= mostLevels) continue;
    const count = passed.length + skipped;
    const [last] = passed.sort(furthest);
    passed.splice(0, passed.length, last!);
    skipped = count - 1;
    if (!rising || arming.rearmed !== undefined || policy.count === undefined) continue;
    skipped = policy.count({ from: Math.max(previous, arming.high) + 1, to: next }, context) - 1;
    break;
  }
  passed.sort(furthest).reverse();
  const { rearmed: _, spent: __, armings: ___, unsure: ____, ...kept } = arming;
  return {
    passed: passed.map((level) => ({ level, arming: armings.get(level.threshold) ?? 1, skipped })),
    cleared,
    arming: {
      ...kept,
      high: Math.max(arming.high, next),
      ...(rearmed.size > 0 && { rearmed: [...rearmed] }),
      ...(spent.size > 0 && { spent: Object.fromEntries(spent) }),
      ...(unsure.size > 0 && { unsure: Object.fromEntries(unsure) }),
      ...(armings.size > 0 && { armings: Object.fromEntries(armings) }),
    },
  };
}

/** Levels that move have no high-water mark either: those that were passed are listed. */
function movingStep(policy: MilestonePolicy, context: PolicyContext, arming: Arming, next: number): Step {
  const spent = { ...arming.spent };
  const passed = levelsOf(policy, { from: next, to: next }, context)
    .filter(({ threshold, at }) => at <= next && !Object.hasOwn(spent, threshold))
    .sort(byPlace);
  for (const { threshold, at } of passed) spent[threshold] = at;
  return {
    passed: passed.map((level) => ({ level, arming: 1, skipped: 0 })),
    cleared: [],
    arming: { ...arming, high: Math.max(arming.high, next), ...(Object.keys(spent).length > 0 && { spent }) },
  };
}

/**
 * They only move up, so below where they are now nothing can happen later either; unless they change by themselves: an
 * event may come after that, and before the counter is woken.
 */
function movingBand(policy: MilestonePolicy, context: PolicyContext, { spent = {} }: Arming, value: number): Band {
  const places: number[] = [];
  for (let then: PolicyContext | undefined = context, looks = 0; then !== undefined && looks < mostChanges; looks++) {
    const armed = levelsOf(policy, { from: value, to: value }, then).filter(
      ({ threshold }) => !Object.hasOwn(spent, threshold),
    );
    places.push(...armed.map(({ at }) => at));
    const next = nextChange(policy, then);
    then = next === undefined || then.span === undefined ? undefined : { ...then, span: { ...then.span, at: next } };
  }
  return { below: null, above: places.length === 0 ? null : Math.min(...places) };
}

/** Changes by themselves that a band takes in beforehand: each day of a year. By the others a counter is woken. */
const mostChanges = 400;

function byPlace(a: Level, b: Level): number {
  return a.at - b.at || (a.threshold < b.threshold ? -1 : 1);
}

/**
 * The levels a value between `from` and `to` may concern: armed rising ones lie above `high`, disarmed ones with a
 * `rearmAt` at or below it; spent falling ones may lie below, with their `rearmAt` above.
 */
function rangeOfInterest(policy: MilestonePolicy, arming: Arming, from: number, to: number): Range {
  const { high, rearmed, spent, unsure = {} } = arming;
  if (policy.oneWay && rearmed === undefined && spent === undefined)
    return { from: high + 1, to: Math.max(to, high + 1) };
  return { from: Math.min(from, ...Object.values(spent ?? {})), to: Math.max(to, high, ...Object.values(unsure)) };
}

/**
 * The quiet band around `value`: while `below < value < above` holds, no step passes or arms a level. It may be
 * narrower than it need be, never wider: a level beyond the nearest one cannot matter before the nearest is reached,
 * so the nearest bounds the band whatever it is. A missed bound would lose crossings, one too many costs an evaluation.
 */
export function quietBand(policy: MilestonePolicy, context: PolicyContext, arming: Arming, value: number): Band {
  if (policy.moving) return movingBand(policy, context, arming, value);
  const range = rangeOfInterest(policy, arming, value, value);
  const levels = levelsOf(policy, range, context);
  let below: number | null = null;
  let above: number | null = null;
  const bound = (at: number) => {
    if (at < value) below = Math.max(below ?? at, at);
    if (at > value) above = Math.min(above ?? at, at);
  };
  for (const { threshold, at, direction, rearmAt } of levels) {
    // below a range that begins above the value lies what was passed once and for all
    const nearestBeyond = at > range.to || (at < range.from && range.from <= value);
    if (nearestBeyond) bound(at);
    if (direction === "rising") {
      const armed = at > arming.high || (arming.rearmed?.includes(threshold) ?? false);
      if (armed) bound(at);
      if (rearmAt !== undefined && (!armed || Object.hasOwn(arming.unsure ?? {}, threshold))) bound(rearmAt);
    } else if (!Object.hasOwn(arming.spent ?? {}, threshold)) {
      // armed below it too: the value has to rise above it before it can fall to it, and that is a step to notice
      bound(at < value ? at : at + 1);
    } else if (rearmAt !== undefined) {
      bound(rearmAt);
    }
  }
  return { below, above };
}

/** Levels that an edit may leave in doubt; where there are more, none is. */
const mostUnsure = 1_000;

/**
 * The same counter under an edited policy: what the edit puts ahead of its value is waited for. Whether a level between
 * the value and the highest one before was passed already only its crossing tells, which is unique. One that would be
 * armed again where the value is now is not in doubt: by its new place of arming it was never disarmed.
 */
export function afterEdit(policy: MilestonePolicy, context: PolicyContext, arming: Arming, value: number): Arming {
  const { unsure: _, peak: before = arming.high, ...kept } = arming;
  const peak = Math.max(before, arming.high);
  const edited = { ...kept, high: value, ...(peak > value && { peak }) };
  if (policy.moving || policy.oneWay) return edited;
  const armed = new Set(arming.rearmed);
  const unsure = new Map<string, number>();
  for (const levels of levelsInParts(policy, { from: value + 1, to: peak }, context, "from")) {
    for (const { threshold, at, direction, rearmAt = value } of levels) {
      if (direction === "rising" && rearmAt < value && !armed.has(threshold)) unsure.set(threshold, at);
    }
    if (unsure.size > mostUnsure) return edited;
  }
  return { ...edited, ...(unsure.size > 0 && { unsure: Object.fromEntries(unsure) }) };
}

/** The band in which every one of them is quiet. */
export function narrowest(bands: readonly Band[]): Band {
  let below: number | null = null;
  let above: number | null = null;
  for (const band of bands) {
    if (band.below !== null) below = Math.max(below ?? band.below, band.below);
    if (band.above !== null) above = Math.min(above ?? band.above, band.above);
  }
  return { below, above };
}
