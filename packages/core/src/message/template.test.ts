import { describe, expect, it } from "vitest";
import type { JsonObject } from "../json.js";
import { compileTemplate, missingTags } from "./template.js";

const compile = (template: object) => compileTemplate(template, "message");
const text = (source: string, data: JsonObject) => compile({ text: source }).render(data).text;

describe("compileTemplate", () => {
  it("escapes each part in its own way", () => {
    const template = compile({ subject: "{{x}}", text: "{{x}}", html: '<a title="{{x}}">' });
    const x = "a<b>&\"'`=/\r\nBcc: all@example.com";
    expect(template.render({ x })).toEqual({
      subject: "a<b>&\"'`=/ Bcc: all@example.com",
      text: x,
      html: '<a title="a&lt;b&gt;&amp;&quot;&#39;&#x60;&#x3D;&#x2F;\r\nBcc: all@example.com">',
    });
  });

  it("keeps a subject on one line, whatever it is made of", () => {
    const subject = (source: string, data = {}) => compile({ subject: source, text: "t" }).render(data).subject;
    expect(subject("{{{x}}}", { x: "a\r\nBcc: b" })).toBe("a Bcc: b");
    expect(subject("a\nb")).toBe("a b");
  });

  it("reads own properties of plain data only", () => {
    const data = { list: [1, 2], name: "Ann", nested: { deep: "yes" } };
    expect(text("{{nested.deep}} {{#list}}{{.}}{{/list}}", data)).toBe("yes 12");
    for (const tag of [
      "constructor",
      "__proto__",
      "toString",
      "list.constructor",
      "name.constructor",
      "nested.__proto__",
    ]) {
      expect(text(`[{{${tag}}}]`, data)).toBe("[]");
    }
  });

  it("takes a null for no value, and does not look further out for one", () => {
    expect(text("{{#inner}}[{{name}}]{{/inner}}", { name: "outer", inner: { name: null } })).toBe("[]");
    expect(text("{{#inner}}[{{name}}]{{/inner}}", { name: "outer", inner: { a: 1 } })).toBe("[outer]");
  });

  it("refuses what it could not render safely, with the path of the part", () => {
    const refused = (template: object, path: string) =>
      expect(() => compile(template)).toThrow(expect.objectContaining({ code: "invalid_template", path }));
    refused({ text: "{{#open}}" }, "message.text");
    refused({ subject: "{{", text: "" }, "message.subject");
    refused({ html: "{{{raw}}}" }, "message.html");
    refused({ html: "{{#a}}{{&raw}}{{/a}}" }, "message.html");
    refused({ text: "{{> partial}}" }, "message.text");
    refused({ subject: "only" }, "message");
    refused({ text: "x".repeat(262_145) }, "message.text");
  });

  it("refuses what a parser of tags would need minutes for, whatever its delimiters", () => {
    const refused = (source: string) =>
      expect(() => compile({ text: source })).toThrow(
        expect.objectContaining({ code: "invalid_template", path: "message.text" }),
      );
    refused(`{{=[ ]=}}${"[a]".repeat(80_000)}`);
    refused(`{{ =[ ]=}}[a]${"x".repeat(2_001)}`);
    expect(text(`{{=[ ]=}}${"x".repeat(1_990)}[={{ }}=]{{a}}`, { a: "y" })).toBe(`${"x".repeat(1_990)}y`);
    expect(text(`{{a}}${"x".repeat(100_000)}`, { a: "y" })).toHaveLength(100_001);
  });

  it("refuses in every part what no store can keep", () => {
    const whole = { subject: "s", text: "t", html: "<p>{{{a}}}</p>", safeHtml: ["a"] };
    for (const broken of ["a\0b", "a\ud800b", "\udc00"]) {
      for (const part of ["subject", "text", "html"]) {
        const error = { code: "invalid_template", path: `message.${part}` };
        expect(() => compile({ ...whole, [part]: broken })).toThrow(expect.objectContaining(error));
      }
      const error = { code: "invalid_template", path: "message.safeHtml[1]" };
      expect(() => compile({ ...whole, safeHtml: ["a", broken] })).toThrow(expect.objectContaining(error));
    }
    expect(compile(whole).render({ a: "\u{1f389}" }).html).toBe("<p>\u{1f389}</p>");
  });

  it("requires the tags outside of sections, and finds those without a value", () => {
    const template = compile({ subject: "{{subject.name}}", text: "{{#extra}}{{inside}}{{/extra}}{{count}}" });
    expect(template.requiredTags).toEqual(["subject.name", "count"]);
    expect(missingTags(template, { subject: {}, count: 0 })).toEqual(["subject.name"]);
    expect(missingTags(template, { subject: { name: "" }, count: null })).toEqual(["count"]);
  });

  it("escapes nothing in a subject and a text, where {{x}} and {{{x}}} are the same", () => {
    const x = "<b> & 'c'";
    expect(compile({ subject: "{{x}} {{{x}}} {{&x}}", text: "{{x}} {{{x}}} {{&x}}" }).render({ x })).toMatchObject({
      subject: `${x} ${x} ${x}`,
      text: `${x} ${x} ${x}`,
    });
  });

  it("keeps the hash of a template without safeHtml, and gives another one with it", () => {
    const template = { subject: "{{a}}", html: "{{a}}" };
    expect(compile(template).hash).toBe("6ea4e67f3a05c3d55424bea3d9a0ff22e662732d9860ea193561055efd9d26fb");
    expect(compile({ ...template, safeHtml: [] }).hash).toBe(compile(template).hash);
    expect(compile({ ...template, safeHtml: ["a"] }).hash).not.toBe(compile(template).hash);
    expect(compile({ ...template, safeHtml: ["a"] }).template.safeHtml).toEqual(["a"]);
  });

  it("names the content by its hash, whatever the order of its parts", () => {
    expect(compile({ text: "a", subject: "b" }).hash).toBe(compile({ subject: "b", text: "a" }).hash);
    expect(compile({ text: "a" }).hash).not.toBe(compile({ html: "a" }).hash);
  });
});
