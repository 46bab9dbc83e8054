import fc from "fast-check";
import { type DefaultTreeAdapterMap, parse } from "parse5";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../json.js";
import { attributeUse } from "./html-attribute.js";
import { compileTemplate } from "./template.js";

const compile = (html: string, safeHtml?: readonly string[]) =>
  compileTemplate({ html, ...(safeHtml && { safeHtml }) }, "message");
const render = (html: string, data: JsonObject, safeHtml?: readonly string[]) =>
  compile(html, safeHtml).render(data).html!;
const refusal = (html: string, safeHtml?: readonly string[]): string => {
  try {
    compile(html, safeHtml);
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_template", path: "message.html" });
    return (error as Error).message;
  }
  return "accepted";
};

describe("where a tag may stand in html", () => {
  it.each([
    "<p>{{x}}</p>",
    "<p title=\"{{x}}\" class='a {{x}}'>{{x}}</p>",
    "<title>{{x}}</title><textarea>{{x}}</textarea>",
    "<p>1 < 2 {{x}}</p>",
    "<td{{#x}} class='hot'{{/x}}>{{x}}</td>",
    "<option {{#x}}selected{{/x}}>a</option>",
    '<p style="color: {{#x}}red{{/x}}{{^x}}green{{/x}}">',
    "{{#x}}<b>{{.}}</b>{{/x}}<!-- a comment --><style>a > b {}</style>{{x}}",
    '<!--[if mso]><table><tr><td width="{{x}}"><![endif]--><p>{{x}}</p><!--[if mso]></td></tr></table><![endif]-->',
    '<!doctype html><html lang="{{x}}"><svg viewBox="0 0 1 1"><title/></svg><p>{{x}}</p><br/>',
  ])("takes %s", (html) => {
    expect(refusal(html.replace("<title/>", ""))).toBe("accepted");
  });

  it.each([
    ["<p class={{x}}>", "an attribute without quotes"],
    ["<p class=a{{x}}>", "an attribute without quotes"],
    ["<p {{x}}>", "a tag outside of quotes"],
    ["<p {{x}}='1'>", "a tag outside of quotes"],
    ["<{{x}}>", "what may become a tag"],
    ["</{{x}}>", "what may become a tag"],
    ["<h{{x}}>", "the name of a tag"],
    ["<p da{{x}}='1'>", "the name of an attribute"],
    ["<!-- {{x}} -->", "a comment"],
    ["<!{{x}}>", "what may become a tag or a comment"],
    ["<script>let a = '{{x}}'</script>", "<script>"],
    ["<SCRIPT>let a = '{{x}}'</SCRIPT>", "<script>"],
    ["<script><!--<script></script>{{x}}", "a script or style"],
    ["<style>a { color: {{x}} }</style>", "<style>"],
    ["<style></styles>{{x}}</style>", "<style>"],
    ["<script src='{{x}}'></script>", "the attribute src of <script>"],
    ["<p style='color: {{x}}'>", "the attribute style of <p>"],
    ["<p onclick=\"go('{{x}}')\">", "the attribute onclick of <p>"],
    ["<p OnClick=\"go('{{x}}')\">", "the attribute onclick of <p>"],
    ["<img srcset='{{x}} 2x'>", "the attribute srcset of <img>"],
    ["<iframe srcdoc='{{x}}'>", "the attribute srcdoc of <iframe>"],
    ["<base href='{{x}}'>", "the attribute href of <base>"],
    ["<meta content='0;url={{x}}'>", "the attribute content of <meta>"],
    ["<a href='javascript:go({{x}})'>", "javascript:"],
    ["<a href=' java&#x73;cript&colon;{{x}}'>", "javascript:"],
    ["<a href='data:text/html,{{x}}'>", "data: url"],
    ["<svg><title>{{x}}</title></svg>", "<title>"],
    ["{{#a}}<p title='{{/a}}{{x}}'>", "to begin and end in text"],
    ["<p {{#a}}title='{{/a}}{{x}}'>", "to begin and end in text"],
    ["<{{#a}}script{{/a}}>{{x}}", "to begin and end in text"],
    ["<s{{#a}}cript{{/a}}>{{x}}", "a space behind a section"],
    ["<a hr{{#a}}{{/a}}ef='{{x}}'>", "a space behind a section"],
    ["<a href{{#a}}{{/a}}='{{x}}'>", "a space behind a section"],
    ["{{#a}}<script>{{/a}}{{x}}", "to begin and end in text"],
  ])("refuses %s", (html, why) => {
    expect(refusal(html)).toContain(why);
  });

  it("merges html only from fields that safeHtml names, and only into text", () => {
    const data = { body: "<b>1</b>", post: { body: "<i>2</i>" }, bodies: ["<u>3</u>"] };
    expect(render("{{{body}}}{{&body}}{{body}}", data, ["body"])).toBe("<b>1</b><b>1</b>&lt;b&gt;1&lt;&#x2F;b&gt;");
    expect(render("{{{post.body}}}{{#post}}{{{body}}}{{/post}}", data, ["post.body"])).toBe("<i>2</i><i>2</i>");
    expect(render("{{#bodies}}{{{.}}}{{/bodies}}", data, ["bodies"])).toBe("<u>3</u>");
    expect(refusal("{{{body}}}")).toContain("safeHtml");
    expect(refusal("{{{other}}}", ["body"])).toContain("safeHtml");
    expect(refusal("{{{constructor}}}", ["body"])).toContain("safeHtml");
    expect(refusal("<p title='{{{body}}}'>", ["body"])).toContain("outside of text");
    expect(refusal("<title>{{{body}}}</title>", ["body"])).toContain("outside of text");
  });

  it("escapes a field of the same name that is found elsewhere", () => {
    const html = "{{#comment}}{{{body}}}{{/comment}}";
    expect(render(html, { body: "<b>safe</b>", comment: { body: "<script>" } }, ["body"])).toBe("&lt;script&gt;");
    expect(render(html, { body: "<b>safe</b>", comment: { id: 1 } }, ["body"])).toBe("<b>safe</b>");
  });
});

