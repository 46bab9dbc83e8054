import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../json.js";
import type { MessageTemplate } from "./message.js";
import { TemplateCache } from "./render.js";
import { compileTemplate } from "./template.js";

const compile = (template: MessageTemplate) => compileTemplate({ language: "ar", ...template }, "message");
const html = (source: string, data: JsonObject, more: MessageTemplate = {}) =>
  compile({ html: source, ...more }).render(data).html!;
const isolated = (text: string) => `\u2068${text}\u2069`;
const sha = (content: unknown) => createHash("sha256").update(JSON.stringify(content)).digest("hex");

describe("a template without a language", () => {
  it("keeps its hash and its bytes", () => {
    const plain = compileTemplate({ subject: "{{x}}", html: "<p>{{x}}</p>" }, "message");
    expect(plain.hash).toBe(sha(["{{x}}", null, "<p>{{x}}</p>"]));
    expect(plain.hash).toBe("39278be0e0f7184625df24e78814f487444aeae94a9e17cbfd399ad4ffa2ebe1");
    expect(plain.render({ x: "ب\u202e" }, { locale: "ar", zone: "Africa/Cairo" })).toEqual({
      subject: "ب\u202e",
      text: null,
      html: "<p>ب\u202e</p>",
    });
    const safe = compileTemplate({ html: "{{{x}}}", safeHtml: ["x"] }, "message");
    expect(safe.hash).toBe(sha([null, null, "{{{x}}}", ["x"]]));
  });

  it("has another hash in each language and with each way to write a field", () => {
    const of = (more: MessageTemplate) => compileTemplate({ text: "{{x}}", ...more }, "message").hash;
    const all = [
      of({}),
      of({ language: "en" }),
      of({ language: "ar" }),
      of({ language: "en", formats: { x: "date" } }),
      of({ language: "en", formats: { x: "number" } }),
      of({ language: "en", safeHtml: ["x"] }),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(of({ language: "en", formats: { b: "date", a: "url" } })).toBe(
      of({ language: "en", formats: { a: "url", b: "date" } }),
    );
  });

  it("has no formats, and a language is a tag in its canonical form", () => {
    const refused = (template: MessageTemplate) => () => compileTemplate({ text: "x", ...template }, "message");
    const invalid = (path: string) => expect.objectContaining({ code: "invalid_template", path });
    expect(refused({ formats: { x: "date" } })).toThrow(invalid("message.language"));
    for (const language of ["AR", "e", "ar_EG", "", '"><script>']) {
      expect(refused({ language })).toThrow(invalid("message.language"));
    }
    expect(refused({ language: "en", formats: { x: "lambda" as never } })).toThrow(invalid("message.formats.x"));
  });
});

describe("html in a language", () => {
  it("says its language and direction on html and body, or on an element round everything", () => {
    expect(html("<p>x</p>", {})).toBe('<div lang="ar" dir="rtl"><p>x</p></div>');
    expect(html("<html><body class='a'>x</body></html>", {})).toBe(
      '<html lang="ar" dir="rtl"><body lang="ar" dir="rtl" class=\'a\'>x</body></html>',
    );
    expect(html("<BODY>x", {}, { language: "en-GB" })).toBe('<BODY lang="en-GB" dir="ltr">x');
    expect(html("<!--[if mso]><html xmlns:o='a'><![endif]-->x", {})).toContain(
      '<html lang="ar" dir="rtl" xmlns:o=\'a\'>',
    );
  });

  it("leaves what the author says of it, and what only looks like an element", () => {
    expect(html('<html lang="ar-EG" data-dir="x">', {})).toBe('<html dir="rtl" lang="ar-EG" data-dir="x">');
    expect(html("<html\nDIR = 'ltr'/lang=ar>", {})).toBe("<html\nDIR = 'ltr'/lang=ar>");
    const inside = '<!-- <html> --><p title="<html>">1 <html2><svg><html></svg></p>';
    expect(html(inside, {})).toBe(`<div lang="ar" dir="rtl">${inside}</div>`);
  });

  it("isolates a value by an element in text, by characters where people read it and no element can stand", () => {
    const body = (source: string) => html(`<body>${source}`, { x: "v" }).replace(/^<body[^>]*>/, "");
    const chars = isolated("v");
    expect(body("<p>{{x}}</p>")).toBe("<p><bdi>v</bdi></p>");
    expect(body("{{#x}}<b>{{.}}</b>{{/x}}")).toBe("<b><bdi>v</bdi></b>");
    expect(body("<!--[if mso]>{{x}}<![endif]-->")).toBe("<!--[if mso]><bdi>v</bdi><![endif]-->");
    expect(body("<title>{{x}}</title><textarea>{{x}}</textarea>")).toBe(
      `<title>${chars}</title><textarea>${chars}</textarea>`,
    );
    expect(body("<svg><text>{{x}}</text></svg>{{x}}")).toBe(`<svg><text>${chars}</text></svg><bdi>v</bdi>`);
    expect(body('<img alt="{{x}}" src="https://a.example/{{x}}" class="{{x}}">')).toBe(
      `<img alt="${chars}" src="https://a.example/v" class="v">`,
    );
    expect(body('<a href="{{x}}" title="{{#x}}{{x}}{{/x}}">')).toBe(`<a href="v" title="${chars}">`);
  });

  it("merges html that is declared safe as it is, and nothing where there is no value", () => {
    const safe = html("<body>{{{x}}}{{x}}|{{y}}|", { x: "<b>v</b>", y: null }, { safeHtml: ["x"] });
    expect(safe.replace(/^<body[^>]*>/, "")).toBe("<b>v</b><bdi>&lt;b&gt;v&lt;&#x2F;b&gt;</bdi>||");
  });
});

describe("an invoice in English and Arabic", () => {
  const formats = {
    total: "money",
    due: "date",
    "items.price": "money",
    "items.count": "number",
    link: "url",
  } as const;
  const data = {
    name: "شركة Acme (2)",
    total: { amount: 1_234_567, currency: "KWD" },
    due: "2026-11-30T22:30:00Z",
    items: [
      { price: { amount: 123_456, currency: "USD" }, count: 1_000 },
      { price: { amount: 1_234, currency: "JPY" }, count: 2 },
    ],
    link: "https://shop.example/pay?a=1&b=2",
  };
  const rendered = (language: string, text: string, locale: string) =>
    compile({
      language,
      subject: `${text} {{name}}`,
      text: `{{total}}|{{due}}|{{#items}}{{count}}x{{price}} {{/items}}|{{link}}`,
      html: `<a href="{{link}}">{{total}}</a>`,
      formats,
    }).render(data, { locale, zone: "Africa/Cairo" });

  it("has each value in the reader's language, isolated; a url of a text stands bare, for its link would not lead there", () => {
    const plain = (text: string | null) => text!.replaceAll(/[\u00a0\u202f]/g, " ");
    const english = rendered("en", "Invoice for", "en-US");
    expect(english.subject).toBe(`Invoice for ${isolated("شركة Acme (2)")}`);
    expect(plain(english.text)).toBe(
      `${isolated("KWD 12,345.67".replace("12,345.67", "1,234.567"))}|${isolated("December 1, 2026 at 12:30 AM GMT+2")}|` +
        `${isolated("1,000")}x${isolated("$1,234.56")} ${isolated("2")}x${isolated("¥1,234")} |${data.link}`,
    );
    expect(plain(english.html)).toBe(
      '<div lang="en" dir="ltr"><a href="https:&#x2F;&#x2F;shop.example&#x2F;pay?a&#x3D;1&amp;b&#x3D;2"><bdi>KWD 1,234.567</bdi></a></div>',
    );
    const arabic = rendered("ar", "فاتورة", "ar-EG");
    expect(arabic.subject).toBe(`فاتورة ${isolated("شركة Acme (2)")}`);
    expect(plain(arabic.text)).toBe(
      `${isolated("\u200f١٬٢٣٤٫٥٦٧ د.ك.\u200f")}|${isolated("١ ديسمبر ٢٠٢٦ في ١٢:٣٠ ص غرينتش+٢")}|` +
        `${isolated("١٬٠٠٠")}x${isolated("\u200f١٬٢٣٤٫٥٦ US$")} ${isolated("٢")}x${isolated("\u200f١٬٢٣٤ JP¥")} |${data.link}`,
    );
    expect(arabic.html).toMatch(/^<div lang="ar" dir="rtl"><a href="https:[^<]+"><bdi>[^<]+<\/bdi><\/a><\/div>$/);
  });

  it("is written by the habits of the variant where the reader's are of another language", () => {
    expect(rendered("ar", "", "en-US").text).toBe(rendered("ar", "", "ar").text);
    expect(rendered("ar", "", "ar-MA").text).not.toBe(rendered("ar", "", "ar-EG").text);
  });

  it("fails alone where a value does not fit, and leads nowhere where a url may not be followed", () => {
    const message = compile({ text: "{{total}} {{link}}", html: '<a href="{{link}}">{{link}}</a>', formats });
    expect(() => message.render({ total: 12.5 })).toThrow(
      expect.objectContaining({ code: "render_failed", path: "total" }),
    );
    const { text, html: page } = message.render({ link: "javascript:alert(1)" });
    expect(text).toBe(" about:invalid");
    expect(page).toContain('<a href="about:invalid"><bdi>about:invalid</bdi></a>');
  });
});

describe("whatever is merged in a language", () => {
  const hostile = fc
    .array(
      fc.constantFrom(
        ...[
          "\u2066",
          "\u2067",
          "\u2068",
          "\u2069",
          "\u202a",
          "\u202e",
          "\u202c",
          "\u200f",
          "ب",
          "a",
          "{{x}}",
          "{{{x}}}",
        ],
        ...[
          "\r\nbcc: a@b.example\r\n",
          "\n",
          "\u2029",
          "\u0085",
          "</bdi>",
          "</div>",
          "<bdi>",
          "<script>",
          '"',
          "'",
          "&",
        ],
      ),
      { maxLength: 12 },
    )
    .map((parts) => `v${parts.join("")}`);
  const source = {
    subject: "A {{x}} B {{y}} C",
    text: "A {{x}}\nB {{y}} C",
    html: '<p title="{{x}}">{{x}} B {{y}} C</p><textarea>{{y}} B</textarea>',
  };

  it.each(["en", "ar"])("neither leaves an isolate nor opens one that stays open, in any part (%s)", (language) => {
    const template = compile({ ...source, language });
    fc.assert(
      fc.property(hostile, hostile, (x, y) => {
        const message = template.render({ x, y });
        expect(message.subject).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(message.subject).toMatch(/^A \u2068.* B \u2068.* C$/u);
        const texts = [message.subject!, message.text!, ...message.html!.split(/<[^>]*>/)];
        for (const piece of texts.flatMap((text) => text.split(/[\n\r\u0085\u2029]/))) {
          let depth = 0;
          for (const char of piece) {
            if (/[\u2066-\u2068]/.test(char)) depth++;
            if (char === "\u2069") depth--;
            // what the template itself says stands in no isolate
            if ("ABC".includes(char) || depth < 0) expect([piece, depth]).toEqual([piece, 0]);
          }
        }
        expect(message.html!.match(/<[^>]*>/g)!.map((tag) => tag.replace(/title=".*"/s, "title"))).toEqual([
          `<div lang="${language}" dir="${language === "ar" ? "rtl" : "ltr"}">`,
          ...["<p title>", "<bdi>", "</bdi>", "<bdi>", "</bdi>", "</p>", "<textarea>", "</textarea>", "</div>"],
        ]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("calls no function and finds nothing of a prototype, as a value that has a format either", () => {
    let calls = 0;
    const f = () => {
      calls++;
      return "called";
    };
    const template = compile({
      text: "[{{f}}{{#f}}x{{/f}}{{m}}{{constructor}}{{__proto__}}{{m.constructor}}]",
      formats: { f: "date", m: "money", constructor: "url", "m.constructor": "number" } as never,
    });
    expect(template.render({ f } as never).text).toBe("[]");
    const inherited = Object.create({ amount: 1, currency: "USD" });
    expect(() => template.render({ m: inherited } as never)).toThrow(
      expect.objectContaining({ code: "render_failed" }),
    );
    const asked = {
      get amount(): number {
        calls++;
        return 1;
      },
      currency: { toString: f },
    };
    expect(() => template.render({ m: asked } as never)).toThrow(expect.objectContaining({ code: "render_failed" }));
    expect(() => template.render({ m: { amount: { valueOf: f }, currency: "USD" } } as never)).toThrow();
    expect(calls).toBeLessThanOrEqual(1);
  });
});

describe("what localised rendering costs", () => {
  /** How it ends, and the least milliseconds of processor time that it takes of five tries. */
  function cost(template: MessageTemplate, data: object): { readonly code: unknown; readonly milliseconds: number } {
    let code: unknown = "rendered";
    const times = Array.from({ length: 5 }, () => {
      // a worker that meets it first, with no formatter made yet
      const compiled = new TemplateCache().get("h", { language: "ar", ...template });
      const before = process.cpuUsage();
      try {
        compiled.render(data as JsonObject, { locale: "ar-EG", zone: "Africa/Cairo" });
      } catch (error) {
        code = (error as { code?: unknown }).code;
      }
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000;
    });
    return { code, milliseconds: Math.min(...times) };
  }
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const currencies = Array.from({ length: 2_000 }, (_, i) => {
    const currency = letters[i % 26]! + letters[Math.floor(i / 26) % 26]! + letters[Math.floor(i / 676)]!;
    return { m: { amount: 1, currency } };
  });

  it.each<readonly [string, MessageTemplate, object]>([
    ["2,000 currencies", { text: "{{#l}}{{m}}{{/l}}", formats: { "l.m": "money" } }, { l: currencies }],
    ["50,000 dates", { text: "{{d}}".repeat(50_000), formats: { d: "date" } }, { d: "2026-11-30T22:30:00Z" }],
    [
      "10,000 urls",
      { html: "<a href='{{u}}'>".repeat(10_000), formats: { u: "url" } },
      { u: `https://a.example/${"ب".repeat(100)}` },
    ],
    ["60,000 lines, again and again", { text: "{{x}}".repeat(100) }, { x: "\n".repeat(30_000) + "a\n".repeat(15_000) }],
    ["60,000 isolates, again and again", { html: "{{x}}".repeat(100) }, { x: "\u2067".repeat(20_000) }],
  ])("%s: fails with a code, within 50 ms", (_, template, data) => {
    const { code, milliseconds } = cost(template, data);
    expect(code).toBe("render_failed");
    expect(milliseconds).toBeLessThan(50);
  });

  it("leaves room for a table of 1,000 rows with a number, a date and money", () => {
    const rows = Array.from({ length: 1_000 }, (_, i) => {
      return { name: "n", n: i, d: "2026-11-30", m: { amount: i, currency: "EGP" } };
    });
    const table = "{{#rows}}<tr><td>{{name}}<td>{{n}}<td>{{d}}<td>{{m}}{{/rows}}";
    const formats = { "rows.n": "number", "rows.d": "date", "rows.m": "money" } as const;
    expect(cost({ html: table, formats }, { rows }).code).toBe("rendered");
  });
});
