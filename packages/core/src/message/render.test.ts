import { expect, it } from "vitest";
import { payloadHash, renderMessage, TemplateCache } from "./render.js";
import { compileTemplate } from "./template.js";

it("keeps the templates met last, and no more of them than its capacity", () => {
  const cache = new TemplateCache(2);
  const a = cache.get("a", { text: "a" });
  cache.get("b", { text: "b" });
  expect(cache.get("a", { text: "a" })).toBe(a);
  cache.get("c", { text: "c" });
  expect(cache.get("a", { text: "a" })).toBe(a);
  expect(cache.get("b", { text: "changed" }).template).toEqual({ text: "changed" });
});

it("gives the same bytes and hash for the same template and data, and another hash for any other", () => {
  const compiled = compileTemplate({ subject: "{{a}}", text: "{{b}}" }, "message");
  const to = { address: "olga@acme.example" };
  const message = renderMessage(compiled, { a: "1", b: "2" }, to);
  expect(payloadHash(renderMessage(compiled, { b: "2", a: "1" }, to))).toBe(payloadHash(message));
  const others = [
    renderMessage(compiled, { a: "12", b: "" }, to),
    renderMessage(compiled, { a: "1", b: "2" }, { address: "max@acme.example" }),
    { ...message, html: "2" },
  ];
  expect(new Set([message, ...others].map(payloadHash)).size).toBe(4);
});
