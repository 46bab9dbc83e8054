import assert from "node:assert/strict";
import type { Lane } from "../delivery/lane.js";

// A lane by the model: every call it counts is kept by its time, and counted anew whenever somebody asks.

/** What one call took of a quota. */
export interface Place {
  readonly at: number;
  givenBack: boolean;
}

export interface ModelLane {
  paused: boolean;
  /** As it is stored: the model only knows what it may be. */
  notBefore: number | null;
  /** The other side is out of service at most until then. */
  outageUntil: number;
  rate: Lane["rate"];
  quota: Lane["quota"];
  /** Times of the calls that the rate counts. */
  started: readonly number[];
  places: readonly Place[];
  readonly acts: string[];
}

export function newLane(): ModelLane {
  const open = { paused: false, notBefore: null, outageUntil: 0, rate: null, quota: null };
  return { ...open, started: [], places: [], acts: [] };
}

export function laneIsOpen({ paused, notBefore }: ModelLane, now: number): boolean {
  return !paused && (notBefore === null || notBefore <= now);
}

export function freeIn({ rate, quota, started, places }: ModelLane, now: number): number {
  const ofRate =
    rate === null ? Number.POSITIVE_INFINITY : rate.count - started.filter(slides(rate.interval, 20, now)).length;
  if (quota === null) return ofRate;
  const held = places.filter(({ givenBack }) => !givenBack).map(({ at }) => at);
  const counts = quota.per === "24h" ? slides(day, 96, now) : (at: number) => utcDay(at) === utcDay(now);
  return Math.min(ofRate, quota.count - held.filter(counts).length);
}

/** Takes what a call needs; throws where the limits, in their own words, would be broken. */
export function takePlace(lane: ModelLane, now: number): Place | null {
  const { rate, quota } = lane;
  if (rate !== null) {
    lane.started = [...lane.started, now];
    const within = lane.started.filter((at) => at > now - rate.interval).length;
    assert.ok(within <= rate.count, `${within} calls within ${rate.interval} ms, of ${rate.count}`);
  }
  if (quota === null) return null;
  const place = { at: now, givenBack: false };
  lane.places = [...lane.places, place];
  const same = (at: number) => (quota.per === "24h" ? at > now - day : utcDay(at) === utcDay(now));
  const within = lane.places.filter(({ at, givenBack }) => !givenBack && same(at)).length;
  assert.ok(within <= quota.count, `${within} calls in a day, of ${quota.count}`);
  return place;
}

export function giveBack(place: Place | null): void {
  if (place !== null) place.givenBack = true;
}

/** What was taken stays counted under the same interval, and under the same days. */
export function limitLane(lane: ModelLane, { rate, quota }: Pick<Lane, "rate" | "quota">): void {
  if (rate?.interval !== lane.rate?.interval) lane.started = [];
  if (quota?.per !== lane.quota?.per) lane.places = [];
  lane.rate = rate;
  lane.quota = quota;
  lane.notBefore = null;
  lane.outageUntil = 0;
}

/** That what is stored of a lane is what it may be; the time until which it is parked is taken over. */
export function assertLane(lane: ModelLane, stored: Lane, free: number, now: number): void {
  const { paused, rate, quota } = lane;
  assert.deepEqual({ paused: stored.paused, rate: stored.rate, quota: stored.quota }, { paused, rate, quota });
  // a limit that was lowered may be below what is taken
  assert.equal(free, Math.max(0, freeIn(lane, now)), "the room of the lane");
  lane.notBefore = stored.notBefore?.getTime() ?? null;
  if (lane.notBefore === null || lane.notBefore <= now) return;
  if (free >= 1) assert.ok(lane.notBefore <= lane.outageUntil, "a lane with room is parked by an outage only");
  else {
    const open = { ...lane, paused: false };
    const later = Math.max(lane.notBefore, lane.outageUntil);
    assert.ok(freeIn(open, later) >= 1, "a lane is parked until it has room");
    const earlier = lane.notBefore - 1;
    if (earlier > lane.outageUntil) assert.ok(freeIn(open, earlier) < 1, "and no longer");
  }
}

const day = 86_400_000;

function utcDay(at: number): number {
  return Math.floor(at / day);
}

/** Whether a call at a time counts still: by parts of the window, the one at its far end whole. */
function slides(length: number, parts: number, now: number): (at: number) => boolean {
  const width = Math.ceil(length / parts);
  const part = (at: number) => Math.floor(at / width);
  return (at) => part(now) - part(at) <= Math.ceil(length / width);
}
