import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyone, countThrough } from "./count-through.js";
import { type FallingSpec, fallingBelow } from "./falling-below.js";

describe("fallingBelow", () => {
  const rearming = (rearmAt: number) => fallingBelow({ at: 100, rearmAt });
  it.each([
    [fallingBelow(100), [150, 100], []],
    [fallingBelow(100), [100, 99], ["100"]],
    [fallingBelow(100, 50), [150, 20], ["100", "50"]],
    [fallingBelow(100), [0, 50, 20], []],
    [fallingBelow(100), [150, 90, 150, 90], ["100"]],
    [rearming(120), [150, 90, 119, 90], ["100"]],
    [rearming(120), [150, 90, 120, 90], ["100", "100"]],
    [rearming(100), [150, 90, 100, 90], ["100", "100"]],
  ] as const)("%j: on %j it passes %j", (policy, way, passed) => {
    expect(countThrough(policy, way)).toEqual(passed);
  });

  it("lies one below the value it is named after", () => {
    expect(fallingBelow({ at: 0, code: "debt", severity: "critical" }).levels({ from: 0, to: 0 }, anyone)).toEqual([
      { threshold: "0", at: -1, direction: "falling", code: "debt", severity: "critical" },
    ]);
  });

  it.each([
    [100, 110, 110],
    [100, { above: 5 }, 105],
    [100, { percent: 120 }, 120],
    [99, { percent: 120 }, 119],
    [1, { percent: 100.0001 }, 2],
    [-100, { above: 1 }, -99],
  ] as const)("lets the level %j with rearmAt %j arm again at %j", (at, rearmAt, place) => {
    expect(fallingBelow({ at, rearmAt }).levels({ from: at, to: at }, anyone)).toMatchObject([{ rearmAt: place }]);
  });

  it("passes a level on each step from it, or above it, to below it, if it arms again there", () => {
    const values = fc.array(fc.integer({ min: -15, max: 15 }), { minLength: 2, maxLength: 40 });
    const levels = fc.uniqueArray(fc.integer({ min: -10, max: 10 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(levels, values, (list, way) => {
        const crossed = way.slice(1).flatMap((next, i) => {
          const fallen = list.filter((level) => way[i]! >= level && next < level);
          return fallen.sort((a, b) => b - a).map(String);
        });
        const policy = fallingBelow(...list.map((at) => ({ at, rearmAt: at })));
        expect(countThrough(policy, way)).toEqual(crossed);
        const firsts = crossed.filter((threshold, i) => crossed.indexOf(threshold) === i);
        expect(countThrough(fallingBelow(...list), way)).toEqual(firsts);
      }),
      { numRuns: 500 },
    );
  });

  it("has a key of the values it is named after, in their order", () => {
    expect(fallingBelow(100, 50).key).toBe("fallingBelow(50,100)");
    expect(fallingBelow({ at: 100, rearmAt: { percent: 120 }, code: "x" }).key).toBe(
      'fallingBelow({"at":100,"rearmAt":120,"code":"x"})',
    );
  });

  it.each([
    [[], "fallingBelow"],
    [[1.5], "fallingBelow[0]"],
    [[5, 5], "fallingBelow[1]"],
    [[Number.MIN_SAFE_INTEGER], "fallingBelow[0]"],
    [[{ at: Number.MIN_SAFE_INTEGER }], "fallingBelow[0].at"],
    [[{ rearmAt: 5 }], "fallingBelow[0].at"],
    [[{ at: 5, rearmAt: 4 }], "fallingBelow[0].rearmAt"],
    [[{ at: 5, rearmAt: { below: 4 } }], "fallingBelow[0].rearmAt"],
    [[{ at: 5, rearmAt: { above: 0 } }], "fallingBelow[0].rearmAt"],
    [[{ at: 5, rearmAt: { percent: 100 } }], "fallingBelow[0].rearmAt"],
    [[{ at: 5, rearmAt: { above: Number.MAX_SAFE_INTEGER } }], "fallingBelow[0].rearmAt"],
    [[1, { at: 0, rearmAt: { percent: 120 } }], "fallingBelow[1].rearmAt"],
    [[{ at: 5, code: 1 }], "fallingBelow[0].code"],
  ] as readonly (readonly [FallingSpec[], string])[])("refuses %j for the sake of %s", (specs, path) => {
    const refusal = expect.objectContaining({ code: "invalid_milestone", path, expected: expect.any(String) });
    expect(() => fallingBelow(...specs)).toThrow(refusal);
  });
});
