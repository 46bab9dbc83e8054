import { spanAt, spanOf } from "../milestone/period.js";

/** At most `count` calls are marked within any `interval` milliseconds, whichever workers make them: each starts right after its mark. */
export interface Rate {
  readonly count: number;
  readonly interval: number;
}

/**
 * At most `count` calls that were not definitely refused, within any 24 hours, or on each calendar day in a zone, as in
 * `"day:Europe/Berlin"`.
 */
export interface Quota {
  readonly count: number;
  readonly per: "24h" | `day:${string}`;
}

/** How much was taken, by slot: a short part of the time that counts, or a calendar day. */
export type Slots = Readonly<Record<string, number>>;

/** A tenant's way through one notifier. It exists from its first notification, or a person's first act on it, on. */
export interface Lane {
  readonly tenant: string;
  readonly notifier: string;
  readonly paused: boolean;
  /** Parked until then: no room before, or the other side is out of service; null = not parked. */
  readonly notBefore: Date | null;
  readonly rate: Rate | null;
  readonly quota: Quota | null;
  /** What of the two is taken. */
  readonly usage: { readonly rate: Slots; readonly quota: Slots };
}

export function openLane(tenant: string, notifier: string): Lane {
  return {
    ...{ tenant, notifier, paused: false, notBefore: null, rate: null, quota: null },
    usage: { rate: {}, quota: {} },
  };
}

/** How many calls may start now; with none left, from when on there may be one. */
export interface Room {
  readonly free: number;
  readonly until: Date | null;
}

/** Which slot an instant is in, whether a slot counts at it, and when a slot begins to count no more. Milliseconds. */
interface Meter {
  readonly length: number;
  slotAt(now: number): string;
  counts(slot: string, now: number): boolean;
  leavesAt(slot: string): number;
}

/**
 * A window that slides. The slot at its far end counts whole, so no window of the length ever holds more than allowed, at
 * the price of waiting up to one part longer. Slots further ahead than the window is long are a clock's mistake.
 */
function sliding(length: number, parts: number): Meter {
  const width = Math.ceil(length / Math.min(parts, length));
  const leavesAt = (slot: string) => (Number(slot) + 1) * width + length;
  return {
    length,
    slotAt: (now) => String(Math.floor(now / width)),
    counts: (slot, now) => now < leavesAt(slot) && Number(slot) * width < now + length,
    leavesAt,
  };
}

const day = 86_400_000;

function calendarDay(period: string): Meter {
  const slotAt = (now: number) => spanAt(period, new Date(now)).key;
  return {
    length: day,
    slotAt,
    counts: (slot, now) => slotAt(now) === slot,
    leavesAt: (slot) => spanOf(slot).end,
  };
}

/** Each kind of quota knows its own slots from the others'. */
function quotaSlotEnd(slot: string): number {
  return slot.startsWith("day:") ? spanOf(slot).end : sliding(day, 96).leavesAt(slot);
}

const meterOfRate = ({ interval }: Rate): Meter => sliding(interval, 20);
const meterOfQuota = ({ per }: Quota): Meter => (per === "24h" ? sliding(day, 96) : calendarDay(per));

function roomOf(count: number, meter: Meter, slots: Slots, now: number): Room {
  const counting = Object.entries(slots)
    .filter(([slot]) => meter.counts(slot, now))
    .map(([slot, taken]) => ({ taken, leavesAt: meter.leavesAt(slot) }))
    .sort((a, b) => a.leavesAt - b.leavesAt);
  let over = counting.reduce((sum, { taken }) => sum + taken, 0) - count;
  if (over < 0) return { free: -over, until: null };
  for (const { taken, leavesAt } of counting) {
    over -= taken;
    if (over < 0) return { free: 0, until: new Date(leavesAt) };
  }
  return { free: 0, until: null };
}

/**
 * A lane by the clock as it is now. Calls of its rate that lie ahead were made before the clock was set back, and count as
 * made now: by their own time they would fill the lane for as long as the clock went back, or, further ahead than the
 * interval, no longer count although they were made a moment ago. A quota's time is the calendar's, and stays.
 */
