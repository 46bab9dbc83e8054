import type { Refusal } from "../../recipient/suppression.js";
import type { Opened, Release, Settlement } from "../../store/notification-repository.js";
import { type Lane, openLane } from "../lane.js";
import {
  decideMove,
  markMove,
  type NotificationPatch,
  queuedNotification,
  reopenMove,
  settledLane,
  settleMove,
} from "../moves.js";
import type { Attempt, NewNotification, Notification } from "../notification.js";
import { endsOfLeases, type nextOpenings } from "../reaper.js";
import { type CallResult, settlementOf } from "../settlement.js";
import type { DeliveryTiming } from "../timing.js";
import { nextTickOpenings } from "./tick-hours.js";

// A world small enough that all of it can be visited: one or two notifications in one lane, two workers that may die or
// be held up at any step, one sweeper that may be slow, a person with few acts. A tick is a millisecond.

/** What decides; a test of the explorer passes broken ones. */
export interface Moves {
  readonly mark: typeof markMove;
  readonly settle: typeof settleMove;
  readonly settledLane: typeof settledLane;
  readonly decide: typeof decideMove;
  readonly settlementOf: typeof settlementOf;
  readonly endsOfLeases: typeof endsOfLeases;
  readonly nextOpenings: typeof nextOpenings;
  readonly reopen: typeof reopenMove;
  /** Whether a worker may still start its call, so many ticks after it asked for the mark. */
  readonly mayStart: (elapsed: number, timing: DeliveryTiming) => boolean;
}

export const coreMoves: Moves = {
  mark: markMove,
  settle: settleMove,
  settledLane,
  decide: decideMove,
  settlementOf,
  endsOfLeases,
  nextOpenings: nextTickOpenings,
  reopen: reopenMove,
  mayStart: (elapsed, { lease, callDeadline, settleMargin }) => elapsed <= lease - callDeadline - settleMargin,
};

/** `callDeadline + settleMargin < lease`, and as little of each as there can be. */
export const tickTiming: DeliveryTiming = {
  lease: 3,
  callDeadline: 1,
  settleMargin: 1,
  retryBase: 1,
  retryCap: 1,
  ambiguousHorizon: 6,
  maxClaims: 2,
  announceTries: 1,
  outageCap: 1,
  outageLimit: 3,
};

/** A worker and what it has in its hands; `askedAt` is when it first asked for the mark. */
export type Worker =
  | { readonly at: "idle" }
  | { readonly at: "claimed"; readonly row: Notification; readonly askedAt: number | null }
  | ({ readonly at: "marked" } & Marked)
  | ({ readonly at: "calling"; readonly begunAt: number } & Marked)
  | ({ readonly at: "answered"; readonly result: CallResult } & Marked)
  /** Its call was settled as ambiguous, and may be answered after all. */
  | ({ readonly at: "late" } & Marked);

export interface Marked {
  readonly row: Notification;
  readonly askedAt: number;
  readonly attempt: number;
  readonly keyUntil: Date | null;
  readonly slot: string | null;
}

/** What a slow sweeper has decided about a row that it found overdue, or closed. */
export interface Found {
  readonly releases: readonly Release[];
  readonly settlements: readonly Settlement[];
  readonly openings: readonly Opened[];
}

/** What the outside world, and whoever asked it, can know of one notification. */
export interface Seen {
  readonly calls: number;
  /** Calls that are allowed in all, those left out that found nobody there; a resend adds one where none is left. */
  readonly allowed: number;
  /** Calls that were not definitely refused, also those under way. */
  readonly uncertain: number;
  /** As many of them there were when a person last asked for another call. */
  readonly excused: number;
  /** A call was accepted, and its answer came. */
  readonly accepted: boolean;
  /** When the first call under the key was made. */
  readonly keyFrom: number | null;
}

