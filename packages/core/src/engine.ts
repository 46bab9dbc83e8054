import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { Announcer } from "./delivery/announcer.js";
import { Deliverer } from "./delivery/deliverer.js";
import { type Notifications, notificationsOver } from "./delivery/notifications.js";
import { type ReasonCounts, type ReasonQuery, reasonsOver } from "./delivery/reasons.js";
import { type ExplainQuery, type Story, storyTeller } from "./delivery/story.js";
import { type DeliveryTiming, deliveryTiming } from "./delivery/timing.js";
import {
  DeliveryWorker,
  type PassReport,
  runPass,
  type Worker,
  type WorkerOptions,
  type Workshop,
} from "./delivery/worker.js";
import { MilepostError } from "./errors.js";
import { Events, type MilepostEvents } from "./events.js";
import type { Crossing } from "./milestone/crossing.js";
import type { MetricOptions } from "./milestone/definition.js";
import { type Definitions, definitionsOver } from "./milestone/definitions.js";
import { Evaluator } from "./milestone/evaluator.js";
import { type Levels, LevelsKeeper } from "./milestone/levels-keeper.js";
import { LimitKeeper, type Limits } from "./milestone/limits.js";
import type { Milestone } from "./milestone/milestone.js";
import type { Notice } from "./milestone/notice.js";
import { type Parked, parkedOver } from "./milestone/parked.js";
import { Registry } from "./milestone/registry.js";
import { type StateQuery, type SubjectState, subjectStates } from "./milestone/subject-state.js";
import type { Notifier } from "./notifier/notifier.js";
import { OpenCalls } from "./open-calls.js";
import type { Plan } from "./planning/plan.js";
import { Planner } from "./planning/planner.js";
import { type Replay, type ReplayInput, replay } from "./planning/replay.js";
import {
  type CounterQuery,
  type CrossingQuery,
  counterQuery,
  crossingQuery,
  type EventQuery,
  eventQuery,
  type NoticeQuery,
  noticeQuery,
  type SubjectCounter,
  subjectCounter,
} from "./queries.js";
import { type Contacts, contactsOver } from "./recipient/contacts.js";
import { Admission } from "./recording/admission.js";
import { type ConsumeOptions, type ConsumeResult, consume } from "./recording/consume.js";
import { Drain, type DrainResult } from "./recording/drain.js";
import { defaultTenant, type MilestoneEvent, type Observation } from "./recording/event.js";
import { type ForgetAct, type Forgotten, forget } from "./recording/forget.js";
import { type Inbox, inboxOver, type TransactionRecorder, transactionRecorder } from "./recording/inbox.js";
import { purge } from "./recording/purge.js";
import { Recorder, type RecordManyResult, type RecordResult } from "./recording/recorder.js";
import { type Runtime, systemRuntime } from "./runtime.js";
import type { CounterState } from "./store/counter-repository.js";
import type { RetainedEvent } from "./store/event-repository.js";
import type { MigrationReport, Store } from "./store/store.js";
import { type Agrees, keySchema, listOf, parseInput, whySchema } from "./validation.js";

export interface MilepostOptions<Tx = never, Done extends void | Promise<void> = void | Promise<void>> {
  /** `postgresStore(pool)`, `sqliteStore(db)` or `memoryStore()`. There is no silent default. */
  readonly store: Store<Tx, Done>;
  readonly milestones?: readonly Milestone[];
  /**
   * Names of milestones that are wanted no longer. One that the code merely omits stays installed, because another
   * deployment may have it; once removed, nothing of it is evaluated or announced any more.
   */
  readonly removed?: readonly string[];
  /** Notifiers that no milestone names but stored notifications may, such as one a removed milestone used. */
  readonly notifiers?: readonly Notifier[];
  /** What is to be known of metrics beyond their milestones. */
  readonly metrics?: Readonly<Record<string, MetricOptions>>;
  /**
   * Whether an event of a metric that neither `milestones` nor `metrics` names is refused (`unknown_metric`) or counted, by
   * what other processes have installed for it; `"refuse"` unless said.
   */
  readonly onUnknownMetric?: "refuse" | "count";
  /** The right side of every Message-ID; your mail domain. `"milepost.invalid"` unless said. */
  readonly messageIdDomain?: string;
  /**
   * Milliseconds by which the clocks of processes and of the database may differ, the same in all processes; 300,000
   * unless said, 60,000 at least. Metrics with an
   * `eventRetention` refuse events further ahead, and remember ids for longer by it.
   */
  readonly clockTolerance?: number;
  readonly delivery?: Partial<DeliveryTiming>;
  /** Time, randomness and ids, for tests. */
  readonly runtime?: Partial<Runtime>;
}

