import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyone, countThrough, inRangeAndNearest } from "./count-through.js";
import type { LevelSpec, RearmAt } from "./level-spec.js";
import { thresholds } from "./thresholds.js";

const levelsOf = (...specs: LevelSpec[]) => thresholds(...specs).levels({ from: -10_000, to: 10_000 }, anyone);

describe("thresholds", () => {
  const rearming = thresholds({ at: 1_000, rearmAt: 900 });
  it.each([
    [thresholds(1, 1_000), [0, 1], ["1"]],
    [thresholds(1, 1_000), [0, 5], ["1"]],
    [thresholds(1, 1_000), [999, 1_003], ["1000"]],
    [thresholds(1, 1_000), [0, 2_000], ["1", "1000"]],
    [thresholds(1, 1_000), [999, 1_000, 900, 1_100], ["1000"]],
    [rearming, [999, 1_000, 900, 1_100], ["1000", "1000"]],
    [rearming, [999, 1_000, 901, 1_100], ["1000"]],
  ] as const)("%j: on %j it passes %j", (policy, way, passed) => {
    expect(countThrough(policy, way)).toEqual(passed);
  });

  it.each([
    [1_000, 900, 900],
    [1_000, -5, -5],
    [1_000, { below: 50 }, 950],
    [1_000, { percent: 80 }, 800],
    [1_000, { percent: 0 }, 0],
    [-1_000, { below: 50 }, -1_050],
    [999, { percent: 80 }, 799],
    [1, { percent: 99.9999 }, 0],
    [Number.MAX_SAFE_INTEGER, { percent: 99.9999 }, 9_007_190_247_541_736],
  ] as const)("lets a level at %j with rearmAt %j arm again at %j", (at, rearmAt, place) => {
    expect(thresholds({ at, rearmAt }).levels({ from: at, to: at }, anyone)).toMatchObject([{ at, rearmAt: place }]);
  });

  it("gives each level what was said of it, and no more", () => {
    expect(levelsOf({ at: 5, code: "half", severity: "warning" }, { at: 9 }, 7)).toEqual([
      { threshold: "5", at: 5, direction: "rising", code: "half", severity: "warning" },
      { threshold: "7", at: 7, direction: "rising" },
      { threshold: "9", at: 9, direction: "rising" },
    ]);
  });

  it("has the key of all that is stored with a crossing or moves one, and the same one for the same levels", () => {
    expect(thresholds(1_000, 1, -3).key).toBe("thresholds(-3,1,1000)");
    expect(thresholds({ at: 1 }, { at: 5, code: "half", severity: "info", rearmAt: { below: 1 } }).key).toBe(
      'thresholds(1,{"at":5,"rearmAt":4,"code":"half","severity":"info"})',
    );
    const said: LevelSpec[] = [5, { at: 5, code: "x" }, { at: 5, severity: "info" }, { at: 5, rearmAt: 4 }];
    expect(new Set(said.map((spec) => thresholds(spec).key)).size).toBe(said.length);
    expect(thresholds({ at: 10, rearmAt: { percent: 50 } }).key).toBe(thresholds({ at: 10, rearmAt: 5 }).key);
  });

  it.each([
    [[], "thresholds"],
    [[1.5], "thresholds[0]"],
    [[Number.NaN], "thresholds[0]"],
    [[2 ** 53], "thresholds[0]"],
    [["1"], "thresholds[0]"],
    [[null], "thresholds[0]"],
    [[1, 2, 1], "thresholds[2]"],
    [[1, { at: 1, code: "x" }], "thresholds[1]"],
    [[{}], "thresholds[0].at"],
    [[1, { at: "5" }], "thresholds[1].at"],
    [[{ at: 5, rearm: 3 }], "thresholds[0].rearm"],
    [[{ at: 5, code: "" }], "thresholds[0].code"],
    [[{ at: 5, severity: "fatal" }], "thresholds[0].severity"],
    [[{ at: -5, rearmAt: { below: Number.MAX_SAFE_INTEGER } }], "thresholds[0].rearmAt"],
    [[{ at: 0, rearmAt: { percent: 50 } }], "thresholds[0].rearmAt"],
  ] as readonly (readonly [LevelSpec[], string])[])("refuses %j for the sake of %s", (specs, path) => {
    const refusal = expect.objectContaining({ code: "invalid_milestone", path, expected: expect.any(String) });
    expect(() => thresholds(...specs)).toThrow(refusal);
  });

  it.each([
    5,
    6,
    1.5,
    "4",
    null,
    {},
    { below: 0 },
    { below: 1.5 },
    { below: 1, percent: 1 },
    { above: 1 },
    { percent: 100 },
    { percent: -1 },
    { percent: 0.00001 },
  ])("refuses rearmAt %j for a level at 5", (rearmAt) => {
    const specs = [1, { at: 5, rearmAt }] as LevelSpec[];
    const refusal = expect.objectContaining({ code: "invalid_milestone", path: "thresholds[1].rearmAt" });
    expect(() => thresholds(...specs)).toThrow(refusal);
  });

  it("keeps its levels, whatever becomes of what it was given", () => {
    const rearmAt = { below: 5 };
    const spec = { at: 10, rearmAt };
    const policy = thresholds(spec);
    Object.assign(spec, { at: 11 });
    Object.assign(rearmAt, { below: 6 });
    expect(policy.levels({ from: 0, to: 20 }, anyone)).toMatchObject([{ at: 10, rearmAt: 5 }]);
  });

  it("answers any range with the levels in it and the nearest beyond either end", () => {
    const rearm = fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined });
    const spec = fc.record({ at: fc.integer({ min: -100, max: 100 }), below: rearm });
    const specs = fc.uniqueArray(spec, { minLength: 1, maxLength: 20, selector: ({ at }) => at });
    fc.assert(
      fc.property(specs, fc.integer({ min: -120, max: 120 }), fc.nat(100), (list, from, width) => {
        const all = list.map(({ at, below }) => {
          const rearmAt = below === undefined ? {} : { rearmAt: at - below };
          return { threshold: String(at), at, direction: "rising" as const, ...rearmAt };
        });
        const given = list.map(({ at, below }) => (below === undefined ? at : { at, rearmAt: { below } as RearmAt }));
        const answer = thresholds(...given).levels({ from, to: from + width }, anyone);
        expect(answer).toEqual(inRangeAndNearest(all, from, from + width));
      }),
    );
  });
});
