import type { NewNotification } from "../delivery/notification.js";
import type { Reason, ReasonCount } from "../delivery/reason.js";
import type { MessageTemplate } from "../message/message.js";
import type { ClaimedCrossing, Crossing, CrossingState, NewCrossing } from "../milestone/crossing.js";
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
  readonly band: Band;
  readonly state: Readonly<Record<string, unknown>>;
  /** In the order they were passed. All of them belong to the counter's tenant, metric, subject and period. */
  readonly crossings: readonly NewCrossing[];
}

export interface CrossingRepository {
  /**
   * Commits evaluations; answers per evaluation, in their order.
   *
   * `committed`: the counter's `folded` was `from` and its metric's generation the given one; for an idle counter also its
   * `rev` the given one and its generation below `reached`; with `limitsSeen`, no further version of the subject's limit
   * was applied since; with `witness`, the trail has that event last in the row of that rev, which tells a counter from one
   * that was begun anew after its subject was erased. Its crossings are stored (one whose key exists is left as it
   * is), band, state, `generation = reached` and `folded = upTo` are set, trail rows up to `upTo` deleted, and it stays
   * due exactly if it has a later rev. `lost`: another evaluator was first, the generation differs or the counter does
   * not exist; nothing of it is stored. Each evaluation is whole or not at all; a committed one is not undone by a lost
   * one beside it. A repeat is lost.
   */
  commitEvaluation(input: {
    readonly evaluations: readonly CounterEvaluation[];
    readonly now?: Date;
  }): Promise<readonly ("committed" | "lost")[]>;

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