export interface Milepost<Tx = never, Done extends void | Promise<void> = void | Promise<void>> {
  /** Brings the store's schema to what this version needs. Safe to call at every start, by any number of processes. */
  migrate(): Promise<MigrationReport>;
  /**
   * Installs the milestones now instead of at the first call that needs them; for the start of a host, which then learns
   * of `schema_missing` at once. A repeat does nothing.
   */
  ready(): Promise<void>;
  /**
   * Counts one event and tells what came of it. Concurrent calls share transactions. It may throw after the commit, as
   * when the connection is lost; recording the same id again is harmless and tells what the first call caused.
   */
  record(event: MilestoneEvent): Promise<RecordResult>;
  /** Counts many events, in atomic chunks; ids make a repeat harmless. */
  recordMany(events: readonly MilestoneEvent[]): Promise<RecordManyResult>;
  /**
   * Sets a gauge to a value and tells what came of it; otherwise as {@link record}. Of observations of one subject the one
   * that commits last wins, whatever their `occurredAt`.
   */
  observe(observation: Observation): Promise<RecordResult>;
  /** Observes many values, in atomic chunks and in their order; ids make a repeat harmless. */
  observeMany(observations: readonly Observation[]): Promise<RecordManyResult>;
  /**
   * Counts everything a source yields, with backpressure and acknowledgement. What has a `value` is an observation, what
   * has none an event.
   */
  consume<Item = MilestoneEvent | Observation>(
    source: AsyncIterable<Item> | Iterable<Item>,
    options?: ConsumeOptions<Item>,
  ): Promise<ConsumeResult>;
  /**
   * Answers what {@link recordMany} of these events, or {@link observeMany} of these observations, would do now: what would count, what would be crossed, who would be
   * told what. Stores nothing. Resolvers and a message's `data` are called. Throws what `recordMany()` would.
   */
  plan(events: readonly (MilestoneEvent | Observation)[]): Promise<Plan>;
  /**
   * Recomputes a subject's crossings from its retained events, under the milestones and limits as they are now, and
   * compares them with those that are recorded. Stores nothing. Throws `events_not_retained` for a metric that is not
   * declared `retain: "events"`, and `behind` in a process without the code of all its milestones.
   */
  replay(input: ReplayInput): Promise<Replay>;
  /**
   * Records inside an open transaction of the host: counted soon after it commits, never if it rolls back. `tx` is what
   * the store's driver works with: a client of `pg`, or the `better-sqlite3` handle. On SQLite the calls are synchronous.
   * A worker, `runOnce()` or {@link drain} counts what was committed.
   */
  in(tx: Tx): TransactionRecorder<Done>;
  /** Counts now what committed transactions of the host have recorded. */
  drain(): Promise<DrainResult>;
  readonly inbox: Inbox;
  readonly definitions: Definitions;
  readonly events: {
    /** The events of a metric that retains them, in the order of their effect. */
    list(query: EventQuery): Promise<readonly RetainedEvent[]>;
  };
  readonly counters: {
    /** A subject's counter of its lifetime, or of a calendar period's span; null if nothing was counted in it yet. */
    get(input: SubjectCounter): Promise<CounterState | null>;
    list(query?: CounterQuery): Promise<readonly CounterState[]>;
  };
  readonly limits: Limits;
  /** Levels that a host's users configure, for milestones with `thresholdsOf()`. */
  readonly levels: Levels;
  /** Counters that cannot be evaluated. */
  readonly parked: Parked;
  /**
   * Where a subject stands: its value, what was passed, what comes next and when, for each milestone of the code or the
   * one named, in the spans of the moment or those of `at`. Evaluates nothing. Throws `policy_failed` as a policy does.
   */
  state(query: StateQuery): Promise<readonly SubjectState[]>;
  readonly contacts: Contacts;
  readonly crossings: { list(query?: CrossingQuery): Promise<readonly Crossing[]> };
  /** Reminders of crossings, and that levels are armed again. */
  readonly notices: { list(query?: NoticeQuery): Promise<readonly Notice[]> };
  readonly notifications: Notifications;
  /**
   * The story of one crossing or notification: what caused it, what was said of it, to whom, and if not, why; as data and
   * as lines of plain English. Null for an unknown id.
   */
  explain(query: ExplainQuery): Promise<Story | null>;
  /** How much was not sent, by the reason: of crossings, of notices, and of notifications. */
  reasons(query?: ReasonQuery): Promise<ReasonCounts>;
  /** A tenant's way through one notifier, paused and resumed by a person. No send starts after a committed pause. */
  readonly lanes: {
    pause(input: LaneAct): Promise<void>;
    resume(input: LaneAct): Promise<void>;
  };
  /**
   * Erases a subject: its counters, crossings, notifications, limits, contacts and what is known of its events. Nothing of
   * it is announced or sent once the first step has committed; a call under way may still be accepted. If it throws, call
   * it again: what was erased stays so. Events that are recorded afterwards count from 0.
   */
  forget(act: ForgetAct): Promise<Forgotten>;
  /** A worker of this process; start it, and stop it before the process ends. */
  worker(options?: WorkerOptions): Worker;
  /** One pass: does all that can be done now, then returns. For cron jobs and cloud functions. */
  runOnce(options?: { readonly concurrency?: number }): Promise<PassReport>;
  /** Hears of what the engine does until the returned function is called. */
  on<Name extends keyof MilepostEvents>(name: Name, listener: (event: MilepostEvents[Name]) => void): () => void;
  /**
   * Stops the workers, ends consumptions and passes, waits for every call under way, closes the notifiers; later calls
   * are refused with `closed`. The host's pool or handle stays open.
   */
  close(): Promise<void>;
}

