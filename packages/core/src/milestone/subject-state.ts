import * as z from "zod";
import { MilepostError } from "../errors.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { StoredCounter } from "../store/counter-repository.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { ParkedCounter } from "../store/parking-repository.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { type Agrees, dateSchema, keySchema, parseInput } from "../validation.js";
import type { AppliedLimit } from "./course.js";
import type { Crossing, CrossingState } from "./crossing.js";
import { outranks } from "./limit-at-first.js";
import { measuresOf } from "./measures.js";
import type { Milestone } from "./milestone.js";
import type { Projection, ValueAt } from "./pace.js";
import { lifetime, periodOf, periodProblem, type Span, spanAt, spanOf } from "./period.js";
import type { Registry } from "./registry.js";
import { type Asked, fedSince, needsLimit, stateOf } from "./state-of-counter.js";

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
  /** The nearest rising level above the value that is armed, of levels that move where it lies now; null if there is none. */
  readonly next: { readonly threshold: string; readonly at: number; readonly remaining: number } | null;
  /** The span's crossings of this milestone, in the order they were recorded; the first 10,000. */
  readonly passed: readonly PassedLevel[];
  /** What becomes of it at its pace. */
  readonly projected: Projection;
  /** The span had begun before its events were counted: the milestone's period came to the metric in the midst of it. */
  readonly partial: boolean;
  /** When people are reminded next of what they were told, if the value stays where it is; null if they are not. */
  readonly nextReminder: Date | null;
  /** Why the counter was not evaluated to its end: its limit is not known, its evaluation is to come, or it fails. */
  readonly waiting: "limit" | "evaluation" | "parked" | null;
  /** What its evaluation fails for, since when, and when it is tried again; null for one that is not parked. */
  readonly parked: Pick<ParkedCounter, "reason" | "detail" | "since" | "retryAt"> | null;
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
const mostParked = 10_000;

/**
 * Reads where a subject stands: rows of a few kinds, each as it is when it is read. Changes nothing, and evaluates nothing:
 * what a counter waits for is said in `waiting`.
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
    const parked = await parkedOf(store, [...counters.values()]);
    // what one of its milestones is measured against holds up all of a counter
    const sharing = ({ metric, period: kind }: Milestone) =>
      registry.milestones.filter((each) => each.metric === metric && each.period === kind);
    const measures = await measuresOf(
      store,
      asked.map(({ key, milestone }) => ({ counter: key, milestones: sharing(milestone) })),
    );
    const states: SubjectState[] = [];
    for (const one of asked) {
      const { milestone, span, key } = one;
      const definition = registry.installed(key.metric);
      const about = { tenant, subject, milestone: milestone.name, period: key.period };
      const crossings = await store.crossings.list({ ...about, limit: mostPassed });
      const begin = await beginningOf(store, one, definition, crossings);
      const counter = counters.get(counterKeyText(key));
      const { limits, levels } = measures.get(key)!;
      const limit = limitInForce(limits, span);
      const found = { definition, counter, crossings, limit, begin, now: now.getTime() };
      const lacksLimit = limit === undefined && sharing(milestone).some(needsLimit);
      const waits = { lacksLimit, parked: parked.get(counterKeyText(key)) ?? null };
      states.push(stateOf(one, { ...found, ...waits, levels: levels.get(milestone.name) ?? [] }));
    }
    return states;
  };
}

/** Those of the counters that are parked, by their keys as text. */
async function parkedOf(
  store: Store,
  counters: readonly StoredCounter[],
): Promise<ReadonlyMap<string, SubjectState["parked"]>> {
  const parked = new Map<string, SubjectState["parked"]>();
  const due = new Map(counters.filter((counter) => counter.due).map((counter) => [counter.metric, counter]));
  for (const { tenant, metric, subject } of due.values()) {
    for (const row of await store.parking.list({ tenant, metric, subject, limit: mostParked })) {
      const { reason, detail, since, retryAt } = row;
      parked.set(counterKeyText(row), { reason, detail, since, retryAt });
    }
  }
  return parked;
}

function milestonesNamed(registry: Registry, name: string | undefined): readonly Milestone[] {
  if (name === undefined) return registry.milestones;
  const milestone = registry.milestone(name);
  if (milestone !== undefined) return [milestone];
  const expected = "a milestone of this process' code";
  throw new MilepostError("invalid_options", `milestone: ${expected}`, { path: "milestone", expected });
}

/** Of the versions that were brought into force before the span's end, the one that counts. */
function limitInForce(limits: readonly AppliedLimit[], { end }: Span): AppliedLimit | undefined {
  const inForce = limits.filter(({ effectiveFrom }) => effectiveFrom.getTime() < end);
  return inForce.reduce<AppliedLimit | undefined>(
    (best, each) => (best && outranks(best, each) ? best : each),
    undefined,
  );
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
