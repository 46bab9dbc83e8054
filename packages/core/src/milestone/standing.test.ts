import fc from "fast-check";
import { expect, test } from "vitest";
import { type Arming, freshArming, step } from "./arming.js";
import { every } from "./policies/every.js";
import { fallingBelow } from "./policies/falling-below.js";
import { thresholds } from "./policies/thresholds.js";
import { armingAt, isReached, nextLevel } from "./standing.js";

const context = { tenant: "t", subject: "s", period: "lifetime" };

/** Where a counter stands that took these values one after another. */
function after(policy: ReturnType<typeof thresholds>, ...values: readonly number[]) {
  let arming: Arming = freshArming(0);
  let value = 0;
  for (const next of values) {
    ({ arming } = step(policy, context, arming, value, next));
    value = next;
  }
  const seen = armingAt(value, arming);
  return { next: nextLevel(policy, context, seen, value)?.threshold, reached: isReached(policy, context, seen) };
}

test.each([
  { values: [], next: "100", reached: false },
  { values: [99], next: "100", reached: false },
  { values: [100], next: "200", reached: true },
  { values: [100, 91], next: "200", reached: true }, // comes down, and is not armed again
  { values: [100, 90], next: "100", reached: false },
  { values: [200, 90], next: "100", reached: true }, // 200 never arms again
  { values: [100, 90, 100], next: "200", reached: true },
  { values: [250], next: undefined, reached: true },
  { values: [-5], next: "100", reached: false },
])("a counter that took $values has $next ahead", ({ values, ...found }) => {
  expect(after(thresholds({ at: 100, rearmAt: 90 }, 200), ...values)).toEqual(found);
});

test("levels at or below 0, where counters start, are neither ahead nor reached", () => {
  const policy = thresholds(-10, 5);
  expect(after(policy, -20)).toEqual({ next: "5", reached: false });
});

test("a falling level is never ahead, and is reached until it is armed again", () => {
  const policy = fallingBelow({ at: 10, rearmAt: 20 });
  expect(after(policy, 30)).toEqual({ next: undefined, reached: false });
  expect(after(policy, 30, 9)).toEqual({ next: undefined, reached: true });
  expect(after(policy, 30, 9, 20)).toEqual({ next: undefined, reached: false });
});

test("what a counter rose to since its evaluation counts as passed", () => {
  const seen = armingAt(150, { high: 20 });
  expect(nextLevel(thresholds(50, 100, 200), context, seen, 150)?.threshold).toBe("200");
  expect(isReached(thresholds(50, 200), context, seen)).toBe(true);
});

test("a level at every value is no reason to go through all of them", () => {
  const policy = every(1);
  const seen = armingAt(9_000_000_000, undefined);
  expect(nextLevel(policy, context, seen, 9_000_000_000)?.at).toBe(9_000_000_001);
  expect(isReached(policy, context, seen)).toBe(true);
});

test("the next level is the one that the next large enough event would pass first", () => {
  const value = fc.integer({ min: -50, max: 350 });
  const policy = thresholds({ at: 100, rearmAt: 90 }, { at: 150, rearmAt: 20 }, 200, 300);
  fc.assert(
    fc.property(fc.array(value, { maxLength: 8 }), (values) => {
      let arming: Arming = freshArming(0);
      let last = 0;
      for (const next of values) {
        ({ arming } = step(policy, context, arming, last, next));
        last = next;
      }
      const [first] = step(policy, context, arming, last, 1_000).passed;
      expect(nextLevel(policy, context, armingAt(last, arming), last)?.threshold).toBe(first?.level.threshold);
    }),
  );
});
