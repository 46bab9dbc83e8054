import type { NewNotification } from "../delivery/notification.js";
import type { Reason, ReasonCount } from "../delivery/reason.js";
import type { MessageTemplate } from "../message/message.js";
import type { ClaimedCrossing, Crossing, CrossingState, NewCrossing } from "../milestone/crossing.js";
import type { NewNotice } from "../milestone/notice.js";
import type { SqlStatement } from "../milestone/sql.js";
import type { CounterKey } from "./counter-repository.js";
import type { Band } from "./definition-repository.js";

/** What evaluating one counter found. */
export interface CounterEvaluation extends CounterKey {
  /** The definition's generation that was evaluated with. */
  readonly generation: number;
  /** The generation the counter has afterwards: the same, or a lower one if its trail was not read to its end. */
  readonly reached: number;
  /** Given for an idle counter: commits only while the counter is at this rev. */
  readonly rev?: number;
  /** The counter's `folded` that was started from, and the last rev that was taken in. */
  readonly from: number;
  readonly upTo: number;
  /** The last event that was taken in, and the rev of its trail row. Absent where there was none. */
  readonly witness?: { readonly rev: number; readonly id: string };
  /** Given where limits were read: how many of the subject's versions were applied. */
  readonly limitsSeen?: number;
  /** Given where stored levels were read: how many versions were applied of each. `subject` is "" for the tenant's own. */
  readonly levelsSeen?: readonly { readonly milestone: string; readonly subject: string; readonly applied: number }[];
  readonly band: Band;
  readonly state: Readonly<Record<string, unknown>>;
  /** In the order they were passed. All of them belong to the counter's tenant, metric, subject and period. */
  readonly crossings: readonly NewCrossing[];
  /** What is to be said later of crossings, of this evaluation or of earlier ones. */
  readonly notices?: readonly NewNotice[];
  /** Statements of the host, in the order in which they are to run. */
  readonly effects?: readonly Effect[];
  /** When the counter is to be woken although no event comes; absent: never. */
  readonly wakeAt?: Date;
}

/** A statement of the host that belongs to an evaluation. */
export interface Effect {
  /** The id of the crossing it belongs to: it runs only if that one is stored now. null: it runs in any case. */
  readonly crossing: string | null;
  readonly statement: SqlStatement;
}

/** What became of one evaluation. */
export type EvaluationResult = "committed" | "lost" | EffectFailure;

/** An effect failed: nothing of the evaluation is stored. */
export interface EffectFailure {
  /** The place of the statement that failed, in `effects`. */
  readonly failed: number;
  /** As the driver threw it. */
  readonly error: unknown;
}

export interface CrossingRepository {
  /**
   * Commits evaluations; answers per evaluation, in their order.
   *
   * `committed`: the counter's `folded` was `from` and its metric's generation the given one; for an idle counter also its
   * `rev` the given one and its generation below `reached`; with `limitsSeen`, no further version of the subject's limit
   * was applied since, and the same for `levelsSeen`; with `witness`, the trail has that event last in the row of that
   * rev, which tells a counter from one that was begun anew after its subject was erased. Its crossings are stored (one whose key exists is left as it
   * is) and its notices, band, state, `generation = reached`, `folded = upTo` and `wakeAt` are set, trail rows up to
   * `upTo` deleted, it is no longer parked, and it stays due exactly if it has a later rev. `lost`: another evaluator was
   * first, the generation differs or the counter does not exist; nothing of it is stored. Each evaluation is whole or not
   * at all; a committed one is not undone by a lost one beside it. A repeat is lost.
   *
   * Effects run in the same transaction, each evaluation's apart from the others, and before the counter is locked: a
   * statement that waits for the host's own transactions must hold up nobody who records. One that fails undoes its whole
   * evaluation. Throws `unsupported` for effects where the store does not support them.
   */
  commitEvaluation(input: {
    readonly evaluations: readonly CounterEvaluation[];
    readonly now?: Date;
  }): Promise<readonly EvaluationResult[]>;

  /**
   * Leases up to `limit` crossings of these milestones: pending ones whose time has come and leased ones whose lease
   * is over, oldest first. Each gets fence + 1 and attempts + 1. No two callers get the same one.
   */
  claim(input: {
    readonly milestones: readonly string[];
    readonly limit: number;
    /** Milliseconds. */
    readonly lease: number;
    readonly now?: Date;
  }): Promise<readonly ClaimedCrossing[]>;

  /**
   * Stores notifications of a leased crossing, with their templates and lanes, and ends its announcement with `last`.
   *
   * In one transaction, if the crossing is leased under `fence`: templates and lanes that are missing are added, then
   * the notifications in state `pending`; one whose key exists is left as it is. The crossing's `notifications` becomes
   * the number of its stored ones (redrive 0). With `last` it becomes `announced`, or `unaddressed` (reason
   * `unaddressed`) if it has none, and its lease ends; without, its lease is prolonged by `lease`. Else `lost`: nothing
   * is stored. A repeat of a `last` call is lost; a repeat without `last` adds nothing.
   */
  announce(input: {
    readonly tenant: string;
    readonly id: string;
    readonly fence: number;
    readonly notifications: readonly NewNotification[];
    readonly templates: Readonly<Record<string, MessageTemplate>>;
    readonly last: boolean;
    /** Milliseconds. */
    readonly lease: number;
    readonly now?: Date;
  }): Promise<AnnounceResult>;

  /**
   * Gives a leased crossing back, if it is leased under `fence`: `pending` again after `retryIn` milliseconds, or
   * `failed` for good. `refund` takes back the claim's attempt (a stop, not a failure). Answers whether it did.
   */
  release(input: {
    readonly tenant: string;
    readonly id: string;
    readonly fence: number;
    readonly to: "pending" | "failed";
    readonly retryIn: number;
    readonly refund: boolean;
    /** Stored with `failed`; a crossing that is pending again keeps no reason, only the detail. */
    readonly reason: Reason | null;
    readonly detail: string | null;
    readonly now?: Date;
  }): Promise<boolean>;

  /** The crossings with these keys that exist, in any order. */
  get(input: {
    readonly keys: readonly { readonly tenant: string; readonly id: string }[];
  }): Promise<readonly Crossing[]>;

  /** Crossings that match every given filter, ordered by id, after `after`. Ids of the engine rise with time. */
  list(input: {
    readonly tenant: string;
    readonly subject?: string;
    readonly milestone?: string;
    readonly metric?: string;
    /** A span's key. */
    readonly period?: string;
    readonly ids?: readonly string[];
    readonly eventIds?: readonly string[];
    readonly states?: readonly CrossingState[];
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Crossing[]>;

  /**
   * How many crossings have a reason, by the reason: those that nobody was told of, or not yet. Of a tenant, and of those of
   * one milestone, recorded (`createdAt`) at `since` or later and before `until`, where given. Ordered by reason, bytewise.
   */
  reasons(input: {
    readonly tenant: string;
    readonly milestone?: string;
    readonly since?: Date;
    readonly until?: Date;
  }): Promise<readonly ReasonCount[]>;
}

export interface AnnounceResult {
  readonly result: "announced" | "unaddressed" | "continued" | "lost";
  /** How many notifications the crossing has now; 0 when lost. */
  readonly notifications: number;
}
