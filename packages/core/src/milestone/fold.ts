import type { CounterKey, TrailRow } from "../store/counter-repository.js";
import type { Band } from "../store/definition-repository.js";
import type { Limit } from "../store/limit-repository.js";
import { type Arming, freshArming, narrowest, type Passed, quietBand, step } from "./arming.js";
import type { CrossingBirth, NewCrossing } from "./crossing.js";
import type { Milestone } from "./milestone.js";
import type { Level, MilestonePolicy, PolicyContext } from "./policy.js";

/** What folding needs to know of a milestone. */
export interface FoldedMilestone extends Pick<Milestone, "name" | "policy" | "onJump" | "minInterval" | "onAdopt"> {
  /** What becomes of a crossing that is to be said: nobody may have to be told, or not any more. */
  readonly said: "pending" | "silent" | "expired";
  /** The generations it came and last changed with. */
  readonly added: number;
  readonly changed: number;
  /** When crossings of it were said to the subject's people, in any of its periods; of a lifetime its counter knows. */
  readonly saidAt?: readonly Date[];
}

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
  /** Those that its trail tells of beyond what was read of it, in its order; asked for where `beginsWithoutLimit()`. */
  readonly toldLater?: readonly number[];
}

export type AppliedLimit = Pick<Limit, "version" | "amount" | "effectiveFrom" | "createdAt">;

export interface Fold {
  readonly band: Band;
  readonly state: Readonly<Record<string, Arming>>;
  /** The generation whose milestones the counter has met. */
  readonly reached: number;
  readonly crossings: readonly NewCrossing[];
}

/** The definition's generation that is folded with, and what gives new crossings their ids and adopted ones their time. */
export interface FoldContext {
  readonly generation: number;
  /** Where the counter's span ends, in milliseconds since the epoch. */
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
  { generation, end, newId, now }: FoldContext,
): Fold | undefined {
  const { tenant, metric, subject, period } = key;
  const crossings: NewCrossing[] = [];
  let value = counter.trail[0]?.from ?? counter.value;
  // Without a prototype: a milestone may be named like one of its members. Also with what belongs to milestones that were
  // removed: if one comes back, its armings go on where they were.
  const state: Record<string, Arming> = Object.assign(Object.create(null), counter.state);
  const met: FoldedMilestone[] = [];
  const saidAt = new Map(milestones.map(({ name, saidAt = [] }) => [name, saidAt.map((date) => date.getTime())]));
  let band: Band = { below: null, above: null };
  const measured = milestones.filter(({ policy }) => policy.needs?.includes("limit"));
  let limit = limitAtFirst(measured, counter, end);
  if (measured.length > 0 && limit === undefined) return undefined;

  const contextOf = (milestone: FoldedMilestone): PolicyContext => {
    return { tenant, subject, period, ...(measured.includes(milestone) && { limit: limit!.amount }) };
  };
  const record = (milestone: FoldedMilestone, level: Level, about: CrossingFacts): void => {
    const { threshold, at, direction, code = null, severity = null } = level;
    const against = measured.includes(milestone) ? limit : undefined;
    const where = { tenant, milestone: milestone.name, metric, subject, period, threshold };
    const limited = { limitVersion: against?.version ?? 0, limitAmount: against?.amount ?? null };
    crossings.push({ id: newId(), ...where, ...limited, at, direction, code, severity, ...about });
  };
  const bandNow = () => {
    return narrowest(met.map((each) => quietBand(each.policy, contextOf(each), state[each.name]!, value)));
  };

  /** What becomes of crossings of one milestone that came at once, in the order in which their levels were passed. */
  function birthsOf(milestone: FoldedMilestone, passed: number, reachedAt: Date): readonly CrossingBirth[] {
    const { name, onJump, minInterval } = milestone;
    let said: CrossingBirth = milestone.said;
    if (said === "pending") {
      const time = reachedAt.getTime();
      const last = state[name]!.said ?? time - minInterval;
      if ([last, ...saidAt.get(name)!].some((before) => Math.abs(time - before) < minInterval)) said = "too_soon";
      else if (minInterval > 0) {
        saidAt.get(name)!.push(time);
        // a late event must not hide what was said after it
        state[name] = { ...state[name]!, said: Math.max(last, time) };
      }
    }
    const others = said === "silent" || onJump === "each" ? said : "superseded";
    return Array.from({ length: passed }, (_, place) => (place === passed - 1 ? said : others));
  }

  /** What the counter has behind it where it meets a milestone. A level that was crossed before keeps its crossing. */
  function adopt(milestone: FoldedMilestone): void {
    const { name, policy, onAdopt } = milestone;
    const crossed = new Set(crossings.flatMap(({ milestone: of, threshold }) => (of === name ? threshold : [])));
    const behind = levelsBehind(policy, value, contextOf(milestone)).filter(
      ({ level }) => !crossed.has(level.threshold),
    );
    const reachedAt = now();
    const told = onAdopt === "notify" && milestone.said !== "silent" && behind.length > 0;
    const births = told ? birthsOf({ ...milestone, onJump: "highest" }, behind.length, reachedAt) : [];
    behind.forEach(({ level, skipped }, place) => {
      const about = { arming: 1, skipped, previous: value, value, eventId: "", reachedAt };
      record(milestone, level, { ...about, state: births[place] ?? "adopted" });
    });
  }

  /** Lets the counter meet the milestones up to a generation. */
  function meet(upTo: number): void {
    for (const milestone of milestones) {
      const { name, added, changed } = milestone;
      if (!met.includes(milestone) && added <= upTo) {
        const known = state[name] ?? freshArming(value);
        // also of one that was removed and came back: whatever it missed lies behind
        state[name] = { ...known, ...against(milestone), high: Math.max(known.high, value) };
        met.push(milestone);
      }
      if (changed > reached && changed <= upTo) {
        adopt(milestone);
        // what an edit puts ahead of a value that has come down again is waited for; what was crossed keeps its crossing
        state[name] = { ...state[name], high: value };
      }
    }
    reached = upTo;
    band = bandNow();
  }

  const against = (milestone: FoldedMilestone) => measured.includes(milestone) && { limit: limit!.version };

  /** Another limit arms all levels again: those that the value has passed already are crossed at once. */
  function measureAgainst(next: AppliedLimit): void {
    limit = next;
    const reachedAt = new Date(Math.max(next.effectiveFrom.getTime(), next.createdAt.getTime()));
    for (const milestone of met.filter((each) => measured.includes(each))) {
      const { name, policy } = milestone;
      const said = state[name]!.said;
      state[name] = { ...freshArming(value), limit: next.version, ...(said !== undefined && { said }) };
      const passed = levelsBehind(policy, value, contextOf(milestone));
      const births = birthsOf(milestone, passed.length, reachedAt);
      passed.forEach(({ level, skipped }, place) => {
        const about = { arming: 1, skipped, previous: value, value, eventId: "", reachedAt };
        record(milestone, level, { ...about, state: births[place]! });
      });
    }
    band = bandNow();
  }

  let reached = counter.generation;
  meet(counter.generation);
  for (const row of counter.trail) {
    if (row.generation > reached) meet(row.generation);
    const next = counter.limits.find(({ version }) => version === row.limitVersion);
    if (next !== undefined && limit !== undefined && next.effectiveFrom.getTime() < end && outranks(next, limit)) {
      measureAgainst(next);
    }
    row.amounts.forEach((amount, i) => {
      const previous = value;
      value += amount;
      if ((band.below === null || value > band.below) && (band.above === null || value < band.above)) return;
      for (const milestone of met) {
        const { name, policy } = milestone;
        const { passed, arming } = step(policy, contextOf(milestone), state[name]!, previous, value);
        state[name] = arming;
        if (passed.length === 0) continue;
        const reachedAt = row.occurredAts[i]!;
        const births = birthsOf(milestone, passed.length, reachedAt);
        passed.forEach(({ level, arming: count, skipped }, place) => {
          const caused = { skipped, previous, value, eventId: row.ids[i]!, reachedAt };
          record(milestone, level, { arming: count, ...caused, state: births[place]! });
        });
      }
      band = bandNow();
    });
  }
  if (counter.complete) meet(generation);
  return { band, state, reached, crossings };
}

