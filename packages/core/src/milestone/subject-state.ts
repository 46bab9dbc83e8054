import * as z from "zod";
import { MilepostError } from "../errors.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey, StoredCounter } from "../store/counter-repository.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { Limit } from "../store/limit-repository.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { type Agrees, dateSchema, keySchema, parseInput } from "../validation.js";
import type { Arming } from "./arming.js";
import type { Crossing, CrossingState } from "./crossing.js";
import { bandsSince } from "./definition.js";
import { outranks } from "./limit-at-first.js";
import type { Milestone } from "./milestone.js";
import { type Projection, projection, type ValueAt } from "./pace.js";
import { lifetime, periodOf, periodProblem, type Span, spanAt, spanOf } from "./period.js";
import { percentText } from "./policies/percent.js";
import type { PolicyContext } from "./policy.js";
import type { Registry } from "./registry.js";
import { armingAt, isReached, nextLevel } from "./standing.js";

/** Whose state is asked for, and of what. */
export interface StateQuery {
  /** `"default"` unless said. */
  readonly tenant?: string;
  readonly subject: string;
  /** One of the code's milestones; all of them unless said. */
  readonly milestone?: string;
  /** The key of a span, as a crossing has it: `month:Europe/Berlin:2026-10`. Milestones of another period are left out. */
  readonly period?: string;
  /** An instant in the spans that are meant; now unless said. Not together with `period`. */
  readonly at?: Date;
}

/** Where a subject's counter stands among the levels of one milestone. */
export interface SubjectState {
  readonly milestone: string;
  readonly metric: string;
  /** The key of the counter's span. */
  readonly period: string;
  /** 0 where nothing was counted yet. */
  readonly value: number;
  /** `reached` as long as at least one level that was passed in this span is not armed again, else `ok`. */
  readonly status: "ok" | "reached";
  /** The amount the milestone's percentages are of; null where it measures against none, or none is known. */
  readonly limit: number | null;
  /** The value in percent of the limit, with two decimals, rounded down: `"105.52"`. Null without a limit above 0. */
  readonly percent: string | null;
  /** The nearest rising level above the value that is armed; null if there is none. */
  readonly next: { readonly threshold: string; readonly at: number; readonly remaining: number } | null;
  /** The span's crossings of this milestone, in the order they were recorded; the first 10,000. */
  readonly passed: readonly PassedLevel[];
  /** What becomes of it at its pace. */
  readonly projected: Projection;
  /** The span had begun before its events were counted: the milestone's period came to the metric in the midst of it. */
  readonly partial: boolean;
  /** What the counter was not evaluated for yet: its limit is not known, or its evaluation is to come. */
  readonly waiting: "limit" | "evaluation" | null;
}

/** A level that was passed. */
export interface PassedLevel extends Pick<Crossing, "id" | "threshold" | "reachedAt" | "reason"> {
  readonly state: CrossingState;
}

const periodKeySchema = keySchema.refine((key) => {
  try {
    return periodProblem(periodOf(key)) === undefined && spanOf(key).key === key;
  } catch {
    return false;
  }
}, 'a span\'s key, as in "lifetime" or "month:Europe/Berlin:2026-11"');

const querySchema = z
  .strictObject({
    tenant: keySchema.default(defaultTenant),
    subject: keySchema,
    milestone: keySchema.optional(),
    period: periodKeySchema.optional(),
    at: dateSchema.optional(),
  })
  .refine(({ period, at }) => period === undefined || at === undefined, {
    error: "period or at, not both",
    path: ["at"],
  });

true satisfies Agrees<typeof querySchema, StateQuery>;

const mostPassed = 10_000;

/**
 * Reads where a subject stands: three kinds of rows, each as it is when it is read. Changes nothing, and evaluates
 * nothing: what a counter waits for is said in `waiting`.
 */
export function subjectStates(
  store: Store,
  registry: Registry,
  runtime: Runtime,
): (query: StateQuery) => Promise<readonly SubjectState[]> {
  return async (query) => {
    const { tenant, subject, milestone: name, period, at } = parseInput(querySchema, query, "invalid_options");
    const now = runtime.now?.() ?? new Date();
    await registry.ready();
    const asked = milestonesNamed(registry, name).flatMap((milestone): Asked[] => {
      const span = period === undefined ? spanAt(milestone.period, at ?? now) : spanOf(period);
      const key = { tenant, metric: milestone.metric, subject, period: span.key };
      return periodOf(span.key) === milestone.period ? [{ milestone, span, key }] : [];
    });
    const counters = new Map<string, StoredCounter>();
    for (const row of await store.counters.read({ keys: asked.map(({ key }) => key), trailLimit: 0 })) {
      counters.set(counterKeyText(row), row);
    }
    const metrics = [...new Set(registry.milestones.filter(needsLimit).map(({ metric }) => metric))].filter((metric) =>
      asked.some(({ key }) => key.metric === metric),
    );
    const limits = await store.limits.of({ subjects: metrics.map((metric) => ({ tenant, metric, subject })) });
    const states: SubjectState[] = [];
    for (const one of asked) {
      const { milestone, span, key } = one;
      const definition = registry.installed(key.metric);
      const about = { tenant, subject, milestone: milestone.name, period: key.period };
      const crossings = await store.crossings.list({ ...about, limit: mostPassed });
      const begin = await beginningOf(store, one, definition, crossings);
      const counter = counters.get(counterKeyText(key));
      const limit = limitInForce(limits, key.metric, span);
      const sharing = registry.milestones.filter(
        (each) => each.metric === key.metric && each.period === milestone.period,
      );
      const waiting = waitingFor(counter, definition, limit === undefined && sharing.some(needsLimit));
      states.push(stateOf(one, { definition, counter, crossings, limit, begin, waiting, now: now.getTime() }));
    }
    return states;
  };
}

