import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { moneyText, parseMoney, percentText } from "./money.js";

describe("money", () => {
  test("is read and printed exactly", () => {
    expect(parseMoney("685.91")).toBe(68_591);
    expect(parseMoney("0.29")).toBe(29);
    expect(parseMoney("7")).toBe(700);
    expect(parseMoney("7.5")).toBe(750);
    fc.assert(fc.property(fc.nat(10 ** 9), (cents) => parseMoney(moneyText(cents)) === cents));
    expect(moneyText(999_999_999_999_999)).toBe("9999999999999.99");
  });

  test.each(["", "1,5", "1.234", "-1", "1e3", ".5", "1.", "12345678901234", " 1"])("is not %j", (text) => {
    expect(parseMoney(text)).toBeUndefined();
  });

  test("has percentages with two decimals, rounded half up", () => {
    expect(percentText(68_591, 65_000)).toBe("105.52");
    expect(percentText(1, 8_000)).toBe("0.01");
    expect(percentText(1, 20_000)).toBe("0.01");
    expect(percentText(1, 20_001)).toBe("0.00");
    expect(percentText(0, 5)).toBe("0.00");
    expect(percentText(3, 1)).toBe("300.00");
    // 1.005% is less than that as a double, and would be rounded down
    expect(percentText(201, 20_000)).toBe("1.01");
  });
});
