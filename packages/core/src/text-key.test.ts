import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareKeys, keyProblem } from "./text-key.js";

describe("keyProblem", () => {
  it("accepts 1 to 200 bytes of UTF-8 and nothing else", () => {
    for (const good of ["a", "x".repeat(200), "é".repeat(100), "🦊".repeat(50), " ", '"; drop table']) {
      expect(keyProblem(good)).toBeUndefined();
    }
    for (const bad of ["", "x".repeat(201), "é".repeat(101), "🦊".repeat(51), "a\0b", "\ud83e", "\udd8a\ud83e"]) {
      expect(keyProblem(bad)).toBeTypeOf("string");
    }
  });
});

describe("compareKeys", () => {
  it('orders text by its UTF-8 bytes, as COLLATE "C" and SQLite do', () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        fc.pre(a.isWellFormed() && b.isWellFormed());
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
    expect(compareKeys("\uffff", "🦊")).toBeLessThan(0);
  });
});
