import { MilepostError } from "../../errors.js";
import type { DecideAct } from "../../store/notification-repository.js";
import type { Notification } from "../notification.js";
import type { Step } from "./explore.js";
import { type Moves, released, settled, tickTiming, unseen, type World, withRow, withSeen } from "./small-world.js";

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
    const { releases, settlements } = world.found;
    yield {
      name: `the sweeper takes back ${[...releases, ...settlements].map(({ id }) => id).join(", ")}`,
      take() {
        let after: World = { ...world, found: null };
        for (const each of releases) after = released(after, each);
        for (const each of settlements) after = settled(after, each, moves).world;
        return after;
      },
    };
  }
  for (const [place, row] of world.rows.entries()) {
    const leased = row.state === "leased" || row.state === "sending";
    if (world.found === null && leased && past(row.leaseUntil)) {
      yield {
        name: `the sweeper finds ${row.id}, ${row.state}`,
        take: () => ({ ...world, found: moves.endsOfLeases([row], { now, random: () => 0.5, timing: tickTiming }) }),
      };
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

export type PersonAct = DecideAct | "pause";

/** A person's acts on notifications and on the lane; all but a resume are counted. */
export function* personSteps(world: World, acts: readonly PersonAct[], moves: Moves): Iterable<Step<World>> {
  if (world.paused) yield { name: "the lane is resumed", take: () => ({ ...world, paused: false }) };
  if (world.actsLeft === 0) return;
  const actsLeft = world.actsLeft - 1;
  if (!world.paused && acts.includes("pause"))
    yield { name: "the lane is paused", take: () => ({ ...world, paused: true, actsLeft }), chosen: true };
  for (const [place, row] of world.rows.entries()) {
    if (world.rows.some(({ redriveOf }) => redriveOf === row.id)) continue;
    for (const act of acts) {
      if (act === "pause") continue;
      const after = acted({ ...world, actsLeft }, place, act, moves);
      if (after !== null) yield { name: `${act} of ${row.id}`, take: () => after, chosen: true };
    }
  }
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
  return withSeen(after, place, { excused: uncertain, allowed: Math.max(allowed, row.attempts + 1), keyFrom: null });
}
