import { attributeUse } from "./html-attribute.js";
import { HtmlScanner } from "./html-scanner.js";
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
 */
export function placeInHtml(
  nodes: readonly TemplateNode[],
  path: string,
  safeHtml: readonly string[],
): readonly TemplateNode[] {
  return placed(nodes, new HtmlScanner(), { path, safeHtml });
}

interface Part {
  readonly path: string;
  readonly safeHtml: readonly string[];
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
      out.push(node);
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
