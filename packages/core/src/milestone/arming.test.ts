import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Arming, freshArming, quietBand, step } from "./arming.js";
import { SlowModel } from "./check/slow-model.js";
import { every } from "./policies/every.js";
import { fallingBelow } from "./policies/falling-below.js";
import { percentOfLimit } from "./policies/percent-of-limit.js";
import { powersOf } from "./policies/powers-of.js";
import { thresholds } from "./policies/thresholds.js";
import { withNearest } from "./policies/with-nearest.js";
import type { Level, MilestonePolicy } from "./policy.js";

const context = { tenant: "default", subject: "acme", period: "lifetime", limit: 17 };

/** A host's policy over any levels, as narrow as its contract allows. */
function policyOf(levels: readonly Level[]): MilestonePolicy {
  const sorted = [...levels].sort((a, b) => a.at - b.at);
  return { key: "test", levels: ({ from, to }) => withNearest(sorted, from, to) };
}

const level = fc
  .record({
    at: fc.integer({ min: -20, max: 20 }),
    rising: fc.boolean(),
    gap: fc.option(fc.integer({ min: 1, max: 15 }), { nil: undefined }),
  })
  .map(
    ({ at, rising, gap }): Omit<Level, "threshold"> => ({
      at,
      direction: rising ? "rising" : "falling",
      ...(gap !== undefined && { rearmAt: rising ? at - gap : at + gap }),
    }),
  );
const levels = fc
  .array(level, { minLength: 1, maxLength: 6 })
  .map((list) => list.map((one, i): Level => ({ ...one, threshold: `L${i}` })));
const gap = fc.integer({ min: 1, max: 15 });
const grammar = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 9 }), gap).map(([n, below]) => every(n, { from: -n, rearmAt: { below } })),
  gap.map((below) => powersOf(2, { rearmAt: { below } })),
  fc.tuple(gap, fc.nat(80)).map(([more, rearmAt]) => percentOfLimit({ percent: rearmAt + more, rearmAt }, 100)),
  fc.tuple(fc.integer({ min: -9, max: 9 }), gap).map(([at, above]) => fallingBelow({ at, rearmAt: { above } }, at - 4)),
  gap.map((below) => thresholds(-3, { at: 4, rearmAt: { below } }, { at: 9, rearmAt: 3 })),
);
/** Any levels behind a host's policy, and the built-in ones with all of their levels that a counter here comes to. */
const policies = fc.oneof(
  levels.map((list) => ({ policy: policyOf(list), list })),
  grammar.map((policy) => ({ policy, list: policy.levels({ from: -2_000, to: 2_000 }, context) })),
);
const moves = fc.array(fc.integer({ min: -25, max: 25 }), { maxLength: 60 });

