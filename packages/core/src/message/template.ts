import { createHash } from "node:crypto";
import type { JsonObject } from "../json.js";
import { DataScope } from "./data-scope.js";
import { placeInHtml } from "./html-part.js";
import { canonicalLanguage, localeFor } from "./language.js";
import type { MessageTemplate } from "./message.js";
import { maxMessageBytes, RenderBudget, renderNodes, tooLarge, type Writing } from "./rendering.js";
import { parseNodes, refusedTemplate, type TemplateNode } from "./template-node.js";
import { Formatters, type Reader, type ValueFormat, ValueWriter, valueFormats } from "./value-format.js";

/** A template that was parsed once. */
export interface CompiledTemplate {
  readonly template: MessageTemplate;
  /** Names the content: templates are stored under it. */
  readonly hash: string;
  /** Tags that stand outside every section, so that leaving one empty would leave a hole in the message. */
  readonly requiredTags: readonly string[];
  /** Its parts as they were parsed. */
  readonly nodes: ReadonlyMap<MessagePart, readonly TemplateNode[]>;
  /**
   * Throws `render_failed` for more than 256 kB, more work than a message is worth, or a value that its format cannot
   * write. Who reads it matters to a template with a `language` alone.
   */
  render(
    data: JsonObject,
    reader?: Reader,
  ): {
    readonly subject: string | null;
    readonly text: string | null;
    readonly html: string | null;
  };
}

export type MessagePart = "subject" | "text" | "html";
const parts: readonly MessagePart[] = ["subject", "text", "html"];

/**
 * Parses every part; throws `invalid_template` with the part's path for what mustache cannot read, for a partial, for
 * sections nested too deep, and for a tag in html where escaping would not make it safe.
 */
export function compileTemplate(
  template: MessageTemplate,
  path: string,
  formatters: Formatters = new Formatters(),
): CompiledTemplate {
  const content: MessageTemplate = Object.fromEntries(
    [...parts, "safeHtml" as const, "language" as const, "formats" as const].flatMap((field) =>
      template[field] === undefined ? [] : [[field, template[field]]],
    ),
  );
  if (content.text === undefined && content.html === undefined) throw refusedTemplate(path, "a text or an html part");
  const safeHtml = content.safeHtml ?? [];
  for (const [i, field] of safeHtml.entries()) {
    if (!isStorable(field)) throw refusedTemplate(`${path}.safeHtml[${i}]`, storable);
  }
  const { language } = content;
  refuseLanguage(content, path);
  const nodes = new Map<MessagePart, readonly TemplateNode[]>();
  const required = new Set<string>();
  for (const part of parts) {
    const source = content[part];
    if (source === undefined) continue;
    const at = `${path}.${part}`;
    if (source.length > maxMessageBytes) throw refusedTemplate(at, "at most 262,144 characters");
    if (!isStorable(source)) throw refusedTemplate(at, storable);
    const parsed = parseNodes(source, at);
    for (const node of parsed) if (node.kind === "value") required.add(node.name);
    if (part === "html") nodes.set(part, placeInHtml(parsed, at, safeHtml, language));
    else nodes.set(part, language === undefined ? parsed : isolatedNodes(parsed));
  }
  const formats: ReadonlyMap<string, ValueFormat> = new Map(Object.entries(content.formats ?? {}));
  const writings: Readonly<Record<MessagePart, Writing>> = {
    subject: { ...asItIs, formats },
    text: { ...asItIs, formats, bareUrls: true },
    html: { escape: escapeHtml, safe: new Set(safeHtml), formats },
  };
  return {
    template: content,
    hash: createHash("sha256").update(identity(content)).digest("hex"),
    requiredTags: [...required],
    nodes,
    render(data, { locale, zone } = {}) {
      const budget = new RenderBudget();
      const values =
        language === undefined
          ? undefined
          : new ValueWriter(formatters, localeFor(language, locale), zone, (steps) => budget.step(steps));
      const render = (part: MessagePart) =>
        nodes.has(part) ? renderNodes(nodes.get(part)!, data, writings[part], budget, values) : null;
      // not only merged values: a literal line break, or an unescaped tag, must not reach a header either
      const subject = render("subject")?.replace(lineBreaks, " ") ?? null;
      const message = { subject, text: render("text"), html: render("html") };
      const bytes = parts.reduce((sum, part) => sum + Buffer.byteLength(message[part] ?? ""), 0);
      if (bytes > maxMessageBytes) throw tooLarge(`at most ${maxMessageBytes} bytes in a message`);
      return message;
    },
  };
}

/** What the hash is of. What a template does not say is not in it: those of before have the hash they always had. */
function identity({ safeHtml = [], language, formats = {}, ...content }: MessageTemplate): string {
  const said: unknown[] = parts.map((part) => content[part] ?? null);
  if (language !== undefined) {
    const ordered = Object.entries(formats).sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify([...said, safeHtml, language, ordered]);
  }
  return JSON.stringify(safeHtml.length > 0 ? [...said, safeHtml] : said);
}

function refuseLanguage({ language, formats = {} }: MessageTemplate, path: string): void {
  const at = `${path}.language`;
  if (language !== undefined && canonicalLanguage(language) !== language) {
    throw refusedTemplate(at, "a BCP 47 language tag in its canonical form, as in pt-BR");
  }
  const fields = Object.entries(formats);
  if (language === undefined && fields.length > 0) throw refusedTemplate(at, "a language for the formats");
  for (const [field, format] of fields) {
    if (!isStorable(field)) throw refusedTemplate(`${path}.formats`, storable);
    if (!valueFormats.includes(format)) throw refusedTemplate(`${path}.formats.${field}`, valueFormats.join(", "));
  }
}

/** A subject or text, which has no elements. */
function isolatedNodes(nodes: readonly TemplateNode[]): readonly TemplateNode[] {
  return nodes.map((node) => {
    if (node.kind === "value") return { ...node, isolation: "characters" };
    return node.kind === "section" ? { ...node, inner: isolatedNodes(node.inner) } : node;
  });
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
