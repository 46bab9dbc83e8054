import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Level } from "../policy.js";
import { anyone, countThrough, inRangeAndNearest } from "./count-through.js";
import { every } from "./every.js";
import type { SeriesOptions } from "./series.js";

const max = Number.MAX_SAFE_INTEGER;
const places = (step: number, options: SeriesOptions, from: number, to: number) =>
  every(step, options)
    .levels({ from, to }, anyone)
    .map(({ at }) => at);

describe("every", () => {
  it.each([
    [every(100), [0, 99], []],
    [every(100), [99, 100], ["100"]],
    [every(100), [0, 250], ["100", "200"]],
    [every(100, { from: 50 }), [0, 250], ["50", "150", "250"]],
    [every(100, { from: 1_000, to: 1_100 }), [0, 5_000], ["1000", "1100"]],
    [every(100, { rearmAt: { below: 20 } }), [0, 100, 80, 100], ["100", "100"]],
  ] as const)("%j: on %j it passes %j", (policy, way, passed) => {
    expect(countThrough(policy, way)).toEqual(passed);
  });

  it("says of all its levels what was said once", () => {
    const options = { rearmAt: { percent: 50 }, code: "hundred", severity: "info" } as const;
    expect(every(100, options).levels({ from: 100, to: 150 }, anyone)).toEqual([
      { threshold: "100", at: 100, direction: "rising", rearmAt: 50, code: "hundred", severity: "info" },
      { threshold: "200", at: 200, direction: "rising", rearmAt: 100, code: "hundred", severity: "info" },
    ]);
    expect(every(100, { rearmAt: -1 }).levels({ from: 0, to: 0 }, anyone)).toMatchObject([{ at: 100, rearmAt: -1 }]);
  });

  it("has a key of what is given, without what is usual", () => {
    expect(every(100).key).toBe("every(100)");
    expect(every(100, { from: 100, to: max }).key).toBe("every(100)");
    expect(every(100, { severity: "info", rearmAt: { below: 5 }, to: 900, from: 50, code: "x" }).key).toBe(
      'every(100,{"from":50,"to":900,"rearmAt":{"below":5},"code":"x","severity":"info"})',
    );
  });

  it("reaches to the ends of the safe integers, exactly", () => {
    expect(places(2, {}, max - 3, max)).toEqual([max - 5, max - 3, max - 1]);
    expect(places(max, {}, -max, max)).toEqual([max]);
    expect(places(7, { from: -max }, max, max)).toEqual([max - Number((2n * BigInt(max)) % 7n)]);
    expect(places(1, { from: -max }, -max, -max)).toEqual([-max, -max + 1]);
    expect(places(10, { to: 40 }, 1_000, max)).toEqual([40]);
    expect(places(10, { from: 20 }, -max, -max)).toEqual([20]);
  });

  it("makes only the levels in the range asked for, however many there are below it", () => {
    expect(places(1, {}, 10 ** 15, 10 ** 15)).toEqual([10 ** 15 - 1, 10 ** 15, 10 ** 15 + 1]);
  });

  it("answers any range as a loop over all its levels would", () => {
    const scenario = fc.record({
      step: fc.integer({ min: 1, max: 60 }),
      first: fc.option(fc.integer({ min: -100, max: 100 }), { nil: undefined }),
      length: fc.option(fc.nat(300), { nil: undefined }),
      from: fc.integer({ min: -200, max: 400 }),
      width: fc.nat(200),
    });
    fc.assert(
      fc.property(scenario, ({ step, first, length, from, width }) => {
        const start = first ?? step;
        const end = length === undefined ? max : start + length;
        const all: Level[] = [];
        for (let at = start; at <= Math.min(end, 1_000); at += step) {
          all.push({ threshold: String(at), at, direction: "rising" });
        }
        const policy = every(step, { ...(first !== undefined && { from: first }), to: end });
        const answer = policy.levels({ from, to: from + width }, anyone);
        expect(answer).toEqual(inRangeAndNearest(all, from, from + width));
        const inside = all.filter(({ at }) => from <= at && at <= from + width);
        expect(policy.count?.({ from, to: from + width }, anyone)).toBe(inside.length);
      }),
    );
  });

  it.each([
    [0, {}, "every.step"],
    [-5, {}, "every.step"],
    [1.5, {}, "every.step"],
    ["5", {}, "every.step"],
    [5, null, "every"],
    [5, { form: 3 }, "every.form"],
    [5, { from: 0.5 }, "every.from"],
    [5, { to: 4 }, "every.to"],
    [5, { from: 9, to: 8 }, "every.to"],
    [5, { rearmAt: 5 }, "every.rearmAt"],
    [5, { rearmAt: { above: 1 } }, "every.rearmAt"],
    [5, { from: -5, rearmAt: { percent: 50 } }, "every.rearmAt"],
    [5, { code: "" }, "every.code"],
    [5, { severity: 1 }, "every.severity"],
  ] as readonly (readonly [number, SeriesOptions, string])[])(
    "refuses %j with %j for the sake of %s",
    (step, options, path) => {
      const refusal = expect.objectContaining({ code: "invalid_milestone", path, expected: expect.any(String) });
      expect(() => every(step, options)).toThrow(refusal);
    },
  );
});
