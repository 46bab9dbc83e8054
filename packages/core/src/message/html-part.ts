import { attributeUse, isSpoken } from "./html-attribute.js";
import { HtmlScanner } from "./html-scanner.js";
import type { Isolation } from "./isolation.js";
import { directionOf } from "./language.js";
import { literalScheme } from "./safe-url.js";
import { refusedTemplate, type TemplateNode } from "./template-node.js";

/**
 * The nodes of an html part, once each tag stands where an escaped value can only ever be text; throws `invalid_template`
 * otherwise. Values of url attributes whose scheme is only known later are put into nodes of their own.
 *
 * | a tag in | |
 * | --- | --- |
 * | text, `<title>`, `<textarea>` | merged, escaped |
 * | a quoted attribute | merged, escaped; of a url attribute see `safeUrl` |
 * | `style`, `on…`, `srcset`, `srcdoc` and other attributes that are more than text | refused |
 * | an attribute without quotes, a tag, a comment, `<script>`, `<style>` | refused |
 *
 * `{{{x}}}` stands in text alone, and only for fields that `safeHtml` names. A section begins and ends in one place, so
 * that what follows it is read the same whether the section is there or not.
 *
 * In a `language` each value is isolated by `<bdi>`, or by characters where no element can stand and people read the text.
 * `<html>` and `<body>` say language and direction, a `<div>` round everything where neither is there.
 */
export function placeInHtml(
  nodes: readonly TemplateNode[],
  path: string,
  safeHtml: readonly string[],
  language?: string,
): readonly TemplateNode[] {
  if (language === undefined) return placed(nodes, new HtmlScanner(), { path, safeHtml });
  const shown = { said: { lang: language, dir: directionOf(language) }, bearers: 0 };
  const inner = placed(nodes, new HtmlScanner(), { path, safeHtml, shown });
  if (shown.bearers > 0) return inner;
  return [{ kind: "text", text: `<div${attributes(shown.said)}>` }, ...inner, { kind: "text", text: "</div>" }];
}

interface Part {
  readonly path: string;
  readonly safeHtml: readonly string[];
  /** What html says of its language, and how many elements say it so far. */
  readonly shown?: { readonly said: Readonly<Record<"lang" | "dir", string>>; bearers: number };
}

function attributes(said: Readonly<Record<string, string>>): string {
  return Object.entries(said)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join("");
}

function placed(nodes: readonly TemplateNode[], scanner: HtmlScanner, part: Part): readonly TemplateNode[] {
  const out: TemplateNode[] = [];
  /** Where in `out` the value of a url attribute begins. */
  let url: number | undefined;
  const text = (piece: string) => piece !== "" && out.push({ kind: "text", text: piece });

  for (const node of nodes) {
    if (node.kind === "text") {
      let from = 0;
      const upTo = (at: number) => {
        text(node.text.slice(from, at));
        from = at;
      };
      const read = scanner.read(node.text, {
        named(at) {
          const { shown } = part;
          if (shown === undefined || scanner.inForeign || !["html", "body"].includes(scanner.element)) return;
          upTo(at);
          shown.bearers++;
          text(attributes(unsaid(shown.said, node.text.slice(at))));
        },
        opened(at) {
          if (attributeUse(scanner.element, scanner.attribute) !== "url") return;
          upTo(at);
          url = out.length;
        },
        closed(at) {
          if (url === undefined) return;
          upTo(at);
          out.push(...urlNodes(out.splice(url), part.path));
          url = undefined;
        },
      });
      if (!read) throw refusedTemplate(part.path, "a space behind a section that ends in the middle of a tag");
      upTo(node.text.length);
    } else if (node.kind === "value") {
      refuseUnsafe(node, scanner, part);
      const isolation = part.shown && isolationAt(scanner);
      out.push(isolation === undefined ? node : { ...node, isolation });
    } else if (node.kind === "section") {
      const refused = () =>
        refusedTemplate(part.path, `{{#${node.name}}} to begin and end in text, or in the same place of one tag`);
      if (!scanner.boundary()) throw refused();
      const { state, place } = scanner;
      const inner = placed(node.inner, scanner, part);
      if (!scanner.boundary() || scanner.state !== state) throw refused();
      if (place === "edge") scanner.place = place;
      out.push({ ...node, inner });
    }
  }
  return out;
}

/** What the tag that goes on with `rest` does not say itself. */
function unsaid(said: Readonly<Record<string, string>>, rest: string): Readonly<Record<string, string>> {
  const own = rest.slice(0, rest.indexOf(">") + 1 || rest.length);
  return Object.fromEntries(
    Object.entries(said).filter(([name]) => !new RegExp(`[\\s"'/]${name}\\s*=`, "i").test(own)),
  );
}

/** An element stands in text alone, and an svg or formula would not show it. */
function isolationAt({ place, attribute, inForeign }: HtmlScanner): Isolation | undefined {
  if (place === "text") return inForeign ? "characters" : "element";
  return place === "escapable" || (place === "quoted" && isSpoken(attribute)) ? "characters" : undefined;
}

function urlNodes(nodes: readonly TemplateNode[], path: string): readonly TemplateNode[] {
  if (nodes.every(({ kind }) => kind === "text")) return nodes;
  const scheme = literalScheme(nodes[0]!.kind === "text" ? nodes[0]!.text : "");
  if (scheme === "code") throw refusedTemplate(path, "no tag in a javascript:, vbscript: or data: url");
  return scheme === "fixed" ? nodes : [{ kind: "url", inner: nodes }];
}

function refuseUnsafe(node: TemplateNode & { readonly kind: "value" }, scanner: HtmlScanner, part: Part): void {
  const { place, element, attribute } = scanner;
  const where = {
    text: undefined,
    escapable: undefined,
    quoted: attributeUse(element, attribute) === "code" ? `the attribute ${attribute} of <${element}>` : undefined,
    raw: element === "" ? "a script or style" : `<${element}>`,
    open: "what may become a tag or a comment",
    comment: "a comment",
    bogus: "a comment or declaration",
    equals: "an attribute without quotes",
    unquoted: "an attribute without quotes",
    name: "the name of a tag",
    attribute: "the name of an attribute",
    named: "a tag outside of quotes",
    tag: "a tag outside of quotes",
    edge: "a tag outside of quotes",
  }[place];
  if (where !== undefined) throw refusedTemplate(part.path, `no {{${node.name}}} in ${where}`);
  if (!node.unescaped) return;
  if (place !== "text") throw refusedTemplate(part.path, `no unescaped {{{${node.name}}}} outside of text`);
  if (!part.safeHtml.some((field) => mayBe(field, node.name))) {
    throw refusedTemplate(part.path, `no unescaped tags but of fields in safeHtml, as in {{{${node.name}}}}`);
  }
}

/** Whether a tag of this name may find the field, in a section or outside; whether it does shows when it is rendered. */
function mayBe(field: string, name: string): boolean {
  return name === "." || field === name || field.endsWith(`.${name}`);
}
