import { describe, expect, it } from "vitest";
import type { JsonObject } from "../json.js";
import { parseNodes } from "./template-node.js";
import { type TagType, tagProblems, undeclaredTag } from "./template-tag.js";

const problems = (path: string, type: TagType, required: boolean, data: JsonObject) =>
  tagProblems([{ path, type, required }], data).map(({ problem }) => problem);

describe("what data lacks for its tags", () => {
  it("is a required value, in any item of a list", () => {
    const lacks = (data: JsonObject) => problems("invoices.total", "number", true, data);
    expect(lacks({ invoices: [{ total: 1 }, { total: 0 }] })).toEqual([]);
    expect(lacks({ invoices: [{ total: 1 }, {}] })).toEqual(["missing"]);
    expect(lacks({ invoices: [{ total: 1 }, { total: null }] })).toEqual(["missing"]);
    expect(lacks({ invoices: [{ total: 1 }, 7] })).toEqual(["missing"]);
    expect(lacks({ invoices: [] })).toEqual(["missing"]);
    expect(lacks({})).toEqual(["missing"]);
    expect(lacks({ total: 1 })).toEqual(["missing"]);
    expect(lacks({ invoices: { total: 1 } })).toEqual([]);
    expect(lacks({ invoices: [[{ total: 1 }], [{}]] })).toEqual(["missing"]);
  });

  it("is a value of another type, wherever it stands; an optional one may be absent", () => {
    expect(problems("a.b", "number", false, {})).toEqual([]);
    expect(problems("a.b", "number", false, { a: { b: null } })).toEqual([]);
    expect(problems("a.b", "number", false, { a: [{ b: 1 }, { b: "1" }] })).toEqual(["wrong"]);
    expect(problems("x", "text", true, { x: "" })).toEqual([]);
    for (const x of ["a", 1, true, false]) expect(problems("x", "text", true, { x })).toEqual([]);
    for (const x of [{}, [{}], [["a", {}]]]) expect(problems("x", "text", true, { x })).toEqual(["wrong"]);
    expect(problems("x", "text", true, { x: ["a", "b"] })).toEqual([]);
    expect(problems("x", "html", true, { x: 1 })).toEqual(["wrong"]);
  });

  it("is nothing of a prototype", () => {
    for (const path of ["constructor", "toString", "x.constructor", "list.map", "__proto__"]) {
      expect(problems(path, "text", true, { x: {}, list: [] })).toEqual(["missing"]);
    }
    expect(problems("list.length", "number", true, { list: [1, 2] })).toEqual([]);
  });
});

describe("a tag that is not declared", () => {
  const tags = ["customer.name", "invoices.number", "invoices.lines.text", "total", "note"].map(
    (path) => ({ path, type: "text" }) as const,
  );
  const first = (source: string) => undeclaredTag(parseNodes(source, "text"), tags);
  it.each([
    "{{customer.name}} {{total}}",
    "{{#customer}}{{name}} {{total}} {{customer.name}}{{/customer}}",
    "{{#invoices}}{{number}} {{invoices.number}} {{#lines}}{{text}} {{number}} {{customer.name}}{{/lines}}{{/invoices}}",
    "{{#invoices.lines}}{{text}}{{/invoices.lines}}",
    "{{#note}}{{.}}{{/note}}{{^note}}{{total}}{{/note}}{{^invoices}}none{{/invoices}}",
  ])("is none in %s", (source) => expect(first(source)).toBeUndefined());

  it.each([
    ["{{name}}", "name"],
    ["{{customer}}", "customer"],
    ["{{customer.name.first}}", "customer.name.first"],
    ["{{.}}", "."],
    ["{{#invoices}}{{.}}{{/invoices}}", "."],
    ["{{#invoices}}{{text}}{{/invoices}}", "text"],
    ["{{^invoices}}{{number}}{{/invoices}}", "number"],
    ["{{#other}}{{total}}{{/other}}", "other"],
    ["{{#note}}{{#name}}x{{/name}}{{/note}}", "name"],
    ["{{constructor}}", "constructor"],
  ])("is found in %s", (source, tag) => expect(first(source)).toBe(tag));
});
