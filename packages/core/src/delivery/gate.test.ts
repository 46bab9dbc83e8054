import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spanAt } from "../milestone/period.js";
import {
  isMetered,
  parkedUntil,
  parkedWithoutRoom,
  type Quota,
  type Rate,
  roomIn,
  withLimits,
  withRefund,
  withReservation,
} from "./gate.js";
import { type Lane, openLane } from "./lane.js";

const second = 1_000;
const hour = 3_600_000;
const day = 24 * hour;
const begin = Date.UTC(2026, 10, 5, 12);
const after = (milliseconds: number) => new Date(begin + milliseconds);

const lane = (fields: Partial<Lane>): Lane => ({ ...openLane("default", "smtp"), ...fields });
const taking = (from: Lane, calls: number, now: Date): Lane => withReservation(from, calls, now).gate;
/** The lane after so many calls, one by one, each at its milliseconds after the beginning. */
const called = (from: Lane, ...times: number[]): Lane =>
  times.reduce((before, time) => taking(before, 1, after(time)), from);
const sum = (slots: Readonly<Record<string, number>>) => Object.values(slots).reduce((a, b) => a + b, 0);

interface Call {
  /** When it started by a clock that nobody sets, and by the store's. */
  readonly real: number;
  readonly clock: number;
  readonly slot: string | null;
  refunded: boolean;
}

/** One walk of a lane: calls that ask for room, refunds, and a clock that goes on and is set back. */
class Walk {
  lane: Lane;
  readonly calls: Call[] = [];
  real = 0;
  clock: number;
  #furthest: number;

  constructor(limits: { readonly rate?: Rate; readonly quota?: Quota }, start: number) {
    this.lane = withLimits(openLane("default", "smtp"), limits);
    this.clock = start;
    this.#furthest = start;
  }

  get now(): Date {
    return new Date(this.clock);
  }

  pass(milliseconds: number): void {
    this.real += milliseconds;
    this.clock += milliseconds;
    this.#furthest = Math.max(this.#furthest, this.clock);
  }

  /** Never further back than `most` from where the clock has been. */
  setBack(milliseconds: number, most: number): void {
    this.clock = Math.max(this.clock - milliseconds, this.#furthest - most);
  }

  /** As the mark does: what has room starts, and without any the lane is parked. */
  ask(calls: number): void {
    if (this.lane.notBefore !== null && this.lane.notBefore > this.now) return;
    for (let i = 0; i < calls; i++) {
      if (roomIn(this.lane, this.now).free < 1) {
        this.lane = parkedWithoutRoom(this.lane, this.now);
        return;
      }
      const { gate: taken, slot } = withReservation(this.lane, 1, this.now);
      this.lane = taken;
      this.calls.push({ real: this.real, clock: this.clock, slot, refunded: false });
    }
  }

  /** Gives the place of one of the last calls back, as a refused one does. */
  refund(which: number): void {
    const call = this.calls.at(-1 - which);
    if (call?.slot == null || call.refunded) return;
    call.refunded = true;
    this.lane = withRefund(this.lane, call.slot, this.now);
  }
}

type Step = readonly [kind: "pass" | "setBack" | "ask" | "refund", size: number];
const stepsOf = (span: number, clockMoves: boolean): fc.Arbitrary<readonly Step[]> => {
  // most waits end near where something changes: a part of the window, or the whole of it
  const wait = fc.oneof(
    fc.integer({ min: 0, max: Math.ceil(span / 10) }),
    fc.integer({ min: 0, max: span * 2 }),
    fc.constantFrom(span - 1, span, span + 1),
  );
  const step = fc.oneof(
    fc.tuple(fc.constant("pass" as const), wait),
    fc.tuple(fc.constant("ask" as const), fc.integer({ min: 1, max: 5 })),
    fc.tuple(fc.constant("refund" as const), fc.nat(5)),
    ...(clockMoves ? [fc.tuple(fc.constant("setBack" as const), wait)] : []),
  );
  return fc.array(step, { minLength: 1, maxLength: 60, size: "max" });
};

function walked(walk: Walk, steps: readonly Step[], furthestBack: number, look: (walk: Walk) => void): void {
  for (const [kind, size] of steps) {
    if (kind === "pass") walk.pass(size);
    else if (kind === "setBack") walk.setBack(size, furthestBack);
    else if (kind === "ask") walk.ask(size);
    else walk.refund(size);
    for (const slots of [walk.lane.usage.rate, walk.lane.usage.quota]) {
      for (const taken of Object.values(slots)) expect(taken).toBeGreaterThanOrEqual(0);
    }
    look(walk);
  }
}

/** The most calls of any window of this length that ends with one of them. */
const mostIn = (calls: readonly Call[], length: number, time: (call: Call) => number): number =>
  Math.max(
    0,
    ...calls.map((last) => calls.filter((c) => time(c) <= time(last) && time(c) > time(last) - length).length),
  );

const counts = fc.integer({ min: 1, max: 8 });
const intervals = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 5_000 }), fc.constant(second));

