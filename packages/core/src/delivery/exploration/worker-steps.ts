import { accepted, ambiguous, refusedPermanent, refusedTransient, unavailable } from "../../notifier/notifier.js";
import type { Mark } from "../../store/notification-repository.js";
import { isOpen } from "../moves.js";
import type { Notification } from "../notification.js";
import type { CallResult } from "../settlement.js";
import type { Step } from "./explore.js";
import {
  type Marked,
  type Moves,
  placeOf,
  released,
  settled,
  tickTiming,
  type Worker,
  type World,
  withRow,
  withSeen,
  withWorker,
} from "./small-world.js";
import { isWithinHours } from "./tick-hours.js";

// What a worker does, as deliverer.ts does it: claim, mark, call, settle. Between any two steps it may be held up for as
// long as there are ticks, and it may die. The answer to a mark or a settlement may be lost, and it asks again.

const { lease, maxClaims } = tickTiming;

export function* workerSteps(world: World, moves: Moves): Iterable<Step<World>> {
  for (const [place, worker] of world.workers.entries()) {
    const name = `worker ${place + 1}`;
    const go = (to: Worker, after: World = world) => withWorker(after, place, to);
    if (worker.at === "idle") {
      yield* claims(world, name, go);
      continue;
    }
    yield { name: `${name} dies`, take: () => go({ at: "idle" }), chosen: true };
    switch (worker.at) {
      case "claimed":
        yield* marks(world, worker, name, go, moves);
        break;
      case "marked":
        yield starts(world, worker, name, go, moves);
        break;
      case "calling":
        yield* answers(world, worker, name, go);
        break;
      case "answered":
        yield* settles(world, worker, worker.result, false, name, go, moves);
        break;
      case "late":
        yield* settles(world, worker, accepted(), true, `${name}, late,`, go, moves);
    }
  }
}

type Go = (to: Worker, after?: World) => World;

/** Move 2, of one notification: a worker with one free slot. */
function* claims(world: World, name: string, go: Go): Iterable<Step<World>> {
  const now = new Date(world.now);
  const { paused, notBefore } = world.lane;
  if (paused || (notBefore ?? now) > now) return;
  for (const [place, row] of world.rows.entries()) {
    if (row.state !== "pending" || !isOpen(row, now) || (row.expiresAt !== null && row.expiresAt <= now)) continue;
    yield {
      name: `${name} claims ${row.id}`,
      take() {
        const leaseUntil = new Date(world.now + lease);
        const patch = { state: "leased", fence: row.fence + 1, claims: row.claims + 1, leaseUntil } as const;
        const after = withRow(world, place, patch);
        return go({ at: "claimed", row: after.rows[place]!, askedAt: null }, after);
      },
    };
  }
}

function* marks(
  world: World,
  { row, askedAt }: { readonly row: Notification; readonly askedAt: number | null },
  name: string,
  go: Go,
  moves: Moves,
): Iterable<Step<World>> {
  if (askedAt === null) {
    const back = { tenant: row.tenant, id: row.id, fence: row.fence, retryIn: 0 };
    const given = (reason: "poison_claim" | "render_failed") =>
      go({ at: "idle" }, released(world, { ...back, to: "failed", refund: false, reason }));
    if (row.claims > maxClaims) {
      yield { name: `${name} finds ${row.id} poisoned`, take: () => given("poison_claim") };
      return;
    }
    yield { name: `${name} cannot render ${row.id}`, take: () => given("render_failed"), chosen: true };
    yield {
      name: `${name} gives ${row.id} back`,
      take: () => go({ at: "idle" }, released(world, { ...back, to: "pending", refund: true, reason: null })),
      chosen: true,
    };
  }
  const asked = { at: "claimed", row, askedAt: askedAt ?? world.now } as const;
  yield {
    name: `${name} marks ${row.id}, and its answer is lost`,
    take: () => go(asked, mark(world, row, moves).world),
    chosen: true,
  };
  yield {
    name: `${name} marks ${row.id}`,
    take() {
      const { world: after, result } = mark(world, row, moves);
      if (result.result !== "marked") return go({ at: "idle" }, after);
      const { attempt, keyUntil, slot } = result;
      return go({ at: "marked", row, askedAt: asked.askedAt, attempt, keyUntil, slot }, after);
    },
  };
}

function mark(world: World, { tenant, id, fence, mode }: Notification, moves: Moves) {
  const message = { messageId: `<${id}@example.com>`, idempotencyKey: id, payloadHash: "hash" };
  const mark: Mark = { tenant, id, fence, ...message, payload: mode === "idempotent" ? payload : null };
  const place = placeOf(world, id);
  const row = world.rows[place]!;
  const now = new Date(world.now);
  const last = world.attempts[place]!.at(-1);
  const { lane, refusal } = world;
  const ask = { row, attempt: last, lane, campaign: null, refusal, mark, lease, now };
  const { result, patch, lane: left } = moves.mark(ask);
  if (patch === null) return { world, result };
  let after: World = { ...withRow(world, place, patch), lane: left };
  if (result.result === "marked") {
    if (lane.paused) throw new Error(`${id} is marked while its lane is paused`);
    if (refusal !== null) throw new Error(`${id} is marked while its address is forbidden`);
    if (!isWithinHours(row, world.now)) throw new Error(`${id} is marked outside of its hours`);
    if (world.acts[place]!.includes("cancel")) throw new Error(`${id} is marked although it was cancelled`);
    const { count, interval } = lane.rate ?? { count: Number.POSITIVE_INFINITY, interval: 0 };
    const lately = world.attempts.flat().filter(({ startedAt }) => startedAt.getTime() > world.now - interval);
    if (lately.length >= count) throw new Error(`more than ${count} are marked within ${interval}`);
    const opened = { endedAt: null, outcome: null, detail: null, slot: result.slot };
    const attempt = { tenant, notification: id, number: result.attempt, fence, startedAt: now, ...opened };
    after = { ...after, attempts: after.attempts.with(place, [...world.attempts[place]!, attempt]) };
  }
  return { world: after, result };
}

