import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { levelsOf } from "../levels.js";
import { anyone, countThrough } from "./count-through.js";
import { type PercentSpec, percentOfLimit } from "./percent-of-limit.js";

const max = Number.MAX_SAFE_INTEGER;
const everywhere = { from: 0, to: max };
const places = (policy: ReturnType<typeof percentOfLimit>, limit: number) =>
  policy
    .levels(everywhere, { ...anyone, limit })
    .map(({ at, rearmAt }) => (rearmAt === undefined ? at : [at, rearmAt]));

describe("percentOfLimit", () => {
  it.each([
    [percentOfLimit(50, 100), 200, [100, 200]],
    [percentOfLimit(50, 100), 101, [51, 101]],
    [percentOfLimit(12.5, 120), 1_000, [125, 1_200]],
    [percentOfLimit(50, 100), 0, [1, 1]],
    [percentOfLimit({ percent: 80, rearmAt: 70 }), 99, [[80, 69]]],
    [percentOfLimit(100, 200), max, [max]],
  ] as const)("%j: with a limit of %j its levels lie at %j", (policy, limit, expected) => {
    expect(places(policy, limit)).toEqual(expected);
  });

  it("names its levels after their percentages, the lowest first where several lie together", () => {
    const levels = percentOfLimit(100, 0.0001, 12.5).levels(everywhere, { ...anyone, limit: 3 });
    expect(levels.map(({ threshold, at }) => [threshold, at])).toEqual([
      ["0.0001%", 1],
      ["12.5%", 1],
      ["100%", 3],
    ]);
  });

  it("passes every percentage of a limit of nothing with the first unit, and each once", () => {
    const policy = percentOfLimit(50, { percent: 100, rearmAt: 50 });
    expect(countThrough(policy, [0, 1, 5, 0, 7], { ...anyone, limit: 0 })).toEqual(["100%", "50%", "100%"]);
  });

  it("lies where the fraction says, for any percentage with four decimals and any limit", () => {
    const limit = fc.oneof(fc.nat(1_000), fc.integer({ min: 0, max }));
    const parts = fc.oneof(fc.integer({ min: 1, max: 3_000_000 }), fc.integer({ min: 1, max: 10_000_000_000 }));
    fc.assert(
      fc.property(parts, fc.nat(), limit, (part, below, amount) => {
        const rearmPart = below % part;
        const policy = percentOfLimit({ percent: part / 10_000, rearmAt: rearmPart / 10_000 });
        const [level] = policy.levels(everywhere, { ...anyone, limit: amount });
        const share = (value: number | bigint) => BigInt(value) * 1_000_000n;
        const reaches = (value: number | bigint) => share(value) >= BigInt(part) * BigInt(amount);
        if (level === undefined) {
          expect(reaches(max)).toBe(false);
          return;
        }
        const { at, rearmAt } = level;
        expect(reaches(at)).toBe(true);
        expect(amount === 0 ? at === 1 : !reaches(at - 1)).toBe(true);
        expect(rearmAt).toBeLessThan(at);
        expect(share(rearmAt!) <= BigInt(rearmPart) * BigInt(amount)).toBe(true);
        expect(share(rearmAt! + 1) > BigInt(rearmPart) * BigInt(amount)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it("takes the percentage that is written, not the nearest double times the limit", () => {
    // in doubles 7 / 100 * 100 and 0.07 * 10_000 / 100 are 7.000000000000001
    expect(places(percentOfLimit(7), 100)).toEqual([7]);
    expect(places(percentOfLimit(0.07), 10_000)).toEqual([7]);
    expect(places(percentOfLimit(999_999.9999), 1_000_000)).toEqual([9_999_999_999]);
  });

  it("needs a limit, and is asked nothing without one", () => {
    expect(percentOfLimit(50).needs).toEqual(["limit"]);
    expect(() => levelsOf(percentOfLimit(50), everywhere, anyone)).toThrow(
      expect.objectContaining({ code: "policy_failed", message: expect.stringContaining("needs a limit") }),
    );
  });

  it("has a key of its percentages in their order", () => {
    expect(percentOfLimit(100, 50).key).toBe("percentOfLimit(50,100)");
    expect(percentOfLimit({ percent: 80, severity: "warning", code: "x", rearmAt: 70 }, 12.5).key).toBe(
      'percentOfLimit(12.5,{"percent":80,"rearmAt":70,"code":"x","severity":"warning"})',
    );
  });

  it.each([
    [[], "percentOfLimit"],
    [[0], "percentOfLimit[0]"],
    [[-5], "percentOfLimit[0]"],
    [[50, 12.34567], "percentOfLimit[1]"],
    [[1_000_001], "percentOfLimit[0]"],
    [[Number.NaN], "percentOfLimit[0]"],
    [["50%"], "percentOfLimit[0]"],
    [[50, 50], "percentOfLimit[1]"],
    [[{ percent: 0 }], "percentOfLimit[0].percent"],
    [[{ at: 50 }], "percentOfLimit[0].percent"],
    [[100, { percent: 50, rearmAt: 50 }], "percentOfLimit[1].rearmAt"],
    [[{ percent: 50, rearmAt: -1 }], "percentOfLimit[0].rearmAt"],
    [[{ percent: 50, rearmAt: { below: 5 } }], "percentOfLimit[0].rearmAt"],
    [[{ percent: 50, code: 5 }], "percentOfLimit[0].code"],
    [[{ percent: 50, severity: "bad" }], "percentOfLimit[0].severity"],
  ] as readonly (readonly [PercentSpec[], string])[])("refuses %j for the sake of %s", (specs, path) => {
    const refusal = expect.objectContaining({ code: "invalid_milestone", path, expected: expect.any(String) });
    expect(() => percentOfLimit(...specs)).toThrow(refusal);
  });
});
