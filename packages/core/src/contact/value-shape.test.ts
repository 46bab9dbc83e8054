import { expect, it } from "vitest";
import { valueShape } from "./value-shape.js";

it("shows what a value looks like and nothing of what it says", () => {
  expect(valueShape("+7 (916) 123-45-67")).toBe("+9 (999) 999-99-99");
  expect(valueShape("Ольга <olga@acme.example>")).toBe("aaaaa <aaaa@aaaa.aaaaaaa>");
  expect(valueShape("e\u0301\u0660\t\u{1f389}")).toBe("a9 \u{1f389}");
  expect(valueShape("x".repeat(10_000_000))).toBe(`${"a".repeat(40)}… (10000000 characters)`);
  expect([undefined, null, 5, [1], {}].map(valueShape)).toEqual(["nothing", "null", "a number", "a list", "an object"]);
});
