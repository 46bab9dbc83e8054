import type { Band, CounterBirth, Retain } from "./definition-repository.js";

export interface CounterKey {
  readonly tenant: string;
  readonly metric: string;
  readonly subject: string;
  /** `lifetime`, or a calendar period's key such as `month:Europe/Berlin:2026-11`. */
  readonly period: string;
}

/** One validated event. */
export interface RecordedEvent {
  readonly tenant: string;
  readonly metric: string;
  readonly id: string;
  readonly subject: string;
  /** A safe integer; of a gauge the value that was observed. */
  readonly amount: number;
  readonly occurredAt: Date;
  /** The counters it feeds, each with how that counter is born if it does not exist yet. `period` is the counter's. */
  readonly feeds: readonly CounterBirth[];
}

/** A counter directly after a step. */
export interface CounterState extends CounterKey {
  readonly value: number;
  /** One per applied batch. */
  readonly rev: number;
  /** It has a trail that waits for evaluation. */
  readonly due: boolean;
}

/** What `add` has to know of a metric beside where its events go. */
export interface RecordingRules {
  /** The definition's generation that the caller knows. */
  readonly generation: number;
  /** A counter whose generation is lower has not met every milestone: its band does not hold, any event makes it due. */
  readonly bandsSince: number;
  /** The amounts of its events are values, to which every counter they feed is set. */
  readonly gauge: boolean;
  readonly retain: Retain;
  /** Ids are remembered with their time, so that they can be purged. */
  readonly purged: boolean;
  /** The caller has no code to evaluate the metric: a counter that is due afterwards is left to others, who are woken. */
  readonly left?: boolean;
}

/** What a trail row without events stands for. Opaque to stores. */
export type TrailMark = LevelsMark | WakeMark;

/** A version of stored levels that holds from here on. */
export interface LevelsMark {
  readonly levels: { readonly milestone: string; readonly subject: string; readonly version: number };
}

/** The time that the counter's last evaluation asked to be woken at has come. */
export interface WakeMark {
  /** ISO. */
  readonly wokenAt: string;
}

/** What happened to a due counter, mostly its changes by one batch. The three lists have one entry per event, in the order of their effect. */
export interface TrailRow {
  readonly rev: number;
  /** The definition's generation it was recorded under. */
  readonly generation: number;
  /** The counter's value before the first of them. */
  readonly from: number;
  /** A row without events may stand for a limit's version that came into force here; null for one with events. */
  readonly limitVersion: number | null;
  /** Or for something else that concerns the counter from here on. */
  readonly mark?: TrailMark;
  readonly ids: readonly string[];
  readonly amounts: readonly number[];
  readonly occurredAts: readonly Date[];
}

/** What evaluation has to know of a counter that is due. */
export interface DueCounter extends CounterKey {
  /** The rev up to which it was evaluated. */
  readonly folded: number;
  /** The definition's generation it was born with or evaluated under last. */
  readonly generation: number;
  /** Per milestone what is armed; `{}` before the first evaluation. Opaque to stores. */
  readonly state: Readonly<Record<string, unknown>>;
  /** Rows after `folded`, in the order of their rev; not empty. */
  readonly trail: readonly TrailRow[];
  /** There if its last evaluation failed. */
  readonly parked?: Parking;
}

/** How often the evaluation of a counter has failed, and what a person decided of it. */
export interface Parking {
  /** Failed evaluations in a row. */
  readonly attempts: number;
  /** A person decided that it is to be evaluated without its effects. */
  readonly withoutEffects: boolean;
}

/** A counter in its quiet band that has not met every milestone of its metric yet. */
export interface IdleCounter extends CounterKey {
  readonly value: number;
  readonly rev: number;
  readonly folded: number;
  readonly generation: number;
  readonly state: Readonly<Record<string, unknown>>;
}

/** All that evaluation knows of a counter, due or not. */
export interface StoredCounter extends CounterState, Band {
  /** The rev up to which it was evaluated; 0 before the first evaluation. */
  readonly folded: number;
  /** The definition's generation it was born with or evaluated under last. */
  readonly generation: number;
  /** Per milestone what is armed; `{}` before the first evaluation. Opaque to stores. */
  readonly state: Readonly<Record<string, unknown>>;
  /** The first rows after `folded`, in the order of their rev; empty for a counter that is not due. */
  readonly trail: readonly TrailRow[];
}

