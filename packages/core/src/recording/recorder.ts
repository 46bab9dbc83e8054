import { setImmediate as nextTurn } from "node:timers/promises";
import { Coalescer } from "../coalescer.js";
import { type ErrorCode, MilepostError } from "../errors.js";
import type { Crossing } from "../milestone/crossing.js";
import { crossingPages } from "../milestone/crossing-pages.js";
import type { Evaluator } from "../milestone/evaluator.js";
import { lifetime, spanAt } from "../milestone/period.js";
import type { Registry } from "../milestone/registry.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey, CounterState } from "../store/counter-repository.js";
import type { CounterBirth, InstalledDefinition } from "../store/definition-repository.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { storeNow } from "../store-clock.js";
import { itemsOf } from "../validation.js";
import type { Admission } from "./admission.js";
import {
  type MilestoneEvent,
  type Observation,
  type ParsedEvent,
  type ParseEvent,
  parseEvent,
  parseObservation,
} from "./event.js";

/** What became of one event or observation. */
export interface RecordResult {
  /** False for a duplicate: an event whose id was counted before. */
  readonly counted: boolean;
  readonly duplicate: boolean;
  /** The lifetime counter directly after this event, of a gauge the observed value; for a duplicate, as it is now. */
  readonly value: number;
  /** The crossings this event caused, whoever evaluated them; for a duplicate, those it caused when it was counted. */
  readonly crossings: readonly Crossing[];
}

export interface RecordManyResult {
  readonly counted: number;
  readonly duplicates: number;
  /** The crossings caused by the events that were counted, in the order of their ids. */
  readonly crossings: readonly Crossing[];
}

/** What became of events that were stored in one atomic step. */
export interface RecordedChunk {
  /** Those that were counted. */
  readonly accepted: readonly ParsedEvent[];
  /** The counters they feed, directly afterwards, by the text of their key. */
  readonly counters: ReadonlyMap<string, CounterState>;
  readonly crossings: readonly Crossing[];
}

/** Events stored in one atomic step at most. better-sqlite3 is synchronous: 1,000 block the loop for some 4 ms. */
const chunkSize = 1_000;
const coalescedBatch = 500;
const coalescedQueue = 50_000;

/** How often a batch is tried again after another process changed its metrics' definitions. */
const maxTries = 10;

/** Refusals of a batch that may concern one call in it only. */
const separable: ReadonlySet<ErrorCode> = new Set([
  "counter_overflow",
  "stale_definitions",
  "event_too_late",
  "event_too_early",
  "invalid_event",
]);

interface Stored {
  readonly duplicate: boolean;
  readonly value: number;
  readonly crossings: Promise<readonly Crossing[]>;
}

export class Recorder {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #admission: Admission;
  readonly #evaluator: Evaluator;
  readonly #runtime: Runtime;
  readonly #coalescer: Coalescer<ParsedEvent, Stored>;

