import type { DeliveryMode } from "../../notifier/notifier.js";
import type { NewNotification } from "../notification.js";
import type { PersonAct } from "./other-steps.js";
import { coreMoves, type Moves } from "./small-world.js";
import { nextTickOpenings, tickHours } from "./tick-hours.js";

/** A move with one guard left out, and what comes of it. */
export interface BrokenMove {
  readonly name: string;
  readonly moves: Partial<Moves>;
  /** at-most-once unless said. */
  readonly mode?: DeliveryMode;
  readonly fields?: Partial<NewNotification>;
  /** What a person may do, once. */
  readonly acts?: readonly PersonAct[];
  /** Two notifications of one attempt, and one call that is not refused. */
  readonly quota?: true;
  /** Only the calls are looked at, not what is stored meanwhile. */
  readonly callsOnly?: true;
  readonly why: string;
  /** How many steps lead there, ticks of the clock left out. */
  readonly steps: number;
}

const twice = "ntf-1 is called again after a call that may have been accepted";

export const brokenMoves: readonly BrokenMove[] = [
  {
    name: "a mark that does not compare the fence",
    moves: {
      mark: (input) => coreMoves.mark({ ...input, mark: { ...input.mark, fence: input.row!.fence } }),
    },
    callsOnly: true,
    why: "two calls of ntf-1 are under way",
    steps: 8,
  },
  {
    name: "a mark that is not written before the call",
    moves: {
      mark(input) {
        const move = coreMoves.mark(input);
        return move.result.result === "marked" ? { ...move, patch: null } : move;
      },
    },
    callsOnly: true,
    why: "two calls of ntf-1 are under way",
    steps: 8,
  },
  {
    name: "a settlement that does not compare the fence",
    mode: "at-least-once",
    moves: {
      settle: (row, attempt, settlement, now) =>
        coreMoves.settle(row, attempt, { ...settlement, fence: row!.fence }, now),
    },
    why: "ntf-1, sent: an attempt is open exactly while it is sending",
    steps: 8,
  },
  {
    name: "a call that starts however long after its mark",
    mode: "at-least-once",
    moves: { mayStart: () => true },
    why: "two calls of ntf-1 are under way",
    steps: 8,
  },
  {
    name: "an ambiguous outcome that is repeated in every mode",
    moves: { settlementOf: (row, ...more) => coreMoves.settlementOf({ ...row, mode: "at-least-once" }, ...more) },
    callsOnly: true,
    why: twice,
    steps: 8,
  },
  {
    name: "a refusal that forgets that an earlier call was ambiguous",
    mode: "at-least-once",
    moves: { settlementOf: (row, ...more) => coreMoves.settlementOf({ ...row, wasAmbiguous: false }, ...more) },
    why: "ntf-1 is failed, and may have been accepted",
    steps: 10,
  },
  {
    name: "attempts that are not counted",
    mode: "at-least-once",
    moves: { settlementOf: (row, ...more) => coreMoves.settlementOf({ ...row, maxAttempts: 9 }, ...more) },
    callsOnly: true,
    why: "ntf-1 is called more often than it may be",
    steps: 13,
  },
  {
    name: "a key that is relied on for ever",
    mode: "idempotent",
    moves: { mark: (input) => coreMoves.mark({ ...input, row: { ...input.row!, wasAmbiguous: false } }) },
    why: twice,
    steps: 8,
  },
  {
    name: "a mark that does not look at the expiry",
    fields: { expiresAt: new Date(2) },
    moves: { mark: (input) => coreMoves.mark({ ...input, row: { ...input.row!, expiresAt: null } }) },
    why: "ntf-1, sending: no attempt starts after its expiry",
    steps: 2,
  },
  {
    name: "a mark that does not look at the hours",
    fields: tickHours,
    moves: { mark: (input) => coreMoves.mark({ ...input, row: { ...input.row!, openUntil: null } }) },
    why: "ntf-1 is marked outside of its hours",
    steps: 2,
  },
  {
    name: "hours that are opened before they open",
    fields: tickHours,
    moves: {
      nextOpenings: (rows, now) => nextTickOpenings(rows, now).map((opened) => ({ ...opened, notBefore: now })),
    },
    why: "ntf-1 is marked outside of its hours",
    steps: 4,
  },
  {
    name: "a sweeper that does not open hours anew",
    fields: tickHours,
    moves: { nextOpenings: () => [] },
    why: "no end can be reached",
    steps: 2,
  },
  {
    name: "a mark that does not look at the lane",
    acts: ["pause"],
    moves: { mark: (input) => coreMoves.mark({ ...input, lane: { ...input.lane, paused: false } }) },
    why: "ntf-1 is marked while its lane is paused",
    steps: 3,
  },
  {
    name: "a mark that does not look at the suppressions",
    acts: ["suppress"],
    moves: { mark: (input) => coreMoves.mark({ ...input, refusal: null }) },
    why: "ntf-1 is marked while its address is forbidden",
    steps: 8,
  },
  {
    name: "a mark that takes no room in the quota",
    quota: true,
    moves: { mark: (input) => ({ ...coreMoves.mark(input), lane: input.lane }) },
    why: "more than 1 calls are not refused",
    steps: 6,
  },
  {
    name: "a place in the quota that is given back after any outcome",
    quota: true,
    moves: {
      settledLane: (lane, settlement, now) =>
        coreMoves.settledLane(lane, { ...settlement, outcome: "refused_transient" }, now),
    },
    why: "more than 1 calls are not refused",
    steps: 8,
  },
  {
    name: "a sweeper that leaves what was being sent",
    moves: { endsOfLeases: (rows, at) => ({ ...coreMoves.endsOfLeases(rows, at), settlements: [] }) },
    why: "no end can be reached",
    steps: 3,
  },
];