describe("a rate", () => {
  it("lets no more calls start within any interval than allowed, however often and far the clock is set back", () => {
    const cases = counts.chain((count) => intervals.map((interval) => ({ count, interval })));
    const property = fc.property(
      cases.chain((rate) => fc.tuple(fc.constant(rate), stepsOf(rate.interval, true))),
      ([rate, steps]) => {
        const walk = new Walk({ rate }, begin);
        walked(walk, steps, Number.POSITIVE_INFINITY, () => {});
        expect(mostIn(walk.calls, rate.interval, ({ real }) => real)).toBeLessThanOrEqual(rate.count);
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });

  it("refuses nobody for longer than the interval and one part of twenty, and has room at the moment that it says", () => {
    let refusals = 0;
    const cases = counts.chain((count) => intervals.map((interval) => ({ count, interval })));
    const property = fc.property(
      cases.chain((rate) => fc.tuple(fc.constant(rate), stepsOf(rate.interval, true))),
      ([rate, steps]) => {
        walked(new Walk({ rate }, begin), steps, Number.POSITIVE_INFINITY, ({ lane: now, clock }) => {
          const { free, until } = roomIn(now, new Date(clock));
          if (free > 0) return expect(until).toBeNull();
          refusals++;
          const part = Math.ceil(rate.interval / 20);
          expect(until!.getTime() - clock).toBeLessThanOrEqual(rate.interval + part);
          // what lies ahead counts as made now, which is written when the lane is parked
          const parked = parkedWithoutRoom(now, new Date(clock));
          expect(roomIn(parked, new Date(until!.getTime() - 1)).free).toBe(0);
          expect(roomIn(parked, until!).free).toBeGreaterThan(0);
        });
      },
    );
    fc.assert(property, { numRuns: 500 });
    expect(refusals).toBeGreaterThan(1_000);
  });

  it("has room for all of it at first, and again an interval and a part after the last call", () => {
    const full = taking(lane({ rate: { count: 3, interval: 60_000 } }), 3, after(0));
    expect(roomIn(full, after(0))).toEqual({ free: 0, until: after(63_000) });
    expect(full.notBefore).toEqual(after(63_000));
    expect(roomIn(full, after(62_999)).free).toBe(0);
    expect(roomIn(full, after(63_000))).toEqual({ free: 3, until: null });
  });

  it("gives room back as its calls leave the window, the oldest first", () => {
    const full = called(lane({ rate: { count: 3, interval: 60_000 } }), 0, 10_000, 20_000);
    expect([62_999, 63_000, 73_000, 83_000].map((time) => roomIn(full, after(time)).free)).toEqual([0, 1, 2, 3]);
  });

  it("is used up by refused calls too", () => {
    const full = taking(lane({ rate: { count: 1, interval: second } }), 1, after(0));
    const { usage } = withRefund(full, "any", after(1));
    expect(usage).toEqual(full.usage);
  });

  it("counts what lies ahead of a clock that was set back as made now, also if it is further ahead than the interval", () => {
    const full = taking(lane({ rate: { count: 10, interval: second } }), 10, after(0));
    for (const back of [500, 2_000, 365 * day]) {
      const { free, until } = roomIn(full, after(-back));
      expect([free, until!.getTime() - after(-back).getTime() <= 1_050]).toEqual([0, true]);
    }
  });

  it("remembers no more than two intervals, however long it runs", () => {
    let running = lane({ rate: { count: 1_000, interval: second } });
    for (let time = 0; time < 20_000; time += 7) running = taking(running, 1, after(time));
    expect(Object.keys(running.usage.rate).length).toBeLessThanOrEqual(2 * 21);
  });
});

describe("a quota", () => {
  it("of 24 hours holds in any 24 hours, less what was refused, also with a clock that is set back", () => {
    const quota = (count: number): Quota => ({ count, per: "24h" });
    const property = fc.property(counts, stepsOf(day, true), (count, steps) => {
      const walk = new Walk({ quota: quota(count) }, begin);
      walked(walk, steps, day, () => {});
      const kept = walk.calls.filter(({ refunded }) => !refunded);
      expect(mostIn(kept, day, ({ clock }) => clock)).toBeLessThanOrEqual(count);
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it("of 24 hours refuses nobody for longer than that and a quarter of an hour", () => {
    const property = fc.property(counts, stepsOf(day, false), (count, steps) => {
      walked(new Walk({ quota: { count, per: "24h" } }, begin), steps, 0, ({ lane: now, clock }) => {
        const { free, until } = roomIn(now, new Date(clock));
        if (free > 0) return;
        expect(until!.getTime() - clock).toBeLessThanOrEqual(day + hour / 4);
        expect(roomIn(now, new Date(until!.getTime() - 1)).free).toBe(0);
        expect(roomIn(now, until!).free).toBeGreaterThan(0);
      });
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("of 24 hours forgets what lies further ahead than that: the clock was wrong then", () => {
    const full = taking(lane({ quota: { count: 2, per: "24h" } }), 2, after(365 * day));
    expect(roomIn(full, after(0))).toEqual({ free: 2, until: null });
    expect(roomIn(full, after(364 * day + hour)).free).toBe(0);
  });

  // each begins the day before something happens to its clocks or its calendar
  const zones: readonly (readonly [zone: string, from: string])[] = [
    ["UTC", "2026-11-05T00:00:00Z"],
    ["Europe/Berlin", "2026-03-27T23:00:00Z"],
    ["Europe/Berlin", "2026-10-23T22:00:00Z"],
    ["America/New_York", "2026-03-07T05:00:00Z"],
    ["America/Sao_Paulo", "2018-11-03T03:00:00Z"],
    ["Australia/Lord_Howe", "2026-04-03T13:00:00Z"],
    ["Pacific/Apia", "2011-12-29T10:00:00Z"],
    ["Africa/Casablanca", "2026-02-13T23:00:00Z"],
    ["Asia/Kathmandu", "2026-11-04T18:15:00Z"],
  ];
  it.each(zones)(
    "of a day in %s from %s on holds on each day of that calendar, less what was refused",
    (zone, from) => {
      const per = `day:${zone}` as const;
      const property = fc.property(counts, stepsOf(day, true), (count, steps) => {
        const walk = new Walk({ quota: { count, per } }, Date.parse(from));
        walked(walk, steps, day, ({ lane: now, clock }) => {
          const { free, until } = roomIn(now, new Date(clock));
          if (free > 0) return;
          expect(until).toEqual(new Date(spanAt(per, new Date(clock)).end));
          expect(roomIn(now, new Date(until!.getTime() - 1)).free).toBe(0);
        });
        const days = new Map<string, number>();
        for (const { clock, refunded } of walk.calls) {
          const key = spanAt(per, new Date(clock)).key;
          days.set(key, (days.get(key) ?? 0) + (refunded ? 0 : 1));
        }
        for (const [key, calls] of days) expect([key, calls <= count]).toEqual([key, true]);
      });
      fc.assert(property, { numRuns: 200 });
    },
  );

  it("of a day begins anew at midnight of its zone, on the 25 hours of a day that is set back too", () => {
    const full = taking(
      lane({ quota: { count: 500, per: "day:Europe/Berlin" } }),
      500,
      new Date("2026-10-24T22:00:00Z"),
    );
    expect(roomIn(full, new Date("2026-10-25T22:59:59.999Z"))).toEqual({
      free: 0,
      until: new Date("2026-10-25T23:00:00Z"),
    });
    expect(roomIn(full, new Date("2026-10-25T23:00:00Z"))).toEqual({ free: 500, until: null });
  });
});

describe("a refund", () => {
  const quota: Quota = { count: 2, per: "24h" };

  it("gives one place back, and opens a lane that was parked for want of it", () => {
    const { gate: full, slot } = withReservation(lane({ quota }), 2, after(0));
    expect(full.notBefore).toEqual(roomIn(full, after(0)).until);
    const refunded = withRefund(full, slot!, after(5));
    expect([roomIn(refunded, after(5)).free, refunded.notBefore]).toEqual([1, null]);
  });

  it("never gives back what was not taken", () => {
    const { gate: taken, slot } = withReservation(lane({ quota }), 1, after(0));
    const once = withRefund(taken, slot!, after(0));
    expect(sum(once.usage.quota)).toBe(0);
    expect(withRefund(once, slot!, after(0))).toBe(once);
    expect(withRefund(taken, "another", after(0))).toBe(taken);
  });

  it("does not open a lane that is parked for something else", () => {
    const { gate: full, slot } = withReservation(lane({ quota }), 2, after(0));
    const outage = parkedUntil(full, after(3 * day));
    expect(withRefund(outage, slot!, after(5)).notBefore).toEqual(after(3 * day));
    const { gate: some, slot: own } = withReservation(lane({ quota }), 1, after(0));
    expect(withRefund(parkedUntil(some, after(1_000)), own!, after(5)).notBefore).toEqual(after(1_000));
  });

  it("leaves a lane parked that its rate has no room for", () => {
    const { gate: full, slot } = withReservation(lane({ quota, rate: { count: 2, interval: hour } }), 2, after(0));
    const refunded = withRefund(full, slot!, after(5));
    expect(roomIn(refunded, after(5))).toEqual({ free: 0, until: after(hour + hour / 20) });
    expect(refunded.notBefore).toEqual(after(hour + hour / 20));
  });

  it("of a slot that is of yesterday gives today nothing", () => {
    const per = "day:UTC" as const;
    const { gate: before, slot } = withReservation(lane({ quota: { count: 2, per } }), 2, after(0));
    const today = taking(before, 2, after(day));
    const refunded = withRefund(today, slot!, after(day));
    expect([roomIn(refunded, after(day)).free, refunded.notBefore]).toEqual([0, today.notBefore]);
  });
});

describe("a lane with both", () => {
  const both = lane({ rate: { count: 2, interval: second }, quota: { count: 3, per: "day:UTC" } });

  it("has the room that both have", () => {
    expect(roomIn(both, after(0)).free).toBe(2);
    expect(roomIn(called(both, 0, 1), after(1)).until).toEqual(after(1_050));
    expect(roomIn(called(both, 0, 1), after(1_100)).free).toBe(1);
    const full = called(both, 0, 1, 1_100);
    expect(roomIn(full, after(1_100)).until).toEqual(new Date("2026-11-06T00:00:00Z"));
    const late = Date.parse("2026-11-05T23:59:59.900Z") - begin;
    expect(roomIn(called(both, 0, late, late), after(late)).until).toEqual(new Date("2026-11-06T00:00:00.950Z"));
  });

  it("without either has room for everything and counts nothing", () => {
    const open = openLane("default", "smtp");
    expect([isMetered(open), isMetered(both)]).toEqual([false, true]);
    expect(roomIn(open, after(0))).toEqual({ free: Number.POSITIVE_INFINITY, until: null });
    expect(withReservation(open, 5, after(0))).toEqual({ gate: open, slot: null });
  });
});

describe("parking", () => {
  it("lasts until the latest of what parks a lane", () => {
    const parked = parkedUntil(openLane("default", "smtp"), after(100));
    expect(parkedUntil(parked, after(50))).toBe(parked);
    expect(parkedUntil(parked, after(150)).notBefore).toEqual(after(150));
  });
});

describe("withLimits", () => {
  const rate: Rate = { count: 2, interval: second };
  const quota: Quota = { count: 2, per: "24h" };
  const used = parkedUntil(taking(lane({ rate, quota }), 2, after(0)), after(9 * day));

  it("keeps what is not named, and what was taken where it still counts", () => {
    expect(withLimits(used, { rate: { count: 5, interval: second } })).toEqual({
      ...used,
      rate: { count: 5, interval: second },
      notBefore: null,
    });
    expect(withLimits(used, {})).toEqual({ ...used, notBefore: null });
  });

  it("begins anew where the interval or the days are others", () => {
    const other = withLimits(used, { rate: { count: 2, interval: 2 * second }, quota: { count: 2, per: "day:UTC" } });
    // kept beside what is counted, for calls under way that may give it back
    const usage = { rate: {}, quota: used.usage.quota };
    expect(other.usage).toEqual(usage);
    expect(roomIn(other, after(0)).free).toBe(2);
    expect(withLimits(used, { rate: null, quota: null })).toEqual({ ...openLane("default", "smtp"), usage });
  });

  it("with fewer than were taken has no room until enough of them have left, and never less than none", () => {
    const lower = withLimits(called(lane({ rate: { count: 5, interval: second } }), 0, 100, 200), {
      rate: { ...rate, count: 1 },
    });
    expect(roomIn(lower, after(200))).toEqual({ free: 0, until: after(1_250) });
  });

  it("keeps a pause", () => {
    expect(withLimits({ ...used, paused: true }, { rate: null }).paused).toBe(true);
  });
});
