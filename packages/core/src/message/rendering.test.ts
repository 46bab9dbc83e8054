import fc from "fast-check";
import mustache from "mustache";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../json.js";
import { TemplateCache } from "./render.js";
import { compileTemplate } from "./template.js";

const text = (source: string, data: object) =>
  compileTemplate({ text: source }, "message").render(data as JsonObject).text;
const thirty = { a: Array.from({ length: 30 }, () => 1) };
const nested = (depth: number, inner: string) => `${"{{#a}}".repeat(depth)}${inner}${"{{/a}}".repeat(depth)}`;

/** How rendering ends, and the least milliseconds of processor time that it takes of five tries. */
function rendering(source: string, data: object): { readonly code: unknown; readonly milliseconds: number } {
  const template = compileTemplate({ html: source }, "message");
  let code: unknown = "rendered";
  const times = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    try {
      template.render(data as JsonObject);
    } catch (error) {
      code = (error as { code?: unknown }).code;
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return { code, milliseconds: Math.min(...times) };
}

describe("a template by a hostile tenant (S5)", () => {
  it.each([
    ["49 bytes over a list of 30, 810 kB", nested(3, "0123456789012345678901234567890"), thirty],
    ["eight sections over a list of 30, and nothing said", nested(8, ""), thirty],
    ["ten sections that look for what is not there", nested(10, "{{m.n}}"), thirty],
    ["a value of 60 kB, again and again", "{{x}}".repeat(1_000), { x: "<".repeat(60_000) }],
    ["50,000 tags that say nothing", "{{x}}".repeat(50_000), { x: "" }],
    ["lists within lists, as one value", nested(2, "{{a}}"), { a: Array.from({ length: 9_000 }, () => [[[]]]) }],
    ["16,000 urls", "<a href='{{x}}'>".repeat(16_000), { x: "https://a.example" }],
  ])("%s: fails with a code, within 50 ms", (_, source, data) => {
    const { code, milliseconds } = rendering(source, data);
    expect(code).toBe("render_failed");
    expect(milliseconds).toBeLessThan(50);
  });

  it("renders up to 256 kB, in bytes, all parts together", () => {
    const of = (bytes: number) =>
      compileTemplate({ subject: "s", text: "{{x}}", html: "{{x}}" }, "message").render({ x: "é".repeat(bytes / 4) });
    expect(of(262_140).text).toHaveLength(65_535);
    expect(() => of(262_144)).toThrow(expect.objectContaining({ code: "render_failed" }));
  });

  it("renders a table of 1,000 rows with room to spare", () => {
    const rows = Array.from({ length: 1_000 }, (_, i) => ({ name: "n", value: i, unit: { name: "kg" } }));
    const source =
      "{{#rows}}<tr><td>{{name}}</td><td>{{value}} {{unit.name}}</td><td>{{subject.name}}</td></tr>{{/rows}}";
    expect(rendering(source.repeat(3), { rows, subject: { name: "Acme" } }).code).toBe("rendered");
  });

  it("refuses sections nested more than ten deep", () => {
    expect(text(nested(10, "x"), { a: 1 })).toBe("x");
    expect(() => text(nested(11, "x"), { a: 1 })).toThrow(expect.objectContaining({ code: "invalid_template" }));
    expect(() => text(nested(20_000, ""), { a: 1 })).toThrow(expect.objectContaining({ code: "invalid_template" }));
  });

  it("refuses a run of spaces that would take mustache seconds to read", () => {
    const before = performance.now();
    expect(() => text(`{{a${" ".repeat(200_000)}b}}`, {})).toThrow(
      expect.objectContaining({ code: "invalid_template" }),
    );
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it("never calls a function, nor writes one out, wherever it stands", () => {
    let calls = 0;
    const f = () => {
      calls++;
      return "called";
    };
    const data = { f, list: [f], inner: { f }, toJSON: f, toString: f };
    const source = "{{f}}{{{f}}}{{#f}}x{{/f}}{{#list}}{{.}}{{/list}}{{list}}{{inner.f}}{{#inner}}{{f}}{{/inner}}";
    expect(text(source, data)).toBe("");
    expect(calls).toBe(0);
  });

  it("finds nothing of a prototype, in tags, sections and dotted names", () => {
    const names = ["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty", "__defineGetter__"];
    const data = { list: [1], name: "n", number: 1, inner: {} };
    for (const name of names) {
      for (const path of [name, `inner.${name}`, `list.${name}`, `name.${name}`, `number.${name}`, `${name}.${name}`]) {
        expect(
          text(
            `[{{${path}}}{{#${path}}}x{{/${path}}}{{#inner}}{{${path}}}{{/inner}}{{#list}}{{${path}}}{{/list}}]`,
            data,
          ),
        ).toBe("[]");
      }
    }
  });

  it("merges data that calls itself toString, __proto__ or valueOf as data", () => {
    const data = JSON.parse(
      '{"toString":"t","valueOf":1,"x":{"toString":"t"},"l":[{"toString":1},null],"__proto__":{"p":1}}',
    );
    expect(text("{{toString}} {{valueOf}} {{x}} {{x.toString}} {{l}} {{p}}", data)).toBe(
      "t 1 [object Object] t [object Object], ",
    );
    expect(({} as { readonly p?: unknown }).p).toBeUndefined();
  });

  it("keeps of 20,000 templates no more than its capacity, and nothing in mustache's own cache", () => {
    const before = Object.keys((mustache.templateCache as never as { _cache: object })._cache).length;
    const cache = new TemplateCache();
    for (let i = 0; i < 20_000; i++) cache.get(`${i}`, { text: `${i} {{x}}` }).render({ x: i });
    expect(cache.size).toBe(500);
    expect(Object.keys((mustache.templateCache as never as { _cache: object })._cache)).toHaveLength(before);
  });

  it("keeps long templates only up to 4 MB of them, and always the last one", () => {
    const cache = new TemplateCache(500, 1_000);
    for (let i = 0; i < 9; i++) cache.get(`${i}`, { text: `${i}`.repeat(300) });
    expect(cache.size).toBe(3);
    const large = { text: "x".repeat(5_000) };
    expect(cache.get("large", large)).toBe(cache.get("large", large));
    expect(cache.size).toBe(1);
  });
});

describe("what mustache renders safely", () => {
  const name = fc.constantFrom("a", "b", "c", "a.b", "a.c.b", ".");
  const piece: fc.Arbitrary<string> = fc.letrec<{ readonly piece: string; readonly body: string }>((tie) => ({
    piece: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom("text", "\n", "  ", "<b>", "{{! comment }}", "{{! standalone }}\n", "é", "&", "'"),
      name.map((n) => `{{${n}}}`),
      name.map((n) => `{{{${n}}}}`),
      name.map((n) => `{{& ${n} }}`),
      fc
        .tuple(name, fc.constantFrom("#", "^"), fc.constantFrom("", "\n"), tie("body"))
        .map(([n, type, end, body]) => `{{${type}${n}}}${end}${body}{{/${n}}}${end}`),
      tie("body").map((body) => `{{=<% %>=}}<%a%>${"<%={{ }}=%>"}${body}`),
    ),
    body: fc.array(tie("piece"), { maxLength: 4 }).map((pieces) => pieces.join("")),
  })).body;
  const leaf = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true }),
    fc.constant("<a href='x'>`="),
  );
  const data = fc.letrec<{ readonly value: unknown; readonly object: object }>((tie) => ({
    value: fc.oneof({ depthSize: "small" }, leaf, tie("object"), fc.array(tie("value"), { maxLength: 3 })),
    object: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3, noNullPrototype: true }),
  })).object;

  it("is rendered to the same bytes", () => {
    fc.assert(
      fc.property(piece, data, (source, view) => {
        let plain = "";
        try {
          plain = mustache.render(source, view, undefined, { escape: String });
        } catch {
          fc.pre(false); // it cannot look into a null of a list
        }
        expect(text(source, view)).toBe(plain);
        const html = source.replaceAll("{{{", "{{").replaceAll("}}}", "}}").replaceAll("{{& ", "{{");
        const rendered = compileTemplate({ html }, "message").render(view as JsonObject).html;
        expect(rendered).toBe(mustache.render(html, view, undefined, { escape: (v) => mustache.escape(String(v)) }));
      }),
      { numRuns: 2_000 },
    );
  });
});