/** Of two versions that are in force the one counts that came into force last, then the one that was set last. */
function outranks(a: AppliedLimit, b: AppliedLimit): boolean {
  return (a.effectiveFrom.getTime() - b.effectiveFrom.getTime() || a.version - b.version) > 0;
}

/**
 * The limit at the beginning of the trail: the one its levels were measured against last or, for a counter that is new
 * to it, the one in force before those that the trail tells of. One that waited for its first limit begins with it.
 */
function limitAtFirst(
  measured: readonly FoldedMilestone[],
  counter: FoldedCounter,
  end: number,
): AppliedLimit | undefined {
  const { trail, limits, toldLater = [] } = counter;
  const last = measuredAgainst(measured, counter);
  const known = limits.find(({ version }) => version === last);
  if (known !== undefined) return known;
  const inForce = limits.filter(({ effectiveFrom }) => effectiveFrom.getTime() < end);
  const told = [...trail.map(({ limitVersion }) => limitVersion), ...toldLater];
  const before = inForce.filter(({ version }) => !told.includes(version));
  const [best] = before.sort((a, b) => (outranks(a, b) ? -1 : 1));
  return best ?? inForce.find(({ version }) => version === told.find((each) => each !== null));
}

type Measured = Pick<FoldedMilestone, "name" | "policy" | "changed">;

/**
 * The version that a counter's levels were measured against last. What is kept of a milestone that was edited since, or
 * that was removed and came back, tells nothing: other versions may have come into force without it.
 */
function measuredAgainst(
  milestones: readonly Measured[],
  { state, generation }: Pick<FoldedCounter, "state" | "generation">,
): number | undefined {
  const met = milestones.filter(({ policy, changed }) => policy.needs?.includes("limit") && changed <= generation);
  return met.flatMap(({ name }) => (state[name] as Arming | undefined)?.limit ?? [])[0];
}

/**
 * Whether the limit that a counter begins with shows only in what its trail does not tell of: then all of the trail has to
 * be known, also what was appended to it before its limits were read.
 */
export function beginsWithoutLimit(
  milestones: readonly Measured[],
  counter: Pick<FoldedCounter, "state" | "generation">,
): boolean {
  return measuredAgainst(milestones, counter) === undefined;
}

type CrossingFacts = Pick<NewCrossing, "arming" | "skipped" | "previous" | "value" | "eventId" | "reachedAt" | "state">;

/** Rising levels between where counters start and where this one is: as if one event had passed them. */
function levelsBehind(policy: MilestonePolicy, value: number, context: PolicyContext): readonly Passed[] {
  if (value <= 0) return [];
  return step(policy, context, freshArming(0), 0, value).passed.filter(({ level }) => level.direction === "rising");
}
