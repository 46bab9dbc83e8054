import { expect, it } from "vitest";
import { describeError, MilepostError, oneLine } from "./errors.js";

it("describes anything that can be thrown, on one well-formed line, without throwing itself", () => {
  const odd = new Error("x");
  Object.defineProperty(odd, "message", { value: Symbol("s") });
  expect(describeError(new Error("a\r\nb\0c"))).toBe("a b c");
  expect(describeError(new TypeError(""))).toBe("TypeError");
  expect(describeError("text")).toBe("text");
  expect(describeError(undefined)).toBe("undefined");
  expect(describeError(Object.create(null))).toBe("something that cannot be described was thrown");
  expect(describeError(odd)).toBe("Symbol(s)");
});

it("cuts a text at 500 characters without leaving half of one", () => {
  const cut = oneLine(`${"x".repeat(499)}😀 tail`);
  expect(cut).toHaveLength(500);
  expect(cut.isWellFormed()).toBe(true);
});

it("is recognised across copies of the library by its brand", () => {
  const foreign = { [Symbol.for("milepost.error")]: true, code: "closed" };
  expect(MilepostError.is(new MilepostError("closed", "x"))).toBe(true);
  expect(MilepostError.is(foreign)).toBe(true);
  expect(MilepostError.is(new Error("closed"))).toBe(false);
});