function asOf(lane: Lane, now: number): Lane {
  if (lane.rate === null) return lane;
  const current = meterOfRate(lane.rate).slotAt(now);
  const isAhead = (slot: string) => Number(slot) > Number(current);
  const slots = Object.entries(lane.usage.rate);
  const ahead = slots.filter(([slot]) => isAhead(slot)).reduce((sum, [, taken]) => sum + taken, 0);
  if (ahead === 0) return lane;
  const behind = Object.fromEntries(slots.filter(([slot]) => !isAhead(slot)));
  const rate = { ...behind, [current]: (behind[current] ?? 0) + ahead };
  return { ...lane, usage: { ...lane.usage, rate } };
}

/** How many calls of a lane may start now, by its rate and its quota. Pause and parking are no part of it. */
export function roomIn(lane: Lane, now: Date): Room {
  const time = now.getTime();
  const { rate, quota, usage } = asOf(lane, time);
  const rooms = [
    ...(rate === null ? [] : [roomOf(rate.count, meterOfRate(rate), usage.rate, time)]),
    ...(quota === null ? [] : [roomOf(quota.count, meterOfQuota(quota), usage.quota, time)]),
  ];
  const free = Math.min(Number.POSITIVE_INFINITY, ...rooms.map((room) => room.free));
  const untils = rooms.flatMap(({ until }) => (until === null ? [] : [until.getTime()]));
  return { free, until: untils.length === 0 ? null : new Date(Math.max(...untils)) };
}

/** Whether a lane's calls are counted at all. */
export function isMetered({ rate, quota }: Pick<Lane, "rate" | "quota">): boolean {
  return rate !== null || quota !== null;
}

/**
 * Takes room for `calls` that start now. The slot is where the quota was taken, for {@link withRefund}; null without one.
 * A lane without room left is parked until there is some.
 */
export function withReservation(
  lane: Lane,
  calls: number,
  now: Date,
): { readonly lane: Lane; readonly slot: string | null } {
  const time = now.getTime();
  const { rate, quota, usage: before } = asOf(lane, time);
  const usage = {
    rate: rate === null ? {} : taken(before.rate, meterOfRate(rate), calls, time),
    quota: quota === null ? before.quota : taken(before.quota, meterOfQuota(quota), calls, time, quotaSlotEnd),
  };
  const slot = quota === null ? null : meterOfQuota(quota).slotAt(time);
  return { lane: parkedWithoutRoom({ ...lane, usage }, now), slot };
}

/** Slots of one more window back are kept: a refund, or a clock that is set back, may still need them. */
function taken(slots: Slots, meter: Meter, calls: number, now: number, leavesAt = meter.leavesAt): Slots {
  const slot = meter.slotAt(now);
  const kept = Object.entries(slots).filter(([old]) => leavesAt(old) > now - meter.length);
  return { ...Object.fromEntries(kept), [slot]: (slots[slot] ?? 0) + calls };
}

/** Parks a lane that has no room now; a later parking stays. */
export function parkedWithoutRoom(lane: Lane, now: Date): Lane {
  const { until } = roomIn(lane, now);
  return until === null ? lane : parkedUntil(asOf(lane, now.getTime()), until);
}

export function parkedUntil(lane: Lane, until: Date): Lane {
  return lane.notBefore !== null && lane.notBefore >= until ? lane : { ...lane, notBefore: until };
}

/** Gives one call's quota back, because it certainly was not accepted. What the lane was parked for may be over. */
export function withRefund(lane: Lane, slot: string, now: Date): Lane {
  const before = lane.usage.quota[slot] ?? 0;
  if (before === 0) return lane;
  const usage = { ...lane.usage, quota: { ...lane.usage.quota, [slot]: before - 1 } };
  const forRoom = lane.notBefore?.getTime() === roomIn(lane, now).until?.getTime();
  return parkedWithoutRoom({ ...lane, usage, notBefore: forRoom ? null : lane.notBefore }, now);
}

/**
 * A lane under another rate or quota. What was taken stays counted where it can be: within the same interval, or the same
 * days. What was taken of an earlier quota is kept beside that: forgotten, and the quota set again, a call that is refused
 * later would give back the place of another. A lane that was parked is free again, until a call is refused.
 */
export function withLimits(
  lane: Lane,
  { rate, quota }: { readonly rate?: Lane["rate"] | undefined; readonly quota?: Lane["quota"] | undefined },
): Lane {
  const next = { rate: rate === undefined ? lane.rate : rate, quota: quota === undefined ? lane.quota : quota };
  const usage = {
    rate: next.rate?.interval === lane.rate?.interval ? lane.usage.rate : {},
    quota: lane.usage.quota,
  };
  return { ...lane, ...next, usage, notBefore: null };
}
