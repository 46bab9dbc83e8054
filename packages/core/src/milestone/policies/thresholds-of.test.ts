import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { levelsOf } from "../levels.js";
import { anyone } from "./count-through.js";
import type { LevelSpec } from "./level-spec.js";
import { thresholds } from "./thresholds.js";
import { type ThresholdsOfOptions, thresholdsOf } from "./thresholds-of.js";

const everywhere = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
const rising = (at: number, more = {}) => ({ threshold: String(at), at, direction: "rising", ...more });

describe("thresholdsOf", () => {
  const policy = thresholdsOf({ default: [100, 200] });
  it.each([
    [undefined, [rising(100), rising(200)]],
    [[50], [rising(50)]],
    [
      [{ at: 50, rearmAt: 40 }, 60],
      [rising(50, { rearmAt: 40 }), rising(60)],
    ],
    [[], []],
  ] as const)("with %j stored, has the levels %j", (stored, levels) => {
    const context = stored === undefined ? anyone : { ...anyone, thresholds: stored };
    expect(policy.levels(everywhere, context)).toEqual(levels);
  });

  it("has no levels where none are stored and none are usual", () => {
    expect(thresholdsOf().levels(everywhere, anyone)).toEqual([]);
  });

  it("says that it needs what is stored, and has a key of what is usual", () => {
    expect(policy).toMatchObject({ key: "thresholdsOf(100,200)", needs: ["thresholds"] });
    expect(thresholdsOf().key).toBe("thresholdsOf()");
    expect(thresholdsOf({ default: [{ at: 9, rearmAt: { below: 2 } }, 3] }).key).toBe(
      'thresholdsOf(3,{"at":9,"rearmAt":7})',
    );
  });

  it("answers any range as thresholds() with the stored levels does", () => {
    const stored = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(stored, fc.integer({ min: -60, max: 60 }), fc.nat(60), (list, from, width) => {
        const range = { from, to: from + width };
        expect(policy.levels(range, { ...anyone, thresholds: list })).toEqual(
          thresholds(...list).levels(range, anyone),
        );
      }),
    );
  });

  it("fails as a policy on stored levels that it cannot use, with the path to them", () => {
    const stored = [1, { at: 5, rearmAt: 6 }] as LevelSpec[];
    expect(() => levelsOf(policy, everywhere, { ...anyone, thresholds: stored })).toThrow(
      expect.objectContaining({ code: "policy_failed", message: expect.stringContaining("thresholds[1].rearmAt") }),
    );
  });

  it.each([
    [{ defaults: [] }, "thresholdsOf.defaults"],
    [{ default: 5 }, "thresholdsOf.default"],
    [{ default: [1, 1] }, "thresholdsOf.default[1]"],
    [{ default: [{ at: 1.5 }] }, "thresholdsOf.default[0].at"],
  ] as readonly (readonly [ThresholdsOfOptions, string])[])("refuses %j for the sake of %s", (options, path) => {
    const refusal = expect.objectContaining({ code: "invalid_milestone", path, expected: expect.any(String) });
    expect(() => thresholdsOf(options)).toThrow(refusal);
  });
});