interface Asked {
  readonly milestone: Milestone;
  readonly span: Span;
  readonly key: CounterKey;
}

/** What was read of a counter and its milestone. */
interface Found {
  readonly definition: InstalledDefinition;
  readonly counter: StoredCounter | undefined;
  readonly crossings: readonly Crossing[];
  readonly limit: Limit | undefined;
  readonly begin: ValueAt | undefined;
  readonly waiting: SubjectState["waiting"];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

function stateOf({ milestone, span, key }: Asked, found: Found): SubjectState {
  const { name, metric, policy } = milestone;
  const { tenant, subject, period } = key;
  const { definition, counter, crossings, begin, waiting, now } = found;
  const limit = needsLimit(milestone) ? found.limit : undefined;
  const known = !needsLimit(milestone) || limit !== undefined;
  const value = counter?.value ?? 0;
  const evaluated = counter?.state[name] as Arming | undefined;
  // another limit has armed all levels again, whether that was evaluated yet or not
  const arming = armingAt(value, evaluated?.limit === limit?.version ? evaluated : undefined);
  const context: PolicyContext = { tenant, subject, period, ...(limit && { limit: limit.amount }) };
  const level = known ? nextLevel(policy, context, arming, value) : undefined;
  const next = level === undefined ? null : { threshold: level.threshold, at: level.at, remaining: level.at - value };
  return {
    ...{ milestone: name, metric, period, value },
    status: known && isReached(policy, context, arming) ? "reached" : "ok",
    limit: limit?.amount ?? null,
    percent: limit === undefined || limit.amount === 0 ? null : percentText(value, limit.amount),
    next,
    passed: crossings.map(({ id, threshold, reachedAt, state, reason }) => ({
      id,
      threshold,
      reachedAt,
      state,
      reason,
    })),
    projected: projection(begin, { value, at: now }, span, next),
    partial: fedSince(definition, milestone) > span.start,
    waiting,
  };
}

function milestonesNamed(registry: Registry, name: string | undefined): readonly Milestone[] {
  if (name === undefined) return registry.milestones;
  const milestone = registry.milestone(name);
  if (milestone !== undefined) return [milestone];
  const expected = "a milestone of this process' code";
  throw new MilepostError("invalid_options", `milestone: ${expected}`, { path: "milestone", expected });
}

function needsLimit({ policy }: Milestone): boolean {
  return policy.needs?.includes("limit") ?? false;
}

/** Of the versions that were brought into force before the span's end, the one that counts. */
function limitInForce(limits: readonly Limit[], of: string, { end }: Span): Limit | undefined {
  const inForce = limits.filter(({ metric, applied, effectiveFrom }) => {
    return metric === of && applied && effectiveFrom.getTime() < end;
  });
  return inForce.reduce<Limit | undefined>((best, each) => (best && outranks(best, each) ? best : each), undefined);
}

/** Since when events feed the counters of a milestone's period: minus infinity for those that were always fed. */
function fedSince({ births }: InstalledDefinition, { period }: Milestone): number {
  const since = births.find((birth) => birth.period === period)?.since;
  return since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
}

/**
 * Where a counter's pace is reckoned from: its span's start or, if that was before it was fed, since then. A lifetime has
 * no start, so it is the earliest evidence there is: an event that is retained, or a crossing.
 */
async function beginningOf(
  store: Store,
  { milestone, span, key }: Asked,
  definition: InstalledDefinition,
  crossings: readonly Crossing[],
): Promise<ValueAt | undefined> {
  if (span.key !== lifetime) return { value: 0, at: Math.max(span.start, fedSince(definition, milestone)) };
  const { tenant, metric, subject } = key;
  const [event] = await store.events.list({ tenant, metric, subject, limit: 1 });
  const evidence = crossings
    .filter(({ eventId }) => eventId !== "")
    .map(({ value, reachedAt }) => ({ value, at: reachedAt.getTime() }));
  if (event !== undefined) evidence.push({ value: event.value - event.amount, at: event.occurredAt.getTime() });
  return evidence.reduce<ValueAt | undefined>(
    (first, each) => (first && first.at <= each.at ? first : each),
    undefined,
  );
}

/** A counter that is due waits for its evaluation; all of it, if one of its milestones needs a limit that is not known. */
function waitingFor(
  counter: StoredCounter | undefined,
  definition: InstalledDefinition,
  lacksLimit: boolean,
): SubjectState["waiting"] {
  if (counter === undefined) return null;
  if (counter.due) return lacksLimit ? "limit" : "evaluation";
  return counter.generation < bandsSince(definition) ? "evaluation" : null;
}
