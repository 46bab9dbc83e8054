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

/** What every call has to pass: its lane, and its campaign if it has one. */
export interface Gate {
  readonly paused: boolean;
  /** Parked until then: no room before, or the other side is out of service; null = not parked. */
  readonly notBefore: Date | null;
  readonly rate: Rate | null;
  readonly quota: Quota | null;
  /** What of the two is taken. */
  readonly usage: { readonly rate: Slots; readonly quota: Slots };
}

/** Open, and without a limit. */
export const openGate: Gate = {
  paused: false,
  notBefore: null,
  rate: null,
  quota: null,
  usage: { rate: {}, quota: {} },
};

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
 * A gate by the clock as it is now. Calls of its rate that lie ahead were made before the clock was set back, and count as
 * made now: by their own time they would fill the gate for as long as the clock went back, or, further ahead than the
 * interval, no longer count although they were made a moment ago. A quota's time is the calendar's, and stays.
 */
function asOf<G extends Gate>(gate: G, now: number): G {
  if (gate.rate === null) return gate;
  const current = meterOfRate(gate.rate).slotAt(now);
  const isAhead = (slot: string) => Number(slot) > Number(current);
  const slots = Object.entries(gate.usage.rate);
  const ahead = slots.filter(([slot]) => isAhead(slot)).reduce((sum, [, taken]) => sum + taken, 0);
  if (ahead === 0) return gate;
  const behind = Object.fromEntries(slots.filter(([slot]) => !isAhead(slot)));
  const rate = { ...behind, [current]: (behind[current] ?? 0) + ahead };
  return { ...gate, usage: { ...gate.usage, rate } };
}

/** How many calls may start now, by its rate and its quota. Pause and parking are no part of it. */
export function roomIn(gate: Gate, now: Date): Room {
  const time = now.getTime();
  const { rate, quota, usage } = asOf(gate, time);
  const rooms = [
    ...(rate === null ? [] : [roomOf(rate.count, meterOfRate(rate), usage.rate, time)]),
    ...(quota === null ? [] : [roomOf(quota.count, meterOfQuota(quota), usage.quota, time)]),
  ];
  const free = Math.min(Number.POSITIVE_INFINITY, ...rooms.map((room) => room.free));
  const untils = rooms.flatMap(({ until }) => (until === null ? [] : [until.getTime()]));
  return { free, until: untils.length === 0 ? null : new Date(Math.max(...untils)) };
}

/** Whether a gate's calls are counted at all. */
export function isMetered({ rate, quota }: Pick<Gate, "rate" | "quota">): boolean {
  return rate !== null || quota !== null;
}

/**
 * Takes room for `calls` that start now. The slot is where the quota was taken, for {@link withRefund}; null without one.
 * A gate without room left is parked until there is some.
 */
export function withReservation<G extends Gate>(
  gate: G,
  calls: number,
  now: Date,
): { readonly gate: G; readonly slot: string | null } {
  const time = now.getTime();
  const { rate, quota, usage: before } = asOf(gate, time);
  const usage = {
    rate: rate === null ? {} : taken(before.rate, meterOfRate(rate), calls, time),
    quota: quota === null ? before.quota : taken(before.quota, meterOfQuota(quota), calls, time, quotaSlotEnd),
  };
  const slot = quota === null ? null : meterOfQuota(quota).slotAt(time);
  return { gate: parkedWithoutRoom({ ...gate, usage }, now), slot };
}

/** Slots of one more window back are kept: a refund, or a clock that is set back, may still need them. */
function taken(slots: Slots, meter: Meter, calls: number, now: number, leavesAt = meter.leavesAt): Slots {
  const slot = meter.slotAt(now);
  const kept = Object.entries(slots).filter(([old]) => leavesAt(old) > now - meter.length);
  return { ...Object.fromEntries(kept), [slot]: (slots[slot] ?? 0) + calls };
}

/** Parks a gate that has no room now; a later parking stays. */
export function parkedWithoutRoom<G extends Gate>(gate: G, now: Date): G {
  const { until } = roomIn(gate, now);
  return until === null ? gate : parkedUntil(asOf(gate, now.getTime()), until);
}

export function parkedUntil<G extends Gate>(gate: G, until: Date): G {
  return gate.notBefore !== null && gate.notBefore >= until ? gate : { ...gate, notBefore: until };
}

/** Gives one call's quota back, because it certainly was not accepted. What the gate was parked for may be over. */
export function withRefund<G extends Gate>(gate: G, slot: string, now: Date): G {
  const before = gate.usage.quota[slot] ?? 0;
  if (before === 0) return gate;
  const usage = { ...gate.usage, quota: { ...gate.usage.quota, [slot]: before - 1 } };
  const forRoom = gate.notBefore?.getTime() === roomIn(gate, now).until?.getTime();
  return parkedWithoutRoom({ ...gate, usage, notBefore: forRoom ? null : gate.notBefore }, now);
}

/**
 * A gate under another rate or quota. What was taken stays counted where it can be: within the same interval, or the same
 * days. What was taken of an earlier quota is kept beside that: forgotten, and the quota set again, a call that is refused
 * later would give back the place of another. A gate that was parked is free again, until a call is refused.
 */
export function withLimits<G extends Gate>(
  gate: G,
  { rate, quota }: { readonly rate?: Gate["rate"] | undefined; readonly quota?: Gate["quota"] | undefined },
): G {
  const next = { rate: rate === undefined ? gate.rate : rate, quota: quota === undefined ? gate.quota : quota };
  const usage = {
    rate: next.rate?.interval === gate.rate?.interval ? gate.usage.rate : {},
    quota: gate.usage.quota,
  };
  return { ...gate, ...next, usage, notBefore: null };
}