export interface LaneAct {
  readonly tenant?: string;
  readonly notifier: string;
  /** Who did it, and why: kept with the act. */
  readonly by: string;
  readonly why: string;
}

type OwnCall =
  | "migrate"
  | "plan"
  | "replay"
  | "ready"
  | "record"
  | "recordMany"
  | "observe"
  | "observeMany"
  | "consume"
  | "drain"
  | "runOnce";

/** Milliseconds that calls under way are given to end when the engine closes; as long as a worker's grace. */
const closingTime = 10_000;

const optionsSchema = z.strictObject({
  store: z.custom<Store>(
    (store) => typeof store === "object" && store !== null && "counters" in store && "supports" in store,
    "a store: postgresStore(pool), sqliteStore(db) or memoryStore()",
  ),
  milestones: z
    .array(z.custom<Milestone>((m) => (m as Milestone | null)?.kind === "milestone", "made by milestone({ … })"))
    .default([]),
  notifiers: z.array(z.custom<Notifier>((n) => typeof (n as Notifier)?.send === "function", "a notifier")).default([]),
  removed: listOf(keySchema, 10_000).default([]),
  metrics: z
    .record(
      z.string(),
      z
        .strictObject({
          decrements: z.boolean().optional(),
          gauge: z.boolean().optional(),
          retain: z.enum(["ids", "events"]).optional(),
          eventRetention: z.int("whole milliseconds, 1 or more; or null").min(1).nullable().optional(),
        })
        .refine(({ decrements, gauge }) => !(decrements && gauge), {
          path: ["decrements"],
          error: "not together with gauge: a gauge takes values of any sign",
        }),
    )
    .default({}),
  onUnknownMetric: z.enum(["refuse", "count"]).default("refuse"),
  messageIdDomain: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i, "a domain name")
    .default("milepost.invalid"),
  // also covers how long an event may wait between its admission and its commit
  clockTolerance: z.int("whole milliseconds, 60,000 or more").min(60_000).default(300_000),
  delivery: z.unknown().optional(),
  runtime: z.unknown().optional(),
});

const passSchema = z.strictObject({ concurrency: z.int().min(1).max(10_000).default(10) });

const laneActSchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  notifier: keySchema,
  by: keySchema,
  why: whySchema,
});

true satisfies Agrees<typeof laneActSchema, LaneAct>;

/**
 * Wires the engine. Touches no database: definitions are installed before the first own step. Throws `invalid_options`
 * with the path of the field, and `unsafe_durability` for an at-most-once notifier over a store that may forget.
 */
