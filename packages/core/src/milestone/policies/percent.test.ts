import fc from "fast-check";
import { expect, test } from "vitest";
import { percentText } from "./percent.js";

test.each([
  [68_591, 65_000, "105.52"],
  [0, 65_000, "0.00"],
  [1, 3, "33.33"],
  [2, 3, "66.66"],
  [99_999, 100_000, "99.99"], // 99.999: the whole is not reached
  [100_000, 100_000, "100.00"],
  [5, 100_000, "0.00"],
  [-1, 3, "-33.34"],
  [-1, 100_000, "-0.01"],
  [Number.MAX_SAFE_INTEGER, 1, "900719925474099100.00"],
])("%i of %i is %s percent", (value, amount, text) => {
  expect(percentText(value, amount)).toBe(text);
});

test("the text is the largest hundredth of a percent that is not more than the part", () => {
  const part = fc.maxSafeInteger();
  const whole = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(part, whole, (value, amount) => {
      const hundredths = BigInt(percentText(value, amount).replace(".", ""));
      expect(hundredths * BigInt(amount) <= BigInt(value) * 10_000n).toBe(true);
      expect((hundredths + 1n) * BigInt(amount) > BigInt(value) * 10_000n).toBe(true);
    }),
  );
});