  constructor(store: Store, registry: Registry, admission: Admission, evaluator: Evaluator, runtime: Runtime) {
    this.#store = store;
    this.#registry = registry;
    this.#admission = admission;
    this.#evaluator = evaluator;
    this.#runtime = runtime;
    this.#coalescer = new Coalescer({
      run: (events) => this.#storeSingly(events),
      batchSize: coalescedBatch,
      queueSize: coalescedQueue,
      separable: (error) => MilepostError.is(error) && separable.has(error.code),
    });
  }

  record(input: MilestoneEvent): Promise<RecordResult> {
    return this.#one(input, parseEvent);
  }

  observe(input: Observation): Promise<RecordResult> {
    return this.#one(input, parseObservation);
  }

  recordMany(inputs: readonly MilestoneEvent[]): Promise<RecordManyResult> {
    return this.#many(inputs, "events", parseEvent);
  }

  observeMany(inputs: readonly Observation[]): Promise<RecordManyResult> {
    return this.#many(inputs, "observations", parseObservation);
  }

  async #many(inputs: unknown, path: string, parse: ParseEvent): Promise<RecordManyResult> {
    return this.recordAdmitted(await this.admitAll(inputs, path, parse));
  }

  async #one(input: unknown, parse: ParseEvent): Promise<RecordResult> {
    const event = await this.admit(input, "", parse);
    const { duplicate, value, crossings } = await this.#coalescer.add(event);
    const own = (await crossings).filter((crossing) => causedBy(crossing, event));
    return { counted: !duplicate, duplicate, value, crossings: own };
  }

  /** What is to be stored of a caller's events: each is checked before the first is counted. */
  async admitAll(
    inputs: unknown,
    path: string = "events",
    parse: ParseEvent = parseEvent,
  ): Promise<readonly ParsedEvent[]> {
    const items = itemsOf(inputs, "invalid_event", path);
    await this.#registry.ready();
    const events = Array.from(items, ([i, input]) => this.#admission.check(input, `${path}[${i}]`, parse));
    await this.#registry.know(events.map(({ metric }) => metric));
    return events;
  }

  /** Events that were admitted before, in atomic chunks; `drained` are the numbers of the inbox rows they came from. */
  async recordAdmitted(events: readonly ParsedEvent[], drained: readonly number[] = []): Promise<RecordManyResult> {
    let counted = 0;
    const crossings: (readonly Crossing[])[] = [];
    for await (const chunk of this.chunks(events, drained)) {
      counted += chunk.accepted.length;
      crossings.push(chunk.crossings);
    }
    return { counted, duplicates: events.length - counted, crossings: crossings.flat() };
  }

  /** Tells of each atomic chunk, after it was stored and evaluated. */
  async *chunks(
    events: readonly ParsedEvent[],
    drained: readonly number[] = [],
  ): AsyncGenerator<RecordedChunk, void, undefined> {
    for (let start = 0; start < events.length; start += chunkSize) {
      // a synchronous store answers without a turn of the event loop; others in the process have a right to one
      if (start > 0) await nextTurn();
      const { accepted, counters, due } = await this.#add(
        events.slice(start, start + chunkSize),
        drained.slice(start, start + chunkSize),
      );
      await this.#evaluator.evaluate(due);
      yield { accepted, counters, crossings: await this.#crossingsOf(accepted, due) };
    }
  }

  /** What is to be stored of a caller's event; `path` is where it stands in the caller's input. */
  async admit(input: unknown, path: string, parse: ParseEvent): Promise<ParsedEvent> {
    await this.#registry.ready();
    const event = this.#admission.check(input, path, parse);
    await this.#registry.know([event.metric]);
    return event;
  }

  /** One atomic step: stores events, tells which of them are new and which counters wait for evaluation. */
  async #add(
    events: readonly ParsedEvent[],
    drained: readonly number[] = [],
  ): Promise<{
    readonly accepted: readonly ParsedEvent[];
    readonly counters: ReadonlyMap<string, CounterState>;
    readonly due: readonly CounterKey[];
  }> {
    const unique = firstOfEachId(events);
    const metrics = [...new Set(unique.map(({ metric }) => metric))];
    for (let tries = 1; tries <= maxTries; tries++) {
      // by the same definition as the rules: it may have become known, or another one, after the event was admitted
      for (const event of unique) {
        const misfit = this.#admission.misfit(event, "");
        if (misfit !== undefined) throw misfit;
      }
      const added = await this.#store.counters.add({
        events: unique.map((event) => ({ ...event, feeds: feedsOf(this.#registry.installed(event.metric), event) })),
        rules: Object.fromEntries(metrics.map((metric) => [metric, this.#registry.rules(metric)])),
        ...(drained.length > 0 && { drained }),
        ...storeNow(this.#runtime),
      });
      if (added.stale.length === 0) {
        const known = new Set(added.duplicates);
        return {
          accepted: unique.filter((_, i) => !known.has(i)),
          counters: new Map(added.counters.map((counter) => [counterKeyText(counter), counter])),
          due: added.counters.filter((counter) => counter.due),
        };
      }
      // another deployment changed the milestones: what it stored is data enough to record by
      await this.#registry.refresh();
      await this.#registry.know(metrics);
      // under a shorter retention the ids of these may have been forgotten meanwhile
      for (const event of unique) {
        const late = this.#admission.outOfTime(event, "");
        if (late !== undefined) throw late;
      }
    }
    throw new MilepostError(
      "stale_definitions",
      `The milestones on ${metrics.map((metric) => `"${metric}"`).join(", ")} change all the time. Nothing was stored: ` +
        "record the event again.",
      { path: "metric" },
    );
  }

  /** The batch of the coalescer: every event gets an answer of its own. */
  async #storeSingly(events: readonly ParsedEvent[]): Promise<readonly Stored[]> {
    const { accepted, counters, due } = await this.#add(events);
    const counted = new Set(accepted);
    const duplicates = events.filter((event) => !counted.has(event));
    const values = valuesAfter(accepted, counters);

    const keys = duplicates.flatMap((event) => this.countersOf(event));
    const repeated = keys.length === 0 ? [] : await this.#store.counters.get({ keys });
    const present = new Map(repeated.map((counter) => [counterKeyText(counter), counter]));
    // a repeat may be the retry of a call that died between its commit and its evaluation
    const waiting = [
      ...new Map([...due, ...repeated.filter((c) => c.due)].map((c) => [counterKeyText(c), c])).values(),
    ];
    const crossings = this.#evaluateAndRead(accepted, duplicates, waiting);
    // whoever asks for them sees the failure; a batch that nobody asks must not end the process
    crossings.catch(() => {});

    return events.map((event): Stored => {
      const value = values.get(event);
      if (value !== undefined) return { duplicate: false, value, crossings };
      return { duplicate: true, value: present.get(counterKeyText(lifetimeKey(event)))?.value ?? 0, crossings };
    });
  }

  /** The counters that an event of a known metric feeds. */
  countersOf(event: ParsedEvent): readonly CounterKey[] {
    const { tenant, metric, subject } = event;
    return feedsOf(this.#registry.installed(metric), event).map(({ period }) => ({ tenant, metric, subject, period }));
  }

  async #evaluateAndRead(
    accepted: readonly ParsedEvent[],
    duplicates: readonly ParsedEvent[],
    waiting: readonly CounterKey[],
  ): Promise<readonly Crossing[]> {
    await this.#evaluator.evaluate(waiting);
    const caused = await this.#crossingsOf(accepted, waiting);
    return [...caused, ...(await this.#read(duplicates))];
  }

  /** The crossings caused by events on counters that were due; the others cannot have caused any. */
  #crossingsOf(events: readonly ParsedEvent[], due: readonly CounterKey[]): Promise<readonly Crossing[]> {
    const subjects = new Set(due.map(subjectKey));
    return this.#read(events.filter((event) => subjects.has(subjectKey(event))));
  }

  async #read(events: readonly ParsedEvent[]): Promise<readonly Crossing[]> {
    const groups = new Map<string, { tenant: string; metric: string; eventIds: string[] }>();
    for (const { tenant, metric, id } of events) {
      const key = `${tenant}\0${metric}`;
      const group = groups.get(key) ?? { tenant, metric, eventIds: [] };
      group.eventIds.push(id);
      groups.set(key, group);
    }
    const found: Crossing[] = [];
    for (const group of groups.values()) {
      for await (const page of crossingPages(this.#store, group)) found.push(...page);
    }
    return found;
  }
}

/** The counters an event feeds: of each period the one whose span it occurred in. */
function feedsOf({ births }: InstalledDefinition, { occurredAt }: ParsedEvent): readonly CounterBirth[] {
  // most metrics have no calendar, and their events share one list
  if (births.length === 1) return births;
  return births.map((birth) => ({ ...birth, period: spanAt(birth.period, occurredAt).key }));
}

/** An id repeated inside one batch is a repeat like any other: its first event counts, where it stands. */
function firstOfEachId(events: readonly ParsedEvent[]): readonly ParsedEvent[] {
  const seen = new Set<string>();
  return events.filter(({ tenant, metric, id }) => {
    const key = `${tenant}\0${metric}\0${id}`;
    return !seen.has(key) && seen.add(key);
  });
}

function subjectKey(key: { readonly tenant: string; readonly metric: string; readonly subject: string }): string {
  return `${key.tenant}\0${key.metric}\0${key.subject}`;
}

/** The counter that every event feeds. */
export function lifetimeKey({ tenant, metric, subject }: ParsedEvent): CounterKey {
  return { tenant, metric, subject, period: lifetime };
}

/**
 * The lifetime value directly after each event. Walked back from the last one: every value on the way is a safe integer,
 * which a sum of amounts need not be.
 */
export function valuesAfter(
  accepted: readonly ParsedEvent[],
  counters: ReadonlyMap<string, CounterState>,
): ReadonlyMap<ParsedEvent, number> {
  const values = new Map([...counters].map(([key, { value }]) => [key, value]));
  const after = new Map<ParsedEvent, number>();
  for (const event of accepted.toReversed()) {
    const key = counterKeyText(lifetimeKey(event));
    const value = event.observed ? event.amount : values.get(key)!;
    after.set(event, value);
    values.set(key, value - event.amount);
  }
  return after;
}

function causedBy(crossing: Crossing, event: ParsedEvent): boolean {
  return crossing.eventId === event.id && crossing.tenant === event.tenant && crossing.metric === event.metric;
}
