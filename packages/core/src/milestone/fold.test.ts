import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrailRow } from "../store/counter-repository.js";
import type { FoldedMilestone } from "./course.js";
import type { NewCrossing } from "./crossing.js";
import { type FoldContext, type FoldedCounter, fold as foldOrWait } from "./fold.js";
import { every } from "./policies/every.js";
import { fallingBelow } from "./policies/falling-below.js";
import { powersOf } from "./policies/powers-of.js";
import { thresholds } from "./policies/thresholds.js";

/** Without limits nothing waits. */
const fold = (...input: Parameters<typeof foldOrWait>) => foldOrWait(...input)!;
const key = { tenant: "default", metric: "m", subject: "acme", period: "lifetime" };
const known = { added: 1, changed: 1, onAdopt: "silent", onJump: "highest", minInterval: 0 } as const;
const speaking = (values: readonly number[], name = "m1"): FoldedMilestone => {
  return { name, policy: thresholds(...values), said: "pending", ...known };
};

const grammar = [
  every(7, { rearmAt: { below: 9 } }),
  powersOf(2, { from: 2, rearmAt: { percent: 75 } }),
  fallingBelow({ at: 20, rearmAt: { above: 10 } }, { at: 0, rearmAt: { above: 5 } }),
  thresholds({ at: 30, rearmAt: 10, code: "thirty" }, { at: 40, rearmAt: { below: 5 }, severity: "critical" }),
].map((policy): FoldedMilestone => ({ name: policy.key, policy, said: "pending", ...known }));

function trailOf(amounts: readonly number[], cuts: readonly number[] = [], from = 0): TrailRow[] {
  const rows: TrailRow[] = [];
  let value = from;
  let start = 0;
  for (const end of [...cuts, amounts.length]) {
    const part = amounts.slice(start, end);
    if (part.length === 0) continue;
    const ids = part.map((_, i) => `e${start + i + 1}`);
    rows.push({
      rev: rows.length + 1,
      generation: 1,
      from: value,
      limitVersion: null,
      ids,
      amounts: part,
      occurredAts: part.map((_, i) => new Date(start + i)),
    });
    value += part.reduce((sum, amount) => sum + amount, 0);
    start = end;
  }
  return rows;
}
let ids = 0;
const installedAt = new Date("2026-11-01T12:00:00Z");
const end = Number.POSITIVE_INFINITY;
const at = (generation: number): FoldContext => {
  return { generation, end, newId: () => `c${++ids}`, now: () => installedAt };
};

/** A counter born under generation 1, with the given trail. */
const running = (trail: readonly TrailRow[], state: FoldedCounter["state"] = {}): FoldedCounter => {
  return { state, generation: 1, value: 0, trail, complete: true, limits: [] };
};