const payload = { to: { address: "ada@example.com" }, subject: "Hello", text: "Ada", html: null };

/** The call, or that it is too late for it; here the outside world looks whether it may be made. */
function starts(world: World, marked: Marked, name: string, go: Go, moves: Moves): Step<World> {
  const { row, askedAt, attempt, keyUntil, slot } = marked;
  const held = { row, askedAt, attempt, keyUntil, slot };
  if (!moves.mayStart(world.now - askedAt, tickTiming)) {
    const result = refusedTransient("not started");
    return { name: `${name} does not call for ${row.id}`, take: () => go({ at: "answered", result, ...held }) };
  }
  return {
    name: `${name} calls for ${row.id}`,
    take() {
      const place = placeOf(world, row.id);
      const seen = world.seen[place]!;
      const underWay = world.workers.some((each) => each.at === "calling" && each.row.id === row.id);
      if (underWay) throw new Error(`two calls of ${row.id} are under way`);
      if (seen.uncertain > seen.excused && !mayRepeat(row, seen, world.now)) {
        throw new Error(`${row.id} is called again after a call that may have been accepted`);
      }
      if (seen.calls >= seen.allowed) throw new Error(`${row.id} is called more often than it may be`);
      const { quota } = world.lane;
      const taken = world.seen.reduce((sum, { uncertain }) => sum + uncertain, 0);
      if (quota !== null && taken >= quota.count) throw new Error(`more than ${quota.count} calls are not refused`);
      const after = withSeen(world, place, {
        calls: seen.calls + 1,
        uncertain: seen.uncertain + 1,
        keyFrom: seen.keyFrom ?? world.now,
      });
      return go({ at: "calling", begunAt: world.now, ...held }, after);
    },
  };
}

/** Promises 3 and 4. A call may start one tick after its mark, so a key may be used for a tick longer. */
function mayRepeat({ mode, keyLifetime }: Notification, { keyFrom }: { readonly keyFrom: number | null }, now: number) {
  return mode === "at-least-once" || (mode === "idempotent" && now < keyFrom! + keyLifetime! + 1);
}

/** The clock does not pass a call's deadline before the call has ended: notifiers obey their signal. */
function* answers(
  world: World,
  { row, askedAt, attempt, keyUntil, slot }: Marked,
  name: string,
  go: Go,
): Iterable<Step<World>> {
  const place = placeOf(world, row.id);
  const { uncertain, calls } = world.seen[place]!;
  const answered = (result: CallResult, after: World) =>
    go({ at: "answered", result, row, askedAt, attempt, keyUntil, slot }, after);
  const refused = (result: CallResult) => answered(result, withSeen(world, place, { uncertain: uncertain - 1 }));
  const call = `the call of ${name}`;
  yield { name: `${call} is not answered`, take: () => answered(ambiguous("no answer"), world) };
  yield {
    name: `${call} is accepted`,
    take: () => answered(accepted(), withSeen(world, place, { accepted: true })),
  };
  yield { name: `${call} is refused for now`, take: () => refused(refusedTransient("busy")) };
  yield { name: `${call} is refused`, take: () => refused(refusedPermanent("no such mailbox")) };
  if (!world.outages) return;
  const nobody = withSeen(world, place, { uncertain: uncertain - 1, calls: calls - 1 });
  yield { name: `${call} finds nobody there`, take: () => answered(unavailable("out of service"), nobody) };
}

function* settles(
  world: World,
  { row, askedAt, attempt, keyUntil, slot }: Marked,
  result: CallResult,
  late: boolean,
  name: string,
  go: Go,
  moves: Moves,
): Iterable<Step<World>> {
  const sending = { ...row, attempts: attempt, keyUntil, slot };
  const at = { now: new Date(world.now), random: 0.5, timing: tickTiming, payload };
  const settlement = moves.settlementOf(sending, result, at);
  const held = { row, askedAt, attempt, keyUntil, slot };
  const settle = () => {
    const after = settled(world, settlement, moves);
    return late ? withSeen(after, placeOf(world, row.id), { accepted: true }) : after;
  };
  const waits = result.kind === "ambiguous" && !late;
  yield {
    name: `${name} settles ${row.id}: ${result.kind}`,
    take: () => go(waits ? { at: "late", ...held } : { at: "idle" }, settle()),
  };
  const answered = { at: "answered", result, ...held } as const;
  yield {
    name: `${name} settles ${row.id}: ${result.kind}, and its answer is lost`,
    take: () => go(answered, settle()),
    chosen: true,
  };
}