describe("urls", () => {
  const href = (url: string) => render('<a href="{{url}}">', { url });

  it.each([
    "https://a.example/?q=1&b=2#c",
    "http://a",
    "HTTPS://a",
    "mailto:a@b.example",
    "tel:+49",
    "/path",
    "//a",
    "",
  ])("keeps %s", (url) => {
    expect(href(url)).not.toContain("about:invalid");
  });

  it.each([
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    " \u0001javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript\r:alert(1)",
    "data:text/html,<script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:x",
    "x:y",
  ])("puts about:invalid in the place of %j", (url) => {
    expect(href(url)).toBe('<a href="about:invalid">');
    for (const attribute of ["src", "action", "formaction", "xlink:href", "poster", "HREF"]) {
      expect(render(`<a ${attribute}='{{url}}'>`, { url })).toBe(`<a ${attribute}='about:invalid'>`);
    }
  });

  it("looks at the whole value, of however many tags, sections and references it is made", () => {
    const a = { a: "java", b: "script:1" };
    expect(render("<a href='{{a}}{{b}}'>", a)).toContain("about:invalid");
    expect(render("<a href='{{#a}}{{.}}{{/a}}{{b}}'>", a)).toContain("about:invalid");
    expect(render("<a href='java{{b}}'>", a)).toContain("about:invalid");
    expect(render("<a href='{{a}}script&#58;{{b}}'>", a)).toContain("about:invalid");
    expect(render("<a href='{{a}}script&colon;1'>", a)).toContain("about:invalid");
    expect(render("<a href='&{{b}}'>", { b: "#106;avascript:1" })).toContain("about:invalid");
    expect(render("<a href='&#{{b}}'>", { b: "106;avascript:1" })).toContain("about:invalid");
  });

  it("leaves a scheme to the template that writes it out", () => {
    const x = "javascript:1";
    for (const url of ["myapp://open/{{x}}", "https://a/?to={{x}}", "/to/{{x}}", "?{{x}}", "cid:{{x}}", "sms:{{x}}"]) {
      expect(render(`<a href="${url}">`, { x })).toBe(`<a href="${url.replace("{{x}}", x)}">`);
    }
    expect(render('<img src="data:image/png;base64,{{x}}">', { x: "AA" })).toBe('<img src="data:image/png;base64,AA">');
  });
});

