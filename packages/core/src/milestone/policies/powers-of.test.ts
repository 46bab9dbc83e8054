import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Level } from "../policy.js";
import { anyone, countThrough, inRangeAndNearest } from "./count-through.js";
import { powersOf } from "./powers-of.js";
import type { SeriesOptions } from "./series.js";

describe("powersOf", () => {
  it.each([
    [powersOf(10), [0, 1], ["1"]],
    [powersOf(10), [1, 250], ["10", "100"]],
    [powersOf(10, { from: 50 }), [0, 2_000], ["100", "1000"]],
    [powersOf(2, { from: 2, to: 8 }), [0, 2_000], ["2", "4", "8"]],
    [powersOf(10, { rearmAt: { percent: 50 } }), [0, 10, 5, 10], ["1", "10", "10"]],
  ] as const)("%j: on %j it passes %j", (policy, way, passed) => {
    expect(countThrough(policy, way)).toEqual(passed);
  });

  it("ends with the last power that is a safe integer", () => {
    const last = (base: number) => powersOf(base).levels({ from: 1, to: Number.MAX_SAFE_INTEGER }, anyone).at(-1)?.at;
    expect([last(2), last(10), last(3), last(94_906_265)]).toEqual([2 ** 52, 10 ** 15, 3 ** 33, 94_906_265 ** 2]);
    expect(last(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("has a key of what is given, without what is usual", () => {
    expect(powersOf(10).key).toBe("powersOf(10)");
    expect(powersOf(10, { from: 1 }).key).toBe("powersOf(10)");
    expect(powersOf(10, { from: 10, code: "x" }).key).toBe('powersOf(10,{"from":10,"code":"x"})');
  });

  it("answers any range as multiplying without end would", () => {
    const places = fc.nat(3_000);
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.nat(20), places, fc.nat(3_000), (base, first, from, width) => {
        const all: Level[] = [];
        for (let at = 1n; at <= 1_000_000n; at *= BigInt(base)) {
          if (at < BigInt(first + 1)) continue;
          all.push({ threshold: String(at), at: Number(at), direction: "rising" });
        }
        const answer = powersOf(base, { from: first + 1 }).levels({ from, to: from + width }, anyone);
        expect(answer).toEqual(inRangeAndNearest(all, from, from + width));
      }),
    );
  });

  it.each([
    [1, {}, "powersOf.base"],
    [0, {}, "powersOf.base"],
    [-10, {}, "powersOf.base"],
    [2.5, {}, "powersOf.base"],
    [10, { from: 0 }, "powersOf.from"],
    [10, { from: 20, to: 10 }, "powersOf.to"],
    [10, { from: 20, to: 90 }, "powersOf"],
    [10, { rearmAt: 1 }, "powersOf.rearmAt"],
    [10, { base: 10 }, "powersOf.base"],
  ] as readonly (readonly [number, SeriesOptions, string])[])(
    "refuses %j with %j for the sake of %s",
    (base, options, path) => {
      const refusal = expect.objectContaining({ code: "invalid_milestone", path, expected: expect.any(String) });
      expect(() => powersOf(base, options)).toThrow(refusal);
    },
  );
});
