import fc from "fast-check";
import { expect, test } from "vitest";
import type { Emit } from "../events.js";
import { ClockWatch, skewOf } from "./clock-skew.js";

test("clocks that agree have no skew, however long the answer took and whenever the database looked at its own", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (before, took, when) => {
      const database = before + Math.floor(took * when);
      expect(skewOf({ before, after: before + took, database })).toBe(0);
    }),
  );
});

test("a skew is never told larger than it is, and smaller by the time of the round trip at most", () => {
  const skew = fc.integer({ min: -10_000_000, max: 10_000_000 });
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(100_000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      skew,
      (start, took, when, true_) => {
        const database = start + Math.floor(took * when);
        const before = start + true_;
        const told = skewOf({ before, after: before + took, database });
        expect(Math.abs(told)).toBeLessThanOrEqual(Math.abs(true_));
        expect(Math.abs(true_ - told)).toBeLessThanOrEqual(took);
      },
    ),
  );
});

test("more than 5 seconds are told, once a minute", () => {
  const told: number[] = [];
  let now = 0;
  const emit = ((_: string, { milliseconds }: { milliseconds: number }) => told.push(milliseconds)) as unknown as Emit;
  const watch = new ClockWatch(emit, () => now);
  watch.look(5_000);
  watch.look(-5_000);
  expect(told).toEqual([]);
  watch.look(5_001);
  now = 59_999;
  watch.look(9_000);
  now = 60_000;
  watch.look(-5_001);
  expect(told).toEqual([5_001, -5_001]);
});
