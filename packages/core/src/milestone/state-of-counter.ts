import type { CounterKey, StoredCounter } from "../store/counter-repository.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { Arming } from "./arming.js";
import type { AppliedLimit } from "./course.js";
import type { Crossing } from "./crossing.js";
import { bandsSince } from "./definition.js";
import type { Milestone } from "./milestone.js";
import { projection, type ValueAt } from "./pace.js";
import type { Span } from "./period.js";
import { percentText } from "./policies/percent.js";
import type { PolicyContext } from "./policy.js";
import { armingAt, type Standing, standing } from "./standing.js";
import { type AppliedLevels, levelsAtFirst, levelsInForce } from "./stored-levels.js";
import type { SubjectState } from "./subject-state.js";

/** A counter whose state is asked for, and of which milestone. */
export interface Asked {
  readonly milestone: Milestone;
  readonly span: Span;
  readonly key: CounterKey;
}

/** What was read of a counter and its milestone. */
export interface Found {
  readonly definition: InstalledDefinition;
  readonly counter: StoredCounter | undefined;
  readonly crossings: readonly Crossing[];
  /** The limit in force. */
  readonly limit: AppliedLimit | undefined;
  /** The applied versions of the milestone's stored levels, of the subject and of the tenant. */
  readonly levels: readonly AppliedLevels[];
  readonly begin: ValueAt | undefined;
  readonly parked: SubjectState["parked"];
  /** A milestone of the counter needs a limit, and none is known. */
  readonly lacksLimit: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Where a counter stands among the levels of one milestone. Throws what the policy throws, unless it is parked. */
export function stateOf(asked: Asked, found: Found): SubjectState {
  const { milestone, span, key } = asked;
  const { name, metric, policy } = milestone;
  const { definition, counter, crossings, begin, parked, now } = found;
  const limit = needsLimit(milestone) ? found.limit : undefined;
  const value = counter?.value ?? 0;
  const evaluated = counter?.state[name] as Arming | undefined;
  // another limit has armed all levels again, whether that was evaluated yet or not
  const arming = armingAt(value, evaluated?.limit === limit?.version ? evaluated : undefined);
  const { level, reached, passes } = standingOf(asked, { ...found, limit }, arming, value);
  const next = level === undefined ? null : { threshold: level.threshold, at: level.at, remaining: level.at - value };
  return {
    ...{ milestone: name, metric, period: key.period, value },
    status: reached || passes ? "reached" : "ok",
    limit: limit?.amount ?? null,
    percent: limit === undefined || limit.amount === 0 ? null : percentText(value, limit.amount),
    next,
    passed: crossings.map(({ id, threshold, reachedAt, state, reason }) => {
      return { id, threshold, reachedAt, state, reason };
    }),
    // by the time the value has come to where a moving level lies now, that lies elsewhere
    projected: projection(begin, { value, at: now }, span, policy.moving ? null : next),
    partial: fedSince(definition, milestone) > span.start,
    nextReminder: now < span.end ? reminderOf(milestone, evaluated, value, span) : null,
    waiting: waitingFor(found) ?? (passes ? "evaluation" : null),
    parked,
  };
}

export function needsLimit({ policy }: Milestone): boolean {
  return policy.needs?.includes("limit") ?? false;
}

/** Since when events feed the counters of a milestone's period: minus infinity for those that were always fed. */
export function fedSince({ births }: InstalledDefinition, { period }: Milestone): number {
  const since = births.find((birth) => birth.period === period)?.since;
  return since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
}

function standingOf(asked: Asked, found: Found, arming: Arming, value: number): Standing {
  const { milestone, span } = asked;
  const { limit, crossings, parked, now } = found;
  const unknown = { level: undefined, reached: false, passes: false };
  if (needsLimit(milestone) && limit === undefined) return unknown;
  try {
    const context = contextOf(asked, found, arming);
    return standing(milestone.policy, context, arming, { value, over: now >= span.end });
  } catch (error) {
    if (parked === null) throw error;
    // what it is parked for is told; where it stood shows in what was crossed
    return { ...unknown, reached: crossings.some(({ limitVersion }) => limitVersion === (limit?.version ?? 0)) };
  }
}

/** What the policy looks at: as at the last evaluation, or as at the first that would be now, and the time as it is now. */
function contextOf({ milestone, span, key }: Asked, found: Found, arming: Arming): PolicyContext {
  const { tenant, subject, period } = key;
  const { policy, name } = milestone;
  const { limit, levels, definition, now } = found;
  const { end } = span;
  const from = Math.min(Math.max(span.start, fedSince(definition, milestone)), end);
  const thresholds = policy.needs?.includes("thresholds")
    ? levelsInForce(levels, arming.levels ?? levelsAtFirst({ name, levels }, []))
    : undefined;
  return {
    ...{ tenant, subject, period },
    ...(limit && { limit: limit.amount }),
    ...(thresholds && { thresholds }),
    ...(policy.needs?.includes("span") &&
      Number.isFinite(end) && { span: { from, end, at: Math.max(from, Math.min(now, end), arming.at ?? from) } }),
  };
}

/** People are reminded as long as the value stays on its side of a level that they were told of. */
function reminderOf({ remindEvery }: Milestone, arming: Arming | undefined, value: number, { end }: Span): Date | null {
  const { remindAt = end, open = [] } = arming ?? {};
  if (remindEvery === 0 || remindAt >= end) return null;
  const holds = open.some(({ at, direction }) => (direction === "rising" ? value >= at : value <= at));
  return holds ? new Date(remindAt) : null;
}

/** A counter that is due waits for its evaluation; all of it, if one of its milestones needs a limit that is not known. */
function waitingFor({ counter, definition, lacksLimit, parked }: Found): SubjectState["waiting"] {
  if (parked !== null) return "parked";
  if (counter === undefined) return null;
  if (counter.due) return lacksLimit ? "limit" : "evaluation";
  return counter.generation < bandsSince(definition) ? "evaluation" : null;
}