export interface World {
  readonly now: number;
  readonly rows: readonly Notification[];
  readonly attempts: readonly (readonly Attempt[])[];
  /** What persons did to each row. */
  readonly acts: readonly (readonly string[])[];
  readonly actsLeft: number;
  /** The one lane that all of them go through. */
  readonly lane: Lane;
  /** Why the address of all of them is forbidden. */
  readonly refusal: Refusal | null;
  /** Whether a call may find nobody there. */
  readonly outages: boolean;
  readonly workers: readonly Worker[];
  readonly found: Found | null;
  readonly seen: readonly Seen[];
}

export interface WorldOptions {
  readonly notifications: readonly NewNotification[];
  readonly workers: number;
  /** How often a person acts. */
  readonly acts: number;
  readonly limits: Partial<Pick<Lane, "rate" | "quota">>;
  readonly outages: boolean;
}

export function smallWorld({ notifications, workers, acts, limits, outages }: WorldOptions): World {
  const rows = notifications.map((each) => queuedNotification(each, null, new Date(0)));
  const [{ tenant, notifier }] = rows as [Notification];
  return {
    now: 0,
    rows,
    attempts: rows.map(() => []),
    acts: rows.map(() => []),
    actsLeft: acts,
    lane: { ...openLane(tenant, notifier), ...limits },
    refusal: null,
    outages,
    workers: Array.from({ length: workers }, (): Worker => ({ at: "idle" })),
    found: null,
    seen: rows.map(unseen),
  };
}

export function unseen({ maxAttempts }: Notification): Seen {
  return { calls: 0, allowed: maxAttempts, uncertain: 0, excused: 0, accepted: false, keyFrom: null };
}

export function placeOf(world: World, id: string): number {
  return world.rows.findIndex((row) => row.id === id);
}

export function withRow(world: World, place: number, patch: NotificationPatch): World {
  return { ...world, rows: world.rows.with(place, { ...world.rows[place]!, ...patch }) };
}

export function withWorker(world: World, place: number, worker: Worker): World {
  return { ...world, workers: world.workers.with(place, worker) };
}

export function withSeen(world: World, place: number, seen: Partial<Seen>): World {
  return { ...world, seen: world.seen.with(place, { ...world.seen[place]!, ...seen }) };
}

export function settled(world: World, settlement: Settlement, moves: Moves): World {
  const place = placeOf(world, settlement.id);
  const attempt = world.attempts[place]![settlement.attempt - 1];
  const move = moves.settle(world.rows[place], attempt, settlement, new Date(world.now));
  let after = move.patch === null ? world : withRow(world, place, move.patch);
  if (attempt !== undefined && move.attempt !== null) {
    const all = world.attempts[place]!.with(settlement.attempt - 1, { ...attempt, ...move.attempt });
    after = { ...after, attempts: after.attempts.with(place, all) };
  }
  if (move.result !== "settled") return after;
  return { ...after, lane: moves.settledLane(after.lane, settlement, new Date(world.now)) };
}

/** Move 3 as the contract of `release` has it. */
export function released(world: World, { id, fence, to, refund, reason }: Release): World {
  const place = placeOf(world, id);
  const row = world.rows[place]!;
  if (row.state !== "leased" || row.fence !== fence) return world;
  const common = { leaseUntil: null, claims: refund ? row.claims - 1 : row.claims };
  const now = new Date(world.now);
  if (to === "pending") return withRow(world, place, { ...common, state: "pending", notBefore: now });
  const state = row.wasAmbiguous ? "unknown" : "failed";
  return withRow(world, place, { ...common, state, reason, settledAt: now });
}

/** As the contract of `reopen` has it. */
export function reopened(world: World, opened: Opened, moves: Moves): World {
  const place = placeOf(world, opened.id);
  const row = world.rows[place]!;
  if (row.state !== "pending" || row.openUntil?.getTime() !== opened.closed.getTime()) return world;
  return withRow(world, place, moves.reopen(row, opened));
}