export function createMilepost<Tx = never, Done extends void | Promise<void> = void | Promise<void>>(
  options: MilepostOptions<Tx, Done>,
): Milepost<Tx, Done> {
  const parsed = parseInput(optionsSchema, options, "invalid_options");
  const { milestones, removed, messageIdDomain, onUnknownMetric, clockTolerance } = parsed;
  const { store } = options;
  const timing = deliveryTiming(options.delivery);
  const runtime: Runtime = { ...systemRuntime(), ...options.runtime };
  const notifiers = notifiersByName(milestones, parsed.notifiers);
  refuseForgetfulStore(store, milestones, parsed.notifiers);
  refuseEffects(store, milestones);

  const events = new Events();
  const metrics = parsed.metrics as Readonly<Record<string, MetricOptions>>;
  const registry = new Registry(store, { milestones, metrics, removed, onUnknownMetric }, runtime, events.emit);
  const evaluator = new Evaluator(store, registry, runtime, events.emit);
  const admission = new Admission(registry, clockTolerance, runtime);
  const recorder = new Recorder(store, registry, admission, evaluator, runtime);
  const original = { store, registry, runtime, clockTolerance };
  const planner = new Planner(original, timing);
  const limits = new LimitKeeper(store, registry, evaluator, runtime);
  const levels = new LevelsKeeper(store, registry, evaluator, runtime);
  const drain = new Drain(store, registry, admission, recorder, events.emit);
  const shop: Workshop = {
    store,
    evaluator,
    runtime,
    timing,
    emit: events.emit,
    ready: () => registry.ready(),
    refresh: () => registry.refresh(),
    async upkeep() {
      const { counted, refused, more: waiting } = await drain.next();
      const { adopted, more: idle } = await evaluator.adopt();
      const more = waiting || idle;
      // a synchronous store answers without a turn of the event loop; others in the process have a right to one
      if (more) await nextTurn();
      return { drained: counted, refused, adopted, more };
    },
    async applyVersions(stop) {
      await limits.applyPending(stop);
      await levels.applyPending(stop);
    },
    purge: (stop) => purge(store, registry, admission, runtime, stop),
    announcer: new Announcer(store, registry, runtime, timing, events.emit),
    deliverer: new Deliverer(store, notifiers, messageIdDomain, runtime, timing, events.emit),
  };
  const workers = new Set<DeliveryWorker>();
  events.on("crossing", () => {
    for (const worker of workers) worker.wake();
  });
  const calls = new OpenCalls();
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    const ended = calls.close();
    await Promise.all([...workers].map((worker) => worker.stop()));
    // a database or a host's callback that never answers must not keep the process for ever
    const patience = new AbortController();
    await Promise.race([ended, sleep(closingTime, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    shop.deliverer.abandon();
    await Promise.all([...notifiers.values()].map((notifier) => notifier.close?.()));
    await store.close();
  }
  /** A synchronous transaction has ended by the next turn of the event loop; others are found by the next poll. */
  function wakeAfterCommit(): void {
    setImmediate(() => {
      for (const worker of workers) worker.wakeForInbox();
    });
  }
  async function setPaused(paused: boolean, act: LaneAct): Promise<void> {
    await store.lanes.setPaused({ ...parseInput(laneActSchema, act, "invalid_options"), paused });
    if (!paused) for (const worker of workers) worker.wake();
  }

  return {
    ...calls.guard<Pick<Milepost, OwnCall>>({
      migrate: () => store.migrate(),
      ready: () => registry.ready(),
      record: (event) => recorder.record(event),
      recordMany: (inputs) => recorder.recordMany(inputs),
      observe: (observation) => recorder.observe(observation),
      observeMany: (observations) => recorder.observeMany(observations),
      plan: (inputs) => planner.plan(inputs, calls.closing),
      replay: (input) => replay(original, input),
      consume: (source, options = {}) => consume(recorder, source, options, calls.closing),
      drain: () => drain.all(calls.closing),
      async runOnce(input = {}) {
        const { concurrency } = parseInput(passSchema, input, "invalid_options");
        return runPass(shop, concurrency, calls.closing);
      },
    }),
    in(tx) {
      calls.admit();
      return transactionRecorder(store, tx, admission, wakeAfterCommit);
    },
    inbox: calls.guard(inboxOver(store, runtime)),
    definitions: calls.guard(definitionsOver(registry)),
    events: calls.guard<Milepost["events"]>({
      list: async (query) => store.events.list(eventQuery(query)),
    }),
    counters: calls.guard<Milepost["counters"]>({
      async get(input) {
        const [counter] = await store.counters.get({
          keys: [subjectCounter(input, runtime.now ?? (() => new Date()))],
        });
        return counter ?? null;
      },
      list: async (query = {}) => store.counters.list(counterQuery(query)),
    }),
    limits: calls.guard<Limits>({ set: (input) => limits.set(input), list: (input) => limits.list(input) }),
    levels: calls.guard<Levels>({ set: (input) => levels.set(input), list: (input) => levels.list(input) }),
    parked: calls.guard(parkedOver(store, registry, evaluator, runtime)),
    ...calls.guard<Pick<Milepost, "state" | "explain" | "reasons" | "forget">>({
      state: subjectStates(store, registry, runtime),
      explain: storyTeller(store, registry),
      reasons: reasonsOver(store),
      forget: (act) => forget(store, runtime, act, calls.closing),
    }),
    contacts: calls.guard(contactsOver(store)),
    crossings: calls.guard<Milepost["crossings"]>({
      list: async (query = {}) => store.crossings.list(crossingQuery(query)),
    }),
    notices: calls.guard<Milepost["notices"]>({
      list: async (query = {}) => store.notices.list(noticeQuery(query)),
    }),
    notifications: calls.guard(notificationsOver(store, runtime, timing)),
    lanes: calls.guard<Milepost["lanes"]>({
      pause: (act) => setPaused(true, act),
      resume: (act) => setPaused(false, act),
    }),
    worker(workerOptions = {}) {
      calls.admit();
      const worker = new DeliveryWorker(shop, workerOptions);
      workers.add(worker);
      return worker;
    },
    on: (name, listener) => events.on(name, listener),
    close() {
      closed ??= close();
      return closed;
    },
  };
}

function refuseEffects({ supports }: Pick<Store, "supports">, milestones: readonly Milestone[]): void {
  if (supports.effect) return;
  milestones.forEach((milestone, i) => {
    const name = (["effect", "onPeriodEnd", "onLimit"] as const).find((each) => milestone[each] !== undefined);
    if (name === undefined) return;
    const expected = "a store that runs statements of the host (supports.effect)";
    throw new MilepostError("unsupported", `milestones[${i}].${name}: ${expected}`, {
      path: `milestones[${i}].${name}`,
      expected,
    });
  });
}

function notifiersByName(milestones: readonly Milestone[], more: readonly Notifier[]): ReadonlyMap<string, Notifier> {
  const named = new Map<string, Notifier>();
  for (const notifier of [...milestones.flatMap((m) => m.announcement?.notifier ?? []), ...more]) {
    const other = named.get(notifier.name);
    if (other !== undefined && other !== notifier) {
      const message =
        `notifiers: two notifiers are named "${notifier.name}", and stored notifications name theirs: ` +
        "use one object in all milestones, or give each a name";
      throw new MilepostError("invalid_options", message, { path: "notifiers", expected: "unique names" });
    }
    named.set(notifier.name, notifier);
  }
  return named;
}

/** A store that may forget a commit may forget a mark, and with it that a message was sent. */
function refuseForgetfulStore(store: Store, milestones: readonly Milestone[], more: readonly Notifier[]): void {
  if (store.supports.durableCommits) return;
  const modes = [
    ...milestones.map(({ announcement }, i) => [`milestones[${i}].notifier`, announcement?.mode] as const),
    ...more.map(({ mode }, i) => [`notifiers[${i}]`, mode] as const),
  ];
  const [path, mode] = modes.find(([, used]) => used !== undefined && used !== "at-least-once") ?? [];
  if (path === undefined) return;
  throw new MilepostError(
    "unsafe_durability",
    `${path} sends in mode ${mode}, but a power cut can undo commits of this store: a mark would be forgotten and the ` +
      "message sent twice. Make commits durable (SQLite: PRAGMA synchronous = FULL), or use a notifier in mode " +
      "at-least-once.",
    { path },
  );
}
