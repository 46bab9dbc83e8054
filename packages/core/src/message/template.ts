import { createHash } from "node:crypto";
import type { JsonObject } from "../json.js";
import { DataScope } from "./data-scope.js";
import { placeInHtml } from "./html-part.js";
import type { MessageTemplate } from "./message.js";
import { maxMessageBytes, RenderBudget, renderNodes, tooLarge, type Writing } from "./rendering.js";
import { parseNodes, refusedTemplate, type TemplateNode } from "./template-node.js";

/** A template that was parsed once. */
export interface CompiledTemplate {
  readonly template: MessageTemplate;
  /** Names the content: templates are stored under it. */
  readonly hash: string;
  /** Tags that stand outside every section, so that leaving one empty would leave a hole in the message. */
  readonly requiredTags: readonly string[];
  /** Throws `render_failed` for more than 256 kB, or more work than a message is worth. */
  render(data: JsonObject): {
    readonly subject: string | null;
    readonly text: string | null;
    readonly html: string | null;
  };
}

type Part = "subject" | "text" | "html";
const parts: readonly Part[] = ["subject", "text", "html"];

/**
 * Parses every part; throws `invalid_template` with the part's path for what mustache cannot read, for a partial, for
 * sections nested too deep, and for a tag in html where escaping would not make it safe.
 */
export function compileTemplate(template: MessageTemplate, path: string): CompiledTemplate {
  const content: MessageTemplate = Object.fromEntries(
    [...parts, "safeHtml" as const].flatMap((field) =>
      template[field] === undefined ? [] : [[field, template[field]]],
    ),
  );
  if (content.text === undefined && content.html === undefined) throw refusedTemplate(path, "a text or an html part");
  const safeHtml = content.safeHtml ?? [];
  for (const [i, field] of safeHtml.entries()) {
    if (!isStorable(field)) throw refusedTemplate(`${path}.safeHtml[${i}]`, storable);
  }
  const nodes = new Map<Part, readonly TemplateNode[]>();
  const required = new Set<string>();
  for (const part of parts) {
    const source = content[part];
    if (source === undefined) continue;
    const at = `${path}.${part}`;
    if (source.length > maxMessageBytes) throw refusedTemplate(at, "at most 262,144 characters");
    if (!isStorable(source)) throw refusedTemplate(at, storable);
    const parsed = parseNodes(source, at);
    for (const node of parsed) if (node.kind === "value") required.add(node.name);
    nodes.set(part, part === "html" ? placeInHtml(parsed, at, safeHtml) : parsed);
  }
  const html: Writing = { escape: escapeHtml, safe: new Set(safeHtml) };
  return {
    template: content,
    hash: createHash("sha256")
      .update(
        JSON.stringify([...parts.map((part) => content[part] ?? null), ...(safeHtml.length > 0 ? [safeHtml] : [])]),
      )
      .digest("hex"),
    requiredTags: [...required],
    render(data) {
      const budget = new RenderBudget();
      const render = (part: Part, writing: Writing) =>
        nodes.has(part) ? renderNodes(nodes.get(part)!, data, writing, budget) : null;
      // not only merged values: a literal line break, or an unescaped tag, must not reach a header either
      const subject = render("subject", asItIs)?.replace(lineBreaks, " ") ?? null;
      const message = { subject, text: render("text", asItIs), html: render("html", html) };
      const bytes = parts.reduce((sum, part) => sum + Buffer.byteLength(message[part] ?? ""), 0);
      if (bytes > maxMessageBytes) throw tooLarge(`at most ${maxMessageBytes} bytes in a message`);
      return message;
    },
  };
}

// Postgres has no NUL in text, and UTF-8 no half of a character: a template is refused before the first store is asked
const storable = "text without NUL and lone surrogates";
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");

/** The required tags that `data` has no value for. An empty text is a value, null is none. */
export function missingTags(compiled: CompiledTemplate, data: JsonObject): readonly string[] {
  const scope = new DataScope(data);
  return compiled.requiredTags.filter((tag) => scope.find(tag === "." ? [] : tag.split(".")).value === undefined);
}

const lineBreaks: RegExp = /[\p{Cc}\u2028\u2029]+/gu;

/** Subject and text are no html: there `{{x}}` and `{{{x}}}` are the same. */
const asItIs: Writing = { escape: (text) => text, safe: new Set() };

const htmlEntities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "/": "&#x2F;",
  "`": "&#x60;",
  "=": "&#x3D;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"'/`=]/g, (char) => htmlEntities[char]!);
}
