import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainJson } from "./json.js";

const copy = (value: unknown, limits = {}) => plainJson(value, "data", "invalid_data", limits);
const refused = (value: unknown, path: string, limits = {}) =>
  expect(() => copy(value, limits)).toThrow(expect.objectContaining({ code: "invalid_data", path }));

describe("plainJson", () => {
  it("keeps every JSON value as JSON.stringify and parse would", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        fc.pre(!JSON.stringify(value).includes("__proto__") && !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value)));
        expect(copy(value, { maxBytes: 1e7, maxDepth: 1e3 })).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("copies, so that a later change of the host's object does not reach the snapshot", () => {
    const data = { list: [1] };
    const kept = copy(data);
    data.list.push(2);
    expect(kept).toEqual({ list: [1] });
  });

  it("writes dates as ISO text and leaves undefined members out", () => {
    expect(copy({ at: new Date(0), none: undefined })).toEqual({ at: "1970-01-01T00:00:00.000Z" });
  });

  it("names the place of what it refuses", () => {
    refused({ a: [1, { b: () => 1 }] }, "data.a[1].b");
    refused({ a: Number.NaN }, "data.a");
    refused({ a: 1n }, "data.a");
    refused({ a: new Map() }, "data.a");
    refused({ a: new Date("never") }, "data.a");
    refused({ a: "\ud800" }, "data.a");
    refused({ a: "\0" }, "data.a");
    refused(JSON.parse('{"a":{"__proto__":{}}}'), "data.a.__proto__");
  });

  it("is bounded in size and depth, also for a value that contains itself", () => {
    refused({ big: "x".repeat(10_000_000) }, "data.big");
    refused({ a: "x".repeat(40_000), b: "x".repeat(40_000) }, "data.b");
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => copy(cycle)).toThrow(expect.objectContaining({ code: "invalid_data" }));
    refused([[[1]]], "data[0][0][0]", { maxDepth: 2 });
    refused(
      Array.from({ length: 100_000 }, () => true),
      "data[13106]",
    );
  });
});
