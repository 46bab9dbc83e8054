import { setImmediate as nextTurn } from "node:timers/promises";
import * as z from "zod";
import { MilepostError } from "../errors.js";
import { type Crossing, crossingOf } from "../milestone/crossing.js";
import { crossingPages } from "../milestone/crossing-pages.js";
import { periodsUnder } from "../milestone/limits.js";
import { lifetime } from "../milestone/period.js";
import { defaultTenant, type ParsedEvent } from "../recording/event.js";
import type { CounterKey } from "../store/counter-repository.js";
import type { RetainedEvent } from "../store/event-repository.js";
import type { Limit, LimitSubject } from "../store/limit-repository.js";
import { emptyRow, keyOf } from "../store/memory/tables.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { type Agrees, keySchema, parseInput } from "../validation.js";
import { type LimitPlace, limitPlaces } from "./limit-places.js";
import { compare } from "./replay-comparison.js";
import { type Original, type Shadow, shadowOf } from "./shadow.js";
import { seedLevels, wholeTrail } from "./shadow-facts.js";

/** Whose crossings are recomputed. */
export interface ReplayInput {
  /** `"default"` unless said. */
  readonly tenant?: string;
  readonly metric: string;
  readonly subject: string;
}

/** A subject's crossings as its retained events give them, against those that are recorded. Nothing was changed. */
export interface Replay {
  /** How many retained events were gone through. */
  readonly events: number;
  /**
   * Whether they are all that the subject's lifetime counter has counted. False where a retention has forgotten earlier
   * ones, or where some came before, between or after the time in which the metric retained events.
   */
  readonly complete: boolean;
  /** Crossings that are recorded and come out of the events. */
  readonly same: number;
  /** Those that come out of the events and are not recorded; ids and times are the replay's own. */
  readonly missing: readonly Crossing[];
  /** Those that are recorded and do not come out of the events. */
  readonly unexpected: readonly Crossing[];
  /** Crossings of either side that were not compared: adopted ones, for example. */
  readonly leftOut: number;
}

const replaySchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  metric: keySchema,
  subject: keySchema,
});

true satisfies Agrees<typeof replaySchema, ReplayInput>;

const perPage = 1_000;
/** Looks at a counter whose limits are set all the time. */
const maxTries = 10;

/**
 * Recomputes a subject's crossings from its retained events, on a shadow. Throws `unknown_metric`, `events_not_retained`,
 * `behind` where this process has not the code of every milestone, and `policy_failed`.
 */
export async function replay(original: Original, input: ReplayInput): Promise<Replay> {
  const about = parseInput(replaySchema, input, "invalid_options");
  const { store } = original;
  const shadow = await shadowOf(original);
  const { registry, tables } = shadow;
  await registry.ready();
  registry.refuseUnknown(about.metric, "metric");
  await registry.know([about.metric]);
  refuseMetric(shadow, about.metric);

  const before = await crossingsOf(store, about);
  const { value, rev, limits } = await standing(store, about);
  const events = await retainedEvents(store, about, rev);
  const unbroken = isUnbroken(events, value);
  const places = limitPlaces({ events, rev, unbroken }, limits);
  seedUnapplied(shadow, about, limits);
  const { storedLevels } = registry;
  await seedLevels(
    store,
    tables,
    [about],
    storedLevels.map(({ name }) => name),
  );
  await recordAgain(shadow, about, events, places);
  const [error] = shadow.errors;
  if (error !== undefined) throw error;

  const complete = unbroken && startOf(events) === 0;
  const keys = [...tables.counters.values()].map(({ tenant, metric, subject, period }): CounterKey => {
    return { tenant, metric, subject, period };
  });
  const counters = await store.counters.read({ keys, trailLimit: wholeTrail });
  const { same, missing, unexpected, leftOut } = compare({
    ...{ definition: registry.installed(about.metric), events, complete },
    counters: new Map(counters.map((each) => [counterKeyText(each), each])),
    ...{ found: [...tables.crossings.values()].map(crossingOf), before, after: await crossingsOf(store, about) },
  });
  return { events: events.length, complete, same, missing, unexpected, leftOut };
}

function refuseMetric({ registry }: Shadow, metric: string): void {
  if (registry.settings(metric).retain !== "events") {
    const expected = `a metric that retains its events: "${metric}" is not declared retain: "events"`;
    throw new MilepostError("events_not_retained", `metric: ${expected}`, { path: "metric", expected });
  }
  if (!registry.evaluated.has(metric)) {
    const message = `This process has not the code of every milestone on "${metric}": replay in one that has it.`;
    throw new MilepostError("behind", message, { path: "metric" });
  }
}

