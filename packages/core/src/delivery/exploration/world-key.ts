import type { Opened } from "../../store/notification-repository.js";
import { type Notification, terminalStates } from "../notification.js";
import { tickTiming, type Worker, type World } from "./small-world.js";
import { phaseOf } from "./tick-hours.js";

/**
 * The same text for worlds between which nothing that can still happen tells a difference. Times are what is left of them,
 * and nothing once they are over. A fence is compared with the row's and with its attempts' and with no other, so that is
 * all that is kept of it.
 */
export function worldKey(world: World): string {
  const rows = world.rows.map((row, place) => rowKey(world, row, place));
  // which of the workers is which makes no difference
  const workers = world.workers.map((worker) => workerKey(world, worker)).sort();
  return [...rows, ...workers, foundKey(world), laneKey(world), world.actsLeft, world.refusal !== null].join("|");
}

export function hasEnded({ state }: Notification): boolean {
  return (terminalStates as readonly string[]).includes(state);
}

function rowKey(world: World, row: Notification, place: number): string {
  const { calls, allowed, uncertain, excused, accepted, keyFrom } = world.seen[place]!;
  if (hasEnded(row)) return [row.state, row.redriveOf, uncertain > excused].join();
  const outcomes = world.attempts[place]!.map(({ outcome }) => outcome);
  const known = [row.state, row.redriveOf, outcomes, world.acts[place], calls, allowed, uncertain, excused, accepted];
  const left = (time: Date | null, more = 0) => remaining(world, time?.getTime() ?? null, more);
  const key = keyFrom === null || row.keyLifetime === null ? null : keyFrom + row.keyLifetime;
  return [
    ...known,
    ...[row.maxAttempts, row.claims, row.wasAmbiguous, row.cancelRequested],
    row.state === "pending" ? left(row.notBefore) : "",
    left(row.leaseUntil, row.state === "ambiguous" ? tickTiming.settleMargin : 0),
    ...[left(row.horizonAt), left(row.keyUntil), left(row.expiresAt), remaining(world, key, 1), row.excused],
    outageLeft(world, row),
    ...(row.hours === null ? [] : [left(row.openUntil), phaseOf(world.now)]),
  ].join();
}

function outageLeft(world: World, { firstMarkedAt }: Notification): number | null {
  if (!world.outages) return null;
  return remaining(world, firstMarkedAt?.getTime() ?? null, tickTiming.outageLimit);
}

/** Of a rate only what is as young as its interval still counts; a quota's day is longer than any way through the world. */
function laneKey(world: World): string {
  const { paused, notBefore, rate, usage } = world.lane;
  const ages = Object.entries(usage.rate).map(([slot, taken]) => `${world.now - Number(slot)}:${taken}`);
  const young = ages.filter((age) => Number.parseInt(age, 10) <= (rate?.interval ?? 0));
  return `${paused} ${remaining(world, notBefore?.getTime() ?? null, 0)} ${young} ${Object.values(usage.quota)}`;
}

function workerKey(world: World, worker: Worker): string {
  if (worker.at === "idle") return "idle";
  const { row } = worker;
  const fence = fenceKey(world, row);
  const known = `${worker.at} ${row.id} ${fence}`;
  switch (worker.at) {
    case "claimed":
      // what was lost can only be found to be lost
      if (fence === "lost") return known;
      return `${known} ${worker.askedAt === null ? row.claims > tickTiming.maxClaims : since(world, worker.askedAt)}`;
    case "marked":
      return `${known} ${worker.attempt} ${since(world, worker.askedAt)}`;
    case "calling":
      return `${known} ${worker.attempt} ${world.now - worker.begunAt}`;
    case "answered":
      return `${known} ${worker.attempt} ${worker.result.kind} ${"unavailable" in worker.result}`;
    case "late":
      return `${known} ${worker.attempt}`;
  }
}

function foundKey(world: World): string {
  if (world.found === null) return "";
  const { releases, settlements, openings } = world.found;
  const ends = [...releases, ...settlements].map((each) => [each.id, each.to, fenceKey(world, each)].join());
  return [...ends, ...openings.map((opened) => openingKey(world, opened))].join();
}

function openingKey(world: World, { id, closed, notBefore, openUntil }: Opened): string {
  const still = world.rows.some((row) => row.id === id && row.openUntil?.getTime() === closed.getTime());
  const left = (time: Date) => remaining(world, time.getTime(), 0);
  return `${id} ${still ? [left(notBefore), left(openUntil)] : "lost"}`;
}

function fenceKey(world: World, { id, fence }: { readonly id: string; readonly fence: number }): string {
  const place = world.rows.findIndex((row) => row.id === id);
  if (world.rows[place]!.fence === fence) return "now";
  const attempt = world.attempts[place]!.findIndex((attempt) => attempt.fence === fence);
  return attempt < 0 ? "lost" : `of attempt ${attempt + 1}`;
}

/** A quota's next day is as far away as anything can be: all else comes before it. */
const far = 50;

function remaining(world: World, time: number | null, more: number): number | null {
  return time === null ? null : Math.min(Math.max(0, time + more - world.now), far);
}

/** Beyond the lease nothing changes any more. */
function since(world: World, time: number): number {
  return Math.min(world.now - time, tickTiming.lease + 1);
}
