import { MilepostError } from "../../errors.js";
import type { DecideAct } from "../../store/notification-repository.js";
import { suppressMove } from "../moves.js";
import type { Notification } from "../notification.js";
import type { Step } from "./explore.js";
import {
  type Moves,
  released,
  reopened,
  settled,
  tickTiming,
  unseen,
  type World,
  withRow,
  withSeen,
} from "./small-world.js";

/** The clock, unless a call under way must end first. */
export function* clockSteps(world: World): Iterable<Step<World>> {
  const late = world.workers.some(
    (each) => each.at === "calling" && world.now >= each.begunAt + tickTiming.callDeadline,
  );
  if (!late) yield { name: "a tick", take: () => ({ ...world, now: world.now + 1 }) };
}

/** The sweeper in two steps, with anything in between: reaper.ts looks, and then moves what it found. */
export function* sweeperSteps(world: World, moves: Moves): Iterable<Step<World>> {
  const now = new Date(world.now);
  const past = (time: Date | null) => time !== null && time <= now;
  if (world.found !== null) {
    const { releases, settlements, openings } = world.found;
    yield {
      name: `the sweeper moves ${[...releases, ...settlements, ...openings].map(({ id }) => id).join(", ")}`,
      take() {
        let after: World = { ...world, found: null };
        for (const each of releases) after = released(after, each);
        for (const each of settlements) after = settled(after, each, moves);
        for (const each of openings) after = reopened(after, each, moves);
        return after;
      },
    };
  }
  for (const [place, row] of world.rows.entries()) {
    const leased = row.state === "leased" || row.state === "sending";
    if (world.found === null && leased && past(row.leaseUntil)) {
      yield {
        name: `the sweeper finds ${row.id}, ${row.state}`,
        take() {
          const ends = moves.endsOfLeases([row], { now, random: () => 0.5, timing: tickTiming });
          return { ...world, found: { ...ends, openings: [] } };
        },
      };
    }
    if (world.found === null && row.state === "pending" && past(row.openUntil) && !past(row.expiresAt)) {
      const found = { releases: [], settlements: [], openings: moves.nextOpenings([row], now) };
      yield { name: `the sweeper finds ${row.id} closed`, take: () => ({ ...world, found }) };
    }
    if (
      row.state === "pending"
        ? past(row.expiresAt)
        : row.state === "ambiguous" && (past(row.horizonAt) || past(row.expiresAt))
    ) {
      yield { name: `time ends ${row.id}`, take: () => withRow(world, place, endedByTime(row, now)) };
    }
  }
}

/** As the contract of `expire` has it. */
function endedByTime(row: Notification, now: Date) {
  const state = row.wasAmbiguous ? "unknown" : "expired";
  const reason = row.state === "pending" ? "expired" : "no_answer";
  return { state, reason, leaseUntil: null, horizonAt: null, settledAt: now } as const;
}

export type PersonAct = DecideAct | "pause" | "suppress";

/** A person's acts on notifications, on the lane and on the address; what undoes one of the latter two is not counted. */
export function* personSteps(world: World, acts: readonly PersonAct[], moves: Moves): Iterable<Step<World>> {
  const { lane, refusal } = world;
  const paused = (paused: boolean): World => ({ ...world, lane: { ...lane, paused } });
  if (lane.paused) yield { name: "the lane is resumed", take: () => paused(false) };
  if (refusal !== null) {
    yield { name: "the address is allowed", take: () => ({ ...world, refusal: null }), chosen: true };
  }
  if (world.actsLeft === 0) return;
  const actsLeft = world.actsLeft - 1;
  for (const act of acts) {
    if (act === "pause") {
      if (!lane.paused) yield { name: "the lane is paused", take: () => ({ ...paused(true), actsLeft }), chosen: true };
    } else if (act === "suppress") {
      if (refusal === null) {
        yield { name: "the address is forbidden", take: () => ({ ...suppressed(world), actsLeft }), chosen: true };
      }
    } else {
      for (const [place, row] of world.rows.entries()) {
        if (world.rows.some(({ redriveOf }) => redriveOf === row.id)) continue;
        const after = acted({ ...world, actsLeft }, place, act, moves);
        if (after !== null) yield { name: `${act} of ${row.id}`, take: () => after, chosen: true };
      }
    }
  }
}

/** As the contract of the suppressions' `add` has it. */
function suppressed(world: World): World {
  const refusal = { reason: "suppressed", detail: "manual" } as const;
  const rows = world.rows.map((row) =>
    row.state === "pending" || row.state === "leased"
      ? { ...row, ...suppressMove(row, refusal, new Date(world.now)) }
      : row,
  );
  return { ...world, rows, refusal };
}

function acted(world: World, place: number, act: DecideAct, moves: Moves): World | null {
  const row = world.rows[place]!;
  const input = { act, why: "seen", newId: `${row.id}+`, acceptDuplicate: true, margin: tickTiming.settleMargin };
  let decision: ReturnType<Moves["decide"]>;
  try {
    decision = moves.decide(row, input, new Date(world.now));
  } catch (error) {
    if (MilepostError.is(error) && error.code === "act_refused") return null;
    throw error;
  }
  const noted = { ...world, acts: world.acts.with(place, [...world.acts[place]!, act]) };
  if ("redrive" in decision) {
    const { redrive } = decision;
    return {
      ...noted,
      rows: [...noted.rows, redrive],
      attempts: [...noted.attempts, []],
      acts: [...noted.acts, []],
      seen: [...noted.seen, unseen(redrive)],
    };
  }
  const after = withRow(noted, place, decision.patch);
  if (act !== "resend") return after;
  const { uncertain, allowed } = world.seen[place]!;
  return withSeen(after, place, {
    excused: uncertain,
    allowed: Math.max(allowed, row.attempts - row.excused + 1),
    keyFrom: null,
  });
}
