import type { CounterKey, TrailMark, TrailRow } from "../store/counter-repository.js";
import type { Band } from "../store/definition-repository.js";
import { type Arming, narrowest } from "./arming.js";
import { type AppliedLimit, Course, type CourseOf, type Findings, type FoldedMilestone } from "./course.js";
import type { NewCrossing } from "./crossing.js";
import { limitAtFirst, outranks } from "./limit-at-first.js";

/** A counter as it was read. */
export interface FoldedCounter {
  readonly state: Readonly<Record<string, unknown>>;
  readonly generation: number;
  /** Where it stands if its trail is empty. */
  readonly value: number;
  readonly trail: readonly TrailRow[];
  /** Whether the trail was read to its end. */
  readonly complete: boolean;
  /** The applied versions of its subject's limit, where a policy needs one. */
  readonly limits: readonly AppliedLimit[];
  /** Rows beyond those that were read, for a counter that has to begin with what its whole trail does not tell of. */
  readonly later?: readonly TrailRow[];
}

export interface Fold extends Readonly<Findings> {
  readonly band: Band;
  readonly state: Readonly<Record<string, Arming>>;
  /** The generation whose milestones the counter has met. */
  readonly reached: number;
  /** When the counter is to be looked at although no event came. */
  readonly wakeAt?: Date;
}

/** The definition's generation that is folded with, and what gives new crossings their ids and adopted ones their time. */
export interface FoldContext {
  readonly generation: number;
  /** When counting began in the counter's span, and where it ends, in milliseconds since the epoch. */
  readonly from?: number;
  readonly end: number;
  readonly newId: () => string;
  readonly now: () => Date;
}

/**
 * Folds a counter's trail, in the order of its revs, through the levels of its milestones. Pure: what a crash or
 * another evaluator makes of the result is decided by the commit.
 *
 * A step that stays within the band of the moment calls no policy. What is said of several levels passed by one event
 * depends on that event alone, and on the ones before it, so any split of the events into batches says the same.
 *
 * A milestone that came after the counter is met where the trail reaches its generation, or at the trail's end: what the
 * counter has behind it there is `adopted`, and the event after it counts. An edited one takes in what was not evaluated
 * yet as it is now.
 *
 * Answers undefined for a counter that has to wait, because a policy needs a limit and none is known.
 */
export function fold(
  key: CounterKey,
  milestones: readonly FoldedMilestone[],
  counter: FoldedCounter,
  { generation, from = Number.NEGATIVE_INFINITY, end, newId, now }: FoldContext,
): Fold | undefined {
  const { trail, later = [] } = counter;
  const findings: Findings = { crossings: [], notices: [], moments: [] };
  const toldLevels = [...trail, ...later].flatMap(({ mark }) =>
    mark !== undefined && "levels" in mark ? mark.levels : [],
  );
  const of: CourseOf = { ...key, from, end, newId, now, toldLevels };
  const measured = milestones.filter(({ policy }) => policy.needs?.includes("limit"));
  let limit = limitAtFirst(measured, counter, end);
  if (measured.length > 0 && limit === undefined) return undefined;

  let value = trail[0]?.from ?? counter.value;
  let band: Band = { below: null, above: null };
  let reached = counter.generation;
  const courses = new Map<FoldedMilestone, Course>();
  const bandNow = () => narrowest([...courses.values()].map((course) => course.band(value)));

  /** Lets the counter meet the milestones up to a generation, at a moment in milliseconds since the epoch. */
  function meet(upTo: number, moment: number): void {
    for (const milestone of milestones) {
      const { name, added, changed } = milestone;
      if (!courses.has(milestone) && added <= upTo) {
        const known = Object.hasOwn(counter.state, name) ? knownOf(counter, milestone) : undefined;
        // one that was there when the counter was born is met where counters start, wherever the band let it go since
        const high = added <= counter.generation ? Math.max(0, value) : value;
        courses.set(milestone, new Course(milestone, of, findings, { known, high, value, limit }));
      }
      if (changed > reached && changed <= upTo) courses.get(milestone)!.edit(value, moment);
    }
    reached = upTo;
    band = bandNow();
  }

  function measureAgainst(version: number | null): void {
    const next = counter.limits.find((each) => each.version === version);
    if (next === undefined || limit === undefined || next.effectiveFrom.getTime() >= end || !outranks(next, limit))
      return;
    limit = next;
    for (const course of courses.values()) if (course.measured) course.measureAgainst(next, value);
    band = bandNow();
  }

  function heed(mark: TrailMark): void {
    for (const course of courses.values()) {
      if ("wokenAt" in mark) course.wake(Date.parse(mark.wokenAt), value);
      else if (mark.levels.milestone === course.milestone.name) course.measureBy(mark.levels, value);
    }
    band = bandNow();
  }

  /** When a row came to be, as far as it tells. */
  function momentOf({ mark, occurredAts: [first] }: TrailRow): number {
    if (mark !== undefined && "wokenAt" in mark) return Date.parse(mark.wokenAt);
    return (first ?? now()).getTime();
  }

  meet(counter.generation, now().getTime());
  for (const row of trail) {
    if (row.generation > reached) meet(row.generation, momentOf(row));
    measureAgainst(row.limitVersion);
    if (row.mark !== undefined) heed(row.mark);
    row.amounts.forEach((amount, i) => {
      const previous = value;
      value += amount;
      if ((band.below === null || value > band.below) && (band.above === null || value < band.above)) return;
      const event = { id: row.ids[i]!, occurredAt: row.occurredAts[i]! };
      for (const course of courses.values()) course.take(event, previous, value);
      band = bandNow();
    });
  }
  if (counter.complete) meet(generation, now().getTime());

  const wakeAt = Math.min(...[...courses.values()].map((course) => course.wakeAt));
  return {
    ...{ band, state: stateAfter(counter.state, courses), reached, ...onceEach(findings) },
    ...(Number.isFinite(wakeAt) && { wakeAt: new Date(wakeAt) }),
  };
}

/** An edit may arm what the same trail has crossed before it: that is one crossing, as it is for two evaluations. */
function onceEach({ crossings, notices, moments }: Findings): Findings {
  const first = new Map<string, NewCrossing>();
  for (const crossing of crossings) {
    const { milestone, threshold, limitVersion, arming } = crossing;
    const key = `${milestone}\0${threshold}\0${limitVersion}\0${arming}`;
    if (!first.has(key)) first.set(key, crossing);
  }
  if (first.size === crossings.length) return { crossings, notices, moments };
  const kept = new Set(first.values());
  return {
    crossings: [...kept],
    notices,
    moments: moments.filter((moment) => moment.kind !== "crossing" || kept.has(moment.crossing)),
  };
}

/**
 * What a counter remembers of a milestone. Not which stored levels it was measured by before the milestone changed: of one
 * that was removed and came back others may have come into force meanwhile, and no trail told of them.
 */
function knownOf({ state, generation }: FoldedCounter, { name, changed }: FoldedMilestone): Arming {
  const { levels, ...known } = state[name] as Arming;
  return { ...known, ...(levels !== undefined && changed <= generation && { levels }) };
}

/**
 * Without a prototype: a milestone may be named like one of its members. Also with what belongs to milestones that were
 * removed: if one comes back, its armings go on where they were.
 */
function stateAfter(
  before: Readonly<Record<string, unknown>>,
  courses: ReadonlyMap<FoldedMilestone, Course>,
): Readonly<Record<string, Arming>> {
  const state: Record<string, Arming> = Object.assign(Object.create(null), before);
  for (const [{ name }, { arming }] of courses) state[name] = arming;
  return state;
}