describe("step", () => {
  it("passes, in any mix of rising, falling and re-arming levels, what the slow model passes", () => {
    fc.assert(
      fc.property(policies, fc.integer({ min: -5, max: 5 }), moves, ({ policy, list }, start, amounts) => {
        const model = new SlowModel(list, start);
        let value = start;
        let arming: Arming = freshArming(start);
        for (const amount of amounts) {
          const next = value + amount;
          const result = step(policy, context, arming, value, next);
          const passed = result.passed.map((p) => ({ threshold: p.level.threshold, arming: p.arming }));
          expect(passed).toEqual(model.step(value, next).passed);
          arming = JSON.parse(JSON.stringify(result.arming)) as Arming; // as a store keeps it
          value = next;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("reaches a level at equality", () => {
    expect(step(thresholds(1_000), context, freshArming(0), 999, 1_000).passed).toHaveLength(1);
  });

  it("passes a level that an amount jumps over", () => {
    expect(step(thresholds(1_000), context, freshArming(0), 999, 1_003).passed).toHaveLength(1);
  });

  it("says nothing of a lower level on the way down, nor of a passed one on the way up again", () => {
    const policy = thresholds(10, 20);
    const up = step(policy, context, freshArming(0), 0, 25);
    const down = step(policy, context, up.arming, 25, 5);
    const again = step(policy, context, down.arming, 5, 25);
    expect([up, down, again].map(({ passed }) => passed.map((p) => p.level.threshold))).toEqual([["10", "20"], [], []]);
  });
});

describe("quietBand", () => {
  it("holds no step that would pass or arm a level", () => {
    fc.assert(
      fc.property(policies, fc.integer({ min: -5, max: 5 }), moves, ({ policy }, start, amounts) => {
        let value = start;
        let arming: Arming = freshArming(start);
        for (const amount of amounts) {
          const band = quietBand(policy, context, arming, value);
          expect(band.below === null || band.below < value).toBe(true);
          expect(band.above === null || band.above > value).toBe(true);
          const next = value + amount;
          const quiet = (band.below === null || next > band.below) && (band.above === null || next < band.above);
          const result = step(policy, context, arming, value, next);
          if (quiet) {
            expect(result.passed).toEqual([]);
            // the highest value may move inside the band; what is armed may not
            const { high: _, ...armed } = result.arming;
            const { high: __, ...before } = arming;
            expect(armed).toEqual(before);
          } else {
            arming = result.arming;
          }
          value = next;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("asks nothing of the levels far away: a hundred thousand thresholds cost as much as two", () => {
    const many = thresholds(...Array.from({ length: 100_000 }, (_, i) => (i + 1) * 10));
    const asked: number[] = [];
    const watched: MilestonePolicy = {
      key: "watched",
      levels: (range, at) => {
        const found = many.levels(range, at);
        asked.push(found.length);
        return found;
      },
    };
    expect(quietBand(watched, context, { high: 500_005 }, 500_005)).toEqual({ below: 500_000, above: 500_010 });
    expect(Math.max(...asked)).toBe(2);
  });
});

describe("a jump over very many levels", () => {
  const jump = (policy: MilestonePolicy, previous: number, next: number, arming = freshArming(previous)) =>
    step(policy, context, arming, previous, next).passed.map(({ level, skipped }) => [level.threshold, skipped]);

  it("names each up to 10,000, then the last alone, with how many it stands for", () => {
    expect(jump(every(1), 0, 10_000)).toHaveLength(10_000);
    expect(jump(every(1), 0, 10_001)).toEqual([["10001", 10_000]]);
    expect(jump(every(7), 3, 1_000_000_000)).toEqual([["999999994", 142_857_141]]);
    expect(jump(every(1), 0, Number.MAX_SAFE_INTEGER)).toEqual([[String(Number.MAX_SAFE_INTEGER), 2 ** 53 - 2]]);
    expect(jump(every(1), 5, 50_000, { high: 20_000 })).toEqual([["50000", 29_999]]);
  });

  it("goes through the levels of a host's policy in parts where it cannot count them", () => {
    const asked: number[] = [];
    const { count: _, ...inner } = every(10);
    const host: MilestonePolicy = {
      ...inner,
      levels(range, about) {
        asked.push(range.to - range.from);
        return inner.levels(range, about);
      },
    };
    expect(jump(host, 0, 3_000_000)).toEqual([["3000000", 299_999]]);
    expect(Math.max(...asked)).toBeLessThan(200_000);
  });

  it("falls over as many to the lowest", () => {
    const { count: _, oneWay: __, ...rising } = every(1, { to: 20_000 });
    const falling: MilestonePolicy = {
      ...rising,
      levels: (range, about) => rising.levels(range, about).map((level) => ({ ...level, direction: "falling" })),
    };
    expect(() => jump(falling, 20_001, 0)).toThrow(/more than 10000 levels of one counter/);
    expect(jump(falling, 9_001, 1)).toHaveLength(9_000);
  });

  it("does not ask again for what a one-way policy has behind it, however far a value falls", () => {
    const asked: { from: number; to: number }[] = [];
    const inner = every(1);
    const policy: MilestonePolicy = {
      ...inner,
      levels(range, about) {
        asked.push(range);
        return inner.levels(range, about);
      },
    };
    const { arming, passed } = step(policy, context, { high: 1_000_000_000 }, 1_000_000_000, 0);
    expect(passed).toEqual([]);
    expect(quietBand(policy, context, arming, 0)).toEqual({ below: null, above: 1_000_000_001 });
    expect(asked).toEqual([
      { from: 1_000_000_001, to: 1_000_000_001 },
      { from: 1_000_000_001, to: 1_000_000_001 },
    ]);
  });

  it("refuses a policy that says it is one-way and is not", () => {
    const liar: MilestonePolicy = { ...every(10, { rearmAt: { below: 1 } }), oneWay: true };
    expect(() => jump(liar, 0, 10)).toThrow(/oneWay, but "10" falls or arms again/);
  });
});