type Tree = DefaultTreeAdapterMap["node"];

/** What a browser makes of html: elements, names of attributes, urls that it would follow; not what text says. */
function skeleton(node: Tree): unknown {
  if (node.nodeName === "#text") return [];
  const element = "tagName" in node ? node : undefined;
  const attributes = element?.attrs.map(({ name, prefix, value }) => {
    const use = attributeUse(element.tagName, prefix ? `${prefix}:${name}` : name);
    return [name, use === "code" ? value : use === "url" ? followed(value) : ""];
  });
  const children = "childNodes" in node ? node.childNodes.flatMap((child) => skeleton(child) as unknown[]) : [];
  const raw = ["script", "style"].includes(node.nodeName) && "childNodes" in node ? textOf(node) : "";
  return [[node.nodeName, attributes, raw, children, "data" in node ? node.data : ""]];
}

const textOf = (node: { readonly childNodes: readonly Tree[] }): string =>
  node.childNodes.map((child) => ("value" in child ? child.value : "")).join("");

function followed(value: string): string {
  const { protocol } = new URL(URL.canParse(value, "https://here.example/") ? value : "", "https://here.example/");
  return ["http:", "https:", "mailto:", "tel:", "about:"].includes(protocol) ? "safe" : protocol;
}

describe("any template that is taken", () => {
  const piece = fc.constantFrom(
    ...["{{x}}", "{{y}}", "{{x}}", "{{y}}", "{{#s}}", "{{/s}}", "{{^s}}", "{{/s}}", "{{! c }}"],
    ...[
      "<a href='",
      '<a href="',
      "<img src=",
      "<p title='",
      '<p class="',
      " onclick='",
      " style='",
      "<p",
      "</p>",
      "<a",
    ],
    ...[
      "'",
      '"',
      ">",
      "'>",
      '">',
      "/>",
      " ",
      "<",
      "</",
      "<!--",
      "-->",
      "--!>",
      "<!",
      "<?",
      "=",
      "&",
      "&#",
      ";",
      ":",
      "/",
    ],
    ...["<script>", "</script>", "<style>", "</style>", "<title>", "</title>", "<textarea>", "</textarea>", "<svg>"],
    ...["</svg>", "java", "script", "https://a/", "b", "\n", "<math>", "<![CDATA[", "]]>"],
  );
  const value = fc
    .array(
      fc.constantFrom(
        ...[
          "<",
          ">",
          "'",
          '"',
          "`",
          "=",
          " ",
          "/",
          "&",
          "\t",
          "javascript:",
          "#106;",
          "colon;",
          "--",
          "!",
          "a",
          "script",
        ],
        ...["</script>", "</title>", "-->", "onclick=", "<img src=x>", "]]>", "vbscript:", "x:", "\n", "data:"],
      ),
      { maxLength: 4 },
    )
    .map((parts) => parts.join(""));

  it.each([undefined, "ar"])("is read by a browser the same whatever is merged, in the language %s", (language) => {
    let taken = 0;
    // an empty value is not isolated, for there is nothing to isolate
    const some = language === undefined ? value : value.map((text) => `z${text}`);
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 14 }),
        some,
        some,
        fc.integer({ min: 0, max: 2 }),
        (pieces, x, y, n) => {
          const source = pieces.join("");
          let template: ReturnType<typeof compile>;
          try {
            template = compileTemplate({ html: source, ...(language && { language }) }, "message");
          } catch {
            return;
          }
          if (/\{\{[xy]/.test(source)) taken++;
          const s = Array.from({ length: n }, () => true);
          const of = (data: JsonObject) =>
            skeleton(parse(`<!doctype html><body>z${template.render({ ...data, s }).html}`));
          expect(of({ x, y })).toEqual(of({ x: "z", y: "z" }));
        },
      ),
      { numRuns: 10_000 },
    );
    expect(taken).toBeGreaterThan(200);
  });
});