describe("fold", () => {
  it("names the event that passed each level, its time, and the values around it", () => {
    const { crossings } = fold(key, [speaking([1, 3])], running(trailOf([1, 1, 5])), at(1));
    expect(crossings).toMatchObject([
      { threshold: "1", eventId: "e1", previous: 0, value: 1, reachedAt: new Date(0), state: "pending", arming: 1 },
      { threshold: "3", eventId: "e3", previous: 2, value: 7, reachedAt: new Date(2), state: "pending", arming: 1 },
    ]);
  });

  it("leaves behind what lies at or below 0, wherever the band let the counter go before its trail begins", () => {
    const rising = { ...speaking([1]), policy: thresholds(0, { at: -2, rearmAt: -20 }) };
    const fromStart = fold(key, [rising], running(trailOf([-9, 12])), at(1));
    expect(fromStart.crossings).toEqual([]);
    expect(fold(key, [rising], running(trailOf([12], [], -9)), at(1))).toEqual(fromStart);
    const added = { ...rising, added: 2, changed: 2 };
    const met = fold(key, [added], running(trailOf([12], [], -9).map((row) => ({ ...row, generation: 2 }))), at(2));
    expect(met.crossings.map(({ threshold }) => threshold)).toEqual(["-2", "0"]);
  });

  it("records every level that one event jumps over and says the highest", () => {
    const { crossings } = fold(key, [speaking([1, 10, 100])], running(trailOf([50])), at(1));
    expect(crossings.map((c) => [c.threshold, c.state])).toEqual([
      ["1", "superseded"],
      ["10", "pending"],
    ]);
  });

  it("says each of several levels, or the last one with a list of them, where that is asked for", () => {
    const states = (onJump: "each" | "list") => {
      const { crossings } = fold(key, [{ ...speaking([1, 10, 100]), onJump }], running(trailOf([50])), at(1));
      return crossings.map((c) => [c.threshold, c.state]);
    };
    expect(states("each")).toEqual([
      ["1", "pending"],
      ["10", "pending"],
    ]);
    expect(states("list")).toEqual([
      ["1", "superseded"],
      ["10", "pending"],
    ]);
  });

  it("records as too soon what comes within the interval after a crossing that was said, in either direction of time", () => {
    const spaced = { ...speaking([1, 2, 3, 4, 5]), minInterval: 10 };
    // the events of trailOf() are a millisecond apart
    const rows = trailOf([1, 1, 1, 1, 1]).map((row) => ({
      ...row,
      occurredAts: [100, 109, 110, 101, 120].map((time) => new Date(time)),
    }));
    const { crossings, state } = fold(key, [spaced], running(rows), at(1));
    expect(crossings.map((c) => c.state)).toEqual(["pending", "too_soon", "pending", "too_soon", "pending"]);
    expect(state).toMatchObject({ m1: { said: 120 } });
    const knowing = { ...spaced, saidAt: [new Date(95)] };
    expect(fold(key, [knowing], running(rows), at(1)).crossings[0]?.state).toBe("too_soon");
  });

  it("holds a late crossing that was said against none that was said after it", () => {
    const spaced = { ...speaking([1, 2, 3]), minInterval: 10 };
    const rows = trailOf([1, 1, 1], [1, 2]).map((row, i) => ({ ...row, occurredAts: [new Date([100, 50, 109][i]!)] }));
    const { crossings, state } = fold(key, [spaced], running(rows), at(1));
    expect(crossings.map((c) => c.state)).toEqual(["pending", "pending", "too_soon"]);
    expect(state).toMatchObject({ m1: { said: 100 } });
  });

  it("counts nothing as said that is superseded, silent or expired", () => {
    for (const said of ["silent", "expired"] as const) {
      const spaced = { ...speaking([1, 2]), minInterval: 10, said };
      const { crossings, state } = fold(key, [spaced], running(trailOf([1, 1])), at(1));
      expect(crossings.map((c) => c.state)).toEqual([said, said]);
      expect(state).toEqual({ m1: { high: 2 } });
    }
  });

  it("keeps crossings of a milestone that nobody is told of, silently", () => {
    const quiet = { ...speaking([1]), said: "silent" } as const;
    expect(fold(key, [quiet], running(trailOf([1])), at(1)).crossings[0]?.state).toBe("silent");
  });

  it("keeps milestones and levels apart from what every object has", () => {
    for (const name of ["constructor", "toString", "__proto__"]) {
      const { crossings, state } = fold(key, [speaking([1, 3], name)], running(trailOf([1, 1, 1])), at(1));
      expect(crossings.map((c) => c.threshold)).toEqual(["1", "3"]);
      expect(Object.keys(state)).toEqual([name]);
    }
    const falling = ["a", "constructor"].map(
      (threshold, i) => ({ threshold, at: 5 + i * 15, direction: "falling" }) as const,
    );
    const policy = { key: "falling", levels: () => falling };
    const { crossings } = fold(
      key,
      [{ name: "m", policy, said: "pending", ...known }],
      running(trailOf([10, -6, 16, 5, -10])),
      at(1),
    );
    expect(crossings.map((c) => [c.threshold, c.value])).toEqual([
      ["a", 4],
      ["constructor", 15],
    ]);
  });

  it("starts a milestone it has never met from the value of that moment", () => {
    const { crossings } = fold(key, [speaking([10, 20])], running(trailOf([5], [], 15)), at(1));
    expect(crossings.map((c) => c.threshold)).toEqual(["20"]);
  });

  it("gives the same crossings and events for any split into batches and evaluations", () => {
    const scenario = fc.record({
      amounts: fc.array(fc.integer({ min: -30, max: 40 }), { minLength: 1, maxLength: 40 }),
      cuts: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 10 }),
      stops: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    });
    fc.assert(
      fc.property(scenario, ({ amounts, cuts, stops }) => {
        const milestones = [speaking([1, 20, 50, 100], "a"), speaking([-5, 33, 34], "b"), ...grammar];
        const whole = fold(key, milestones, running(trailOf(amounts)), at(1));

        const rows = trailOf(
          amounts,
          [...cuts].sort((x, y) => x - y).filter((cut) => cut < amounts.length),
        );
        let state: Readonly<Record<string, unknown>> = {};
        const seen: unknown[] = [];
        for (let start = 0; start < rows.length; ) {
          let end = start + 1;
          while (end < rows.length && !stops[end % stops.length]) end++;
          const part = fold(key, milestones, running(rows.slice(start, end), state), at(1));
          state = JSON.parse(JSON.stringify(part.state)) as Readonly<Record<string, unknown>>;
          seen.push(...part.crossings);
          start = end;
        }
        const plain = (list: readonly unknown[]) => list.map((crossing) => ({ ...(crossing as object), id: "" }));
        expect(plain(seen)).toEqual(plain(whole.crossings));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("fold, of milestones installed on a counter that runs", () => {
  const installed = (values: readonly number[], more: Partial<FoldedMilestone> = {}): FoldedMilestone => {
    return { ...speaking(values), added: 2, changed: 2, ...more };
  };
  /** One event of 1 each, recorded under the given generations. */
  const under = (from: number, ...generations: number[]): TrailRow[] =>
    trailOf(
      generations.map(() => 1),
      generations.map((_, i) => i),
      from,
    ).map((row, i) => ({ ...row, generation: generations[i]! }));
  const brief = (crossings: readonly NewCrossing[]) => crossings.map((c) => [c.threshold, c.state, c.eventId, c.value]);

  it("adopts in silence what lies behind, and lets the event after it count", () => {
    const { crossings, reached } = fold(key, [installed([100, 998, 999, 1_000])], running(under(999, 2)), at(2));
    expect(brief(crossings)).toEqual([
      ["100", "adopted", "", 999],
      ["998", "adopted", "", 999],
      ["999", "adopted", "", 999],
      ["1000", "pending", "e1", 1_000],
    ]);
    expect(crossings[0]).toMatchObject({ previous: 999, reachedAt: installedAt, arming: 1 });
    expect(reached).toBe(2);
  });

  it("tells the highest level behind where that is asked for", () => {
    const asked = installed([10, 20, 30], { onAdopt: "notify" as const });
    expect(brief(fold(key, [asked], { ...running([]), value: 25 }, at(2)).crossings)).toEqual([
      ["10", "superseded", "", 25],
      ["20", "pending", "", 25],
    ]);
  });

  it("does not let it count events that were recorded before it, though they are evaluated after", () => {
    const { crossings } = fold(key, [installed([6, 7, 8])], running(under(5, 1, 1, 2)), at(2));
    expect(brief(crossings)).toEqual([
      ["6", "adopted", "", 7],
      ["7", "adopted", "", 7],
      ["8", "pending", "e3", 8],
    ]);
  });

  it("meets it at the end of a trail that ends before it", () => {
    const { crossings, reached } = fold(key, [installed([6])], running(under(5, 1)), at(2));
    expect(brief(crossings)).toEqual([["6", "adopted", "", 6]]);
    expect(reached).toBe(2);
  });

  it("waits with it while older events may still follow in the trail", () => {
    const counter = { ...running(under(5, 1)), complete: false };
    const { crossings, state, reached } = fold(key, [installed([6], { name: "late" }), speaking([6])], counter, at(2));
    expect(brief(crossings)).toEqual([["6", "pending", "e1", 6]]);
    expect(Object.keys(state)).toEqual(["m1"]);
    expect(reached).toBe(1);
  });

  it("takes in what was not evaluated yet with an edited milestone, and adopts its new levels behind", () => {
    const edited = installed([3, 6, 7], { added: 1 });
    const { crossings } = fold(key, [edited], running(under(5, 1, 2), { m1: { high: 5 } }), at(2));
    expect(brief(crossings)).toEqual([
      ["6", "pending", "e1", 6],
      ["3", "adopted", "", 6],
      ["7", "pending", "e2", 7],
    ]);
  });

  it("adopts the highest of more levels than anybody wants to see", () => {
    const each = {
      key: "each",
      levels: ({ from, to }: { from: number; to: number }) =>
        Array.from({ length: to + 2 - Math.max(from, 1) }, (_, i) => {
          const value = Math.max(from, 1) + i;
          return { threshold: String(value), at: value, direction: "rising" as const };
        }),
    };
    const counter = { ...running([]), value: 20_000 };
    const { crossings, band } = fold(key, [installed([1], { policy: each })], counter, at(2));
    expect(brief(crossings)).toEqual([["20000", "adopted", "", 20_000]]);
    expect(band).toEqual({ below: null, above: 20_001 });
  });

  it("gives a milestone that was removed and came back what it missed as behind", () => {
    const { crossings } = fold(key, [installed([5, 6])], running(under(5, 2), { m1: { high: 2 } }), at(2));
    expect(brief(crossings)).toEqual([
      ["5", "adopted", "", 5],
      ["6", "pending", "e1", 6],
    ]);
  });

  it("says the same for any split of the trail into evaluations", () => {
    const scenario = fc.record({
      before: fc.nat(40),
      after: fc.nat(40),
      from: fc.nat(60),
      stops: fc.array(fc.nat(80), { maxLength: 8 }),
    });
    fc.assert(
      fc.property(scenario, ({ before, after, from, stops }) => {
        const rows = under(from, ...Array<number>(before).fill(1), ...Array<number>(after).fill(2));
        const milestones = [speaking([30, 60, 90], "known"), installed([20, 50, 70, 75, 90], { name: "new" })];
        const whole = fold(key, milestones, { ...running(rows), value: from }, at(2));

        const ends = [...new Set([...stops.filter((stop) => stop < rows.length), rows.length])].sort((a, b) => a - b);
        let counter = { ...running([]), value: from };
        const seen: NewCrossing[] = [];
        let start = 0;
        for (const end of ends) {
          const part = { ...counter, trail: rows.slice(start, end), complete: end === rows.length };
          start = end;
          if (part.trail.length === 0 && !part.complete) continue;
          const { state, reached, crossings } = fold(key, milestones, part, at(2));
          seen.push(...crossings);
          counter = { ...counter, state: JSON.parse(JSON.stringify(state)), generation: reached };
        }
        const plain = (list: readonly NewCrossing[]) => list.map((crossing) => ({ ...crossing, id: "" }));
        expect(plain(seen)).toEqual(plain(whole.crossings));
      }),
      { numRuns: 1_000 },
    );
  });
});
