import assert from "node:assert/strict";
import type { Lane } from "../delivery/lane.js";

// A lane by the model: every call it counts is kept by its time, and counted anew whenever somebody asks.

/** What one call took of a quota. */
export interface Place {
  readonly at: number;
  readonly per: string;
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

/**
 * How many calls may start now. A window that slides is counted in parts, so that a call may count for up to one part
 * longer than the window is long, and never shorter: what is stored may be anything between the two.
 */
export interface Free {
  readonly least: number;
  readonly most: number;
}

export function freeIn(lane: ModelLane, now: number): Free {
  return { least: freeWith(lane, now, 1), most: freeWith(lane, now, 0) };
}

function freeWith({ rate, quota, started, places }: ModelLane, now: number, further: number): number {
  const within = (times: readonly number[], length: number, parts: number) =>
    times.filter((at) => now < at + length + further * Math.ceil(length / parts)).length;
  const ofRate = rate === null ? Number.POSITIVE_INFINITY : rate.count - within(started, rate.interval, 20);
  if (quota === null) return ofRate;
  const held = places.filter(({ per, givenBack }) => per === quota.per && !givenBack).map(({ at }) => at);
  const counted = quota.per === "24h" ? within(held, day, 96) : held.filter((at) => utcDay(at) === utcDay(now)).length;
  return Math.min(ofRate, quota.count - counted);
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
  const place = { at: now, per: quota.per, givenBack: false };
  lane.places = [...lane.places, place];
  const same = (at: number) => (quota.per === "24h" ? at > now - day : utcDay(at) === utcDay(now));
  const within = lane.places.filter(({ at, per, givenBack }) => per === quota.per && !givenBack && same(at)).length;
  assert.ok(within <= quota.count, `${within} calls in a day, of ${quota.count}`);
  return place;
}

export function giveBack(place: Place | null): void {
  if (place !== null) place.givenBack = true;
}

/** What was taken stays counted under the same interval, and under the same days, also after others. */
export function limitLane(lane: ModelLane, { rate, quota }: Pick<Lane, "rate" | "quota">): void {
  if (rate?.interval !== lane.rate?.interval) lane.started = [];
  lane.rate = rate;
  lane.quota = quota;
  lane.notBefore = null;
  lane.outageUntil = 0;
}

/** That what is stored of a lane is what it may be; the time until which it is parked is taken over. */
export function assertLane(lane: ModelLane, stored: Lane, free: number, now: number): void {
  const { paused, rate, quota, outageUntil } = lane;
  assert.deepEqual({ paused: stored.paused, rate: stored.rate, quota: stored.quota }, { paused, rate, quota });
  // a limit that was lowered may be below what is taken
  const { least, most } = freeIn(lane, now);
  assert.ok(Math.max(0, least) <= free && free <= Math.max(0, most), `room for ${free}, not for ${least} to ${most}`);
  const until = stored.notBefore?.getTime() ?? null;
  lane.notBefore = until;
  if (until === null || until <= now || until <= outageUntil) return;
  assert.ok(least < 1, "a lane with room is parked by an outage only");
  assert.ok(freeIn(lane, until).most >= 1, "a lane is parked until it has room");
  assert.ok(freeIn(lane, until - 1).least < 1, "and no longer");
}

const day = 86_400_000;

function utcDay(at: number): number {
  return Math.floor(at / day);
}
