import fc from "fast-check";
import { expect, test } from "vitest";
import { projection } from "./pace.js";

const forever = { end: Number.POSITIVE_INFINITY };
const begin = { value: 0, at: 0 };

test.each([
  // now, the next level; the value at 1,000, when the level is reached
  [{ value: 50, at: 500 }, { at: 75 }, 100, 750],
  [{ value: 50, at: 500 }, { at: 99 }, 100, 990],
  [{ value: 50, at: 500 }, { at: 100 }, 100, null], // the first millisecond after it
  [{ value: 50, at: 500 }, { at: 101 }, 100, null],
  [{ value: 50, at: 500 }, null, 100, null],
  [{ value: 0, at: 500 }, { at: 1 }, 0, null],
  [{ value: -50, at: 500 }, { at: 1 }, -100, null],
  [{ value: 1, at: 3 }, { at: 2 }, 333, 6],
  [{ value: 1, at: 0 }, { at: 2 }, null, null], // no time has passed
  [{ value: 7, at: 1_000 }, { at: 8 }, 7, null], // over
  [{ value: 7, at: 5_000 }, { at: 8 }, 7, null],
])("%o comes to %o in a span of 1,000 at this pace", (now, next, value, reached) => {
  const nextReachedAt = reached === null ? null : new Date(reached);
  expect(projection(begin, now, { end: 1_000 }, next)).toEqual({ value, nextReachedAt });
});

test("a span without an end has no value there, and its next level a time", () => {
  const found = projection({ value: 100, at: 1_000 }, { value: 300, at: 2_000 }, forever, { at: 500 });
  expect(found).toEqual({ value: null, nextReachedAt: new Date(3_000) });
});

test("without a beginning there is no pace, and before it none either", () => {
  const none = { value: null, nextReachedAt: null };
  expect(projection(undefined, { value: 3, at: 5 }, forever, { at: 4 })).toEqual(none);
  expect(projection({ value: 0, at: 9 }, { value: 3, at: 5 }, { end: 10 }, { at: 4 })).toEqual(none);
});

test("what no counter and no Date can hold is null", () => {
  const max = Number.MAX_SAFE_INTEGER;
  expect(projection(begin, { value: max, at: 1 }, { end: 2 }, null).value).toBeNull();
  expect(projection(begin, { value: 1, at: 1_000 }, forever, { at: max }).nextReachedAt).toBeNull();
});

test("a level that is said to be reached at a moment is at or below the line then, and above it before", () => {
  const small = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(
    fc.property(small, small, small, (value, at, ahead) => {
      const level = value + ahead;
      const reached = projection(begin, { value, at }, forever, { at: level }).nextReachedAt!.getTime();
      // the line in integers: value * time, against level * at
      expect(BigInt(value) * BigInt(reached)).toBeGreaterThanOrEqual(BigInt(level) * BigInt(at) - BigInt(value));
      expect(BigInt(value) * BigInt(reached - 1)).toBeLessThan(BigInt(level) * BigInt(at) + BigInt(value));
    }),
  );
});