export interface CounterRepository {
  /**
   * Counts a batch. Ids must be unique per (tenant, metric) within it; its order is the order of effect.
   *
   * In one transaction: remembers the event ids that are new, adds their amounts to every counter they feed (`rev` + 1
   * per counter and batch, created where missing, with the rules' generation), makes a counter due when any value on the
   * way (also when it returns) is outside its quiet band, `below < value < above`, or when its generation is below
   * `bandsSince`, and appends one trail row to each counter that is due afterwards. A missing bound never makes due.
   * Where the rules retain events, each accepted one is kept with the lifetime value after it. In the band nothing else
   * is written.
   *
   * Of a gauge each event's amount is the value it sets its counters to, one after the other. What goes into the trail,
   * and is retained, as its amount is the difference to the value before it, which is looked at under the lock that the
   * new one is written under: each row begins where the one before it ended, whoever writes at once.
   *
   * `rules` has an entry for each metric in the batch; where a stored generation is missing or differs, nothing is
   * stored and the metrics are returned as `stale`. A repeated id is a duplicate, whatever its payload, and counts
   * nowhere. Throws `counter_overflow` when a value would leave the safe integers, or a gauge's difference. `drained` are the numbers of the inbox
   * rows the events came from: they are deleted in the same transaction; one that is gone already changes nothing.
   *
   * Locks are taken in the order of ids, then of counter keys, so that batches in any order cannot deadlock.
   */
  add(input: {
    readonly events: readonly RecordedEvent[];
    readonly rules: Readonly<Record<string, RecordingRules>>;
    readonly drained?: readonly number[];
    readonly now?: Date;
  }): Promise<AddResult>;

  /** The counters with these keys that exist, in any order. */
  get(input: { readonly keys: readonly CounterKey[] }): Promise<readonly CounterState[]>;

  /**
   * The counters with these keys that exist, each once and in any order, with their arming state, their quiet band and up
   * to `trailLimit` (0 or more) trail rows of each: for who wants to know where a counter stands, not to evaluate it. An
   * unknown key is left out. Reads one consistent snapshot; locks nothing.
   */
  read(input: { readonly keys: readonly CounterKey[]; readonly trailLimit: number }): Promise<readonly StoredCounter[]>;

  /**
   * Counters of the given metrics that are due, with their trail: those among `keys`, or without `keys` those that
   * have waited longest. Parked ones whose `retryAt` has not come are passed over in either case. At most `limit` counters and `trailLimit` trail
   * rows of each. Reads one consistent snapshot; locks nothing.
   */
  due(input: {
    readonly metrics: readonly string[];
    readonly keys?: readonly CounterKey[];
    readonly limit: number;
    readonly trailLimit: number;
    readonly now?: Date;
  }): Promise<readonly DueCounter[]>;

  /**
   * Wakes up to `limit` counters of these metrics whose `wakeAt` is `at` or before, those first that were to be woken
   * first; with `subject` those of one subject only. Each gets a trail row without events and with the mark
   * `{ wokenAt: at }` (`rev` + 1), is due, and is not to be woken any more. Answers their keys; a repeat answers none.
   */
  wake(input: {
    readonly metrics: readonly string[];
    readonly subject?: { readonly tenant: string; readonly subject: string };
    /** Absent: now. */
    readonly at?: Date;
    readonly limit: number;
    readonly now?: Date;
  }): Promise<readonly CounterKey[]>;

  /**
   * Looks at up to `limit` counters of a metric, of all tenants, in the order of their keys (bytewise), after `after`:
   * answers those of them that are not due and have a generation below `generation`, and where to go on: a key that need
   * not be a counter's, null at the end. A page before the end may be empty. Locks nothing, and costs no more than its
   * limit however many counters there are.
   */
  idle(input: {
    readonly metric: string;
    readonly generation: number;
    readonly after?: CounterKey;
    readonly limit: number;
  }): Promise<{ readonly counters: readonly IdleCounter[]; readonly next: CounterKey | null }>;

  /** Counters in the order of (metric, subject, period), bytewise, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly metric?: string;
    readonly subject?: string;
    readonly after?: Omit<CounterKey, "tenant">;
    readonly limit: number;
  }): Promise<readonly CounterState[]>;
}

export interface AddResult {
  /** Metrics whose stored generation is not the caller's. If there is any, nothing was stored. */
  readonly stale: readonly string[];
  /** Indexes into `events` of those whose id was known before, ascending. */
  readonly duplicates: readonly number[];
  /** Every counter that changed, in any order. */
  readonly counters: readonly CounterState[];
}
