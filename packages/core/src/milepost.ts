import type { Acts } from "./acts.js";
import type { Campaigns } from "./campaign/campaigns.js";
import type { Recurrences } from "./campaign/recurrences.js";
import type { Contacts } from "./contact/contacts.js";
import type { Lanes } from "./delivery/lanes.js";
import type { Notifications } from "./delivery/notifications.js";
import type { ReasonCounts, ReasonQuery } from "./delivery/reasons.js";
import type { Explained, ExplainQuery } from "./delivery/story.js";
import type { PassReport, Worker, WorkerOptions } from "./delivery/worker.js";
import type { Workers } from "./delivery/workers.js";
import type { MilepostEvents } from "./events.js";
import type { Templates } from "./message/templates.js";
import type { Crossing } from "./milestone/crossing.js";
import type { Definitions } from "./milestone/definitions.js";
import type { Levels } from "./milestone/levels-keeper.js";
import type { Limits } from "./milestone/limits.js";
import type { Notice } from "./milestone/notice.js";
import type { Parked } from "./milestone/parked.js";
import type { StateQuery, SubjectState } from "./milestone/subject-state.js";
import type { Plan } from "./planning/plan.js";
import type { Replay, ReplayInput } from "./planning/replay.js";
import type { Providers } from "./provider/providers.js";
import type { CounterQuery, CrossingQuery, EventQuery, NoticeQuery, SubjectCounter } from "./queries.js";
import type { Subjects } from "./recipient/subjects.js";
import type { Suppressions } from "./recipient/suppressions.js";
import type { ConsumeOptions, ConsumeResult } from "./recording/consume.js";
import type { DrainResult } from "./recording/drain.js";
import type { MilestoneEvent, Observation } from "./recording/event.js";
import type { ForgetAct, Forgotten } from "./recording/forget.js";
import type { Inbox, TransactionRecorder } from "./recording/inbox.js";
import type { RecordManyResult, RecordResult } from "./recording/recorder.js";
import type { CounterState } from "./store/counter-repository.js";
import type { RetainedEvent } from "./store/event-repository.js";
import type { MigrationReport } from "./store/store.js";
import type { VerifyReport } from "./store/verify.js";
import type { DeliveryEvents } from "./tracking/delivery-events.js";
import type { Engagement, EngagementQuery } from "./tracking/engagement-query.js";
import type { VerifyQuery } from "./verifying.js";

/** What a host holds of an engine. */
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
   * Answers what {@link recordMany} of these events, or {@link observeMany} of these observations, would do now: what
   * would count, what would be crossed, who would be told what. Stores nothing. Resolvers and a message's `data` are called. Throws what `recordMany()` would.
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
  readonly subjects: Subjects;
  readonly contacts: Contacts;
  readonly crossings: { list(query?: CrossingQuery): Promise<readonly Crossing[]> };
  /** Reminders of crossings, and that levels are armed again. */
  readonly notices: { list(query?: NoticeQuery): Promise<readonly Notice[]> };
  readonly notifications: Notifications;
  /**
   * The story of one crossing or notification, of a campaign too: what caused it, what was said of it, to whom, and if not, why; as data and
   * as lines of plain English. Null for an unknown id.
   */
  explain<Query extends ExplainQuery>(query: Query): Promise<Explained<Query> | null>;
  /** How much was not sent, by the reason: of crossings, of notices, and of notifications. */
  reasons(query?: ReasonQuery): Promise<ReasonCounts>;
  /** Messages to an audience: by schedule instead of by crossing. */
  readonly campaigns: Campaigns;
  /** Campaigns that are sent again and again. */
  readonly recurrences: Recurrences;
  readonly lanes: Lanes;
  /** Messages that people write and keep, in versions and languages. */
  readonly templates: Templates;
  /** Accounts of tenants at providers, through which notifiers with accounts send. */
  readonly providers: Providers;
  readonly suppressions: Suppressions;
  /** Who did what to which thing, when and why. */
  readonly acts: Acts;
  /** What is heard of messages after they were sent. */
  readonly deliveryEvents: DeliveryEvents;
  /** Figures of campaigns, templates or spans of time: how many were sent, delivered, opened, clicked. */
  engagement(query: EngagementQuery): Promise<Engagement>;
  /**
   * Erases a subject: its counters, crossings, notifications, limits, directory entry and what is known of its events. Nothing of
   * it is announced or sent once the first step has committed; a call under way may still be accepted. If it throws, call
   * it again: what was erased stays so. Events that are recorded afterwards count from 0.
   */
  forget(act: ForgetAct): Promise<Forgotten>;
  /**
   * Looks for rows of which an invariant of delivery does not hold: what no bug, no crash and no hand in the database may
   * leave behind. Reads whole tables and changes nothing.
   */
  verify(query?: VerifyQuery): Promise<VerifyReport>;
  /** Workers of all processes, by their heartbeats. */
  readonly workers: Workers;
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