async function crossingsOf(store: Store, about: LimitSubject): Promise<readonly Crossing[]> {
  const crossings: Crossing[] = [];
  for await (const page of crossingPages(store, about)) crossings.push(...page);
  return crossings;
}

/** Those up to a rev of the lifetime counter, in the order of their effect. */
async function retainedEvents(store: Store, about: LimitSubject, rev: number): Promise<readonly RetainedEvent[]> {
  const events: RetainedEvent[] = [];
  for (let last: RetainedEvent | undefined; ; ) {
    const after = last && { rev: last.rev, place: last.place };
    const page = await store.events.list({ ...about, ...(after && { after }), limit: perPage });
    events.push(...page.filter((event) => event.rev <= rev));
    last = page.at(-1);
    if (page.length < perPage || last!.rev > rev) return events;
    // a synchronous store answers without a turn of the event loop; others in the process have a right to one
    await nextTurn();
  }
}

/** Where the lifetime counter stands, and the limits that it has been told of by then. */
async function standing(
  store: Store,
  about: LimitSubject,
): Promise<{ readonly value: number; readonly rev: number; readonly limits: readonly Limit[] }> {
  for (let tries = 1; ; tries++) {
    const limits = await store.limits.of({ subjects: [about] });
    const [counter] = await store.counters.get({ keys: [{ ...about, period: lifetime }] });
    const after = await store.limits.of({ subjects: [about] });
    // no version was applied in between, so each that was is part of the counter's rev
    if (appliedOf(limits) === appliedOf(after) || tries === maxTries) {
      return { value: counter?.value ?? 0, rev: counter?.rev ?? 0, limits };
    }
  }
}

function appliedOf(limits: readonly Limit[]): number {
  return limits.filter(({ applied }) => applied).length;
}

/** The subject's limits, none of them in force on the shadow yet. */
function seedUnapplied({ tables }: Shadow, about: LimitSubject, limits: readonly Limit[]): void {
  const unapplied = limits.map((limit) => ({ ...limit, applied: false }));
  if (unapplied.length > 0) tables.limits.set(keyOf(about.tenant, about.metric, about.subject), unapplied);
}

/** The events, and the limits where they came into force, through the recorder as if for the first time. */
async function recordAgain(
  shadow: Shadow,
  about: LimitSubject,
  events: readonly RetainedEvent[],
  places: readonly LimitPlace[],
): Promise<void> {
  const { recorder, evaluator, store, registry } = shadow;
  const definition = registry.installed(about.metric);
  const given = registry.settings(about.metric).gauge ? asObserved : asGiven;
  let done = 0;
  const recordUpTo = async (end: number) => {
    if (done === 0 && end > 0) beginAt(shadow, about, startOf(events));
    await recorder.recordAdmitted(events.slice(done, end).map(given));
    done = end;
  };
  for (const { limit, before } of places) {
    await recordUpTo(before);
    const { version, effectiveFrom } = limit;
    const periods = periodsUnder(definition, effectiveFrom, effectiveFrom);
    const told = await store.limits.apply({ ...about, version, generation: definition.generation, periods });
    // nobody else installs anything on the shadow
    if (told !== "stale") await evaluator.evaluate(told.map(({ period }) => ({ ...about, period })));
  }
  await recordUpTo(events.length);
}

/** Where the first event that is left found the lifetime counter: what lies behind, lies behind. */
function beginAt({ tables, registry }: Shadow, about: LimitSubject, value: number): void {
  if (value === 0) return;
  const key: CounterKey = { ...about, period: lifetime };
  const { generation } = registry.rules(about.metric);
  // its first event has it evaluated
  const birth = { below: null, above: null, due: true };
  tables.counters.set(counterKeyText(key), { ...emptyRow(key, birth, generation), value });
}

function asGiven({ tenant, id, metric, subject, amount, occurredAt }: RetainedEvent): ParsedEvent {
  return { tenant, id, metric, subject, amount, occurredAt, observed: false };
}

/** What a gauge keeps of an observation beside its value is how far that moved it. */
function asObserved({ value, ...event }: RetainedEvent): ParsedEvent {
  return { ...asGiven({ ...event, value }), amount: value, observed: true };
}

/** What the lifetime counter stood at before the first of the events. */
function startOf([first]: readonly RetainedEvent[]): number {
  return first === undefined ? 0 : first.value - first.amount;
}

/** Whether each event found the counter where the one before it left it, and the last left it at this value. */
function isUnbroken(events: readonly RetainedEvent[], value: number): boolean {
  let standing = startOf(events);
  for (const event of events) {
    if (event.value - event.amount !== standing) return false;
    standing = event.value;
  }
  return standing === value;
}
