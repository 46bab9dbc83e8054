import { createHash } from "node:crypto";
import mustache from "mustache";
import { MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { MessageTemplate } from "./message.js";

/** A template that was parsed once. */
export interface CompiledTemplate {
  readonly template: MessageTemplate;
  /** Names the content: templates are stored under it. */
  readonly hash: string;
  /** Tags that stand outside every section, so that leaving one empty would leave a hole in the message. */
  readonly requiredTags: readonly string[];
  render(data: JsonObject): {
    readonly subject: string | null;
    readonly text: string | null;
    readonly html: string | null;
  };
}

type Part = "subject" | "text" | "html";
const parts: readonly Part[] = ["subject", "text", "html"];

/** mustache's token: type, value, start, end, and for a section its inner tokens. */
type Token = [type: string, value: string, start: number, end: number, inner?: Token[]];

/**
 * Parses every part; throws `invalid_template` with the part's path for a syntax error, for a partial, and for an
 * unescaped tag in html.
 */
export function compileTemplate(template: MessageTemplate, path: string): CompiledTemplate {
  const content: MessageTemplate = Object.fromEntries(
    parts.flatMap((part) => (template[part] === undefined ? [] : [[part, template[part]]])),
  );
  if (content.text === undefined && content.html === undefined) {
    throw refused(path, "a text or an html part");
  }
  const tokens = new Map<Part, Token[]>();
  const required = new Set<string>();
  for (const part of parts) {
    const source = content[part];
    if (source === undefined) continue;
    const parsed = parse(source, `${path}.${part}`);
    forbid(parsed, part, `${path}.${part}`);
    for (const [type, name] of parsed) if (type === "name" || type === "&") required.add(name);
    tokens.set(part, parsed);
  }
  const render = (part: Part, data: JsonObject) => {
    const parsed = tokens.get(part);
    if (parsed === undefined) return null;
    return writer.renderTokens(parsed as never, new DataContext(data), undefined, content[part]!, {
      escape: escapes[part],
    });
  };
  return {
    template: content,
    hash: createHash("sha256")
      .update(JSON.stringify(parts.map((part) => content[part] ?? null)))
      .digest("hex"),
    requiredTags: [...required],
    render(data) {
      // not only merged values: a literal line break, or an unescaped tag, must not reach a header either
      const subject = render("subject", data)?.replace(lineBreaks, " ") ?? null;
      return { subject, text: render("text", data), html: render("html", data) };
    },
  };
}

/** The required tags that `data` has no value for. An empty text is a value, null is none. */
export function missingTags(compiled: CompiledTemplate, data: JsonObject): readonly string[] {
  const context = new DataContext(data);
  return compiled.requiredTags.filter((tag) => context.lookup(tag) === undefined);
}

const writer = new mustache.Writer();

function parse(source: string, path: string): Token[] {
  if (source.length > 262_144) throw refused(path, "at most 262,144 characters");
  try {
    // a writer of its own, without its cache: that one would grow with every template a host ever had
    return new mustache.Writer().parse(source) as Token[];
  } catch (error) {
    throw refused(path, `a mustache template (${(error as Error).message})`, error);
  }
}

function forbid(tokens: readonly Token[], part: Part, path: string): void {
  for (const [type, name, , , inner] of tokens) {
    if (type === ">") throw refused(path, `no partials, as in {{> ${name}}}`);
    if (type === "&" && part === "html") throw refused(path, `no unescaped tags, as in {{{${name}}}}`);
    if (inner !== undefined) forbid(inner, part, path);
  }
}

function refused(path: string, expected: string, cause?: unknown): MilepostError {
  return new MilepostError("invalid_template", `${path}: expected ${expected}`, { path, expected, cause });
}

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

const lineBreaks: RegExp = /[\p{Cc}\u2028\u2029]+/gu;

/** How a merged value is written into each part. */
const escapes: Readonly<Record<Part, (value: unknown) => string>> = {
  subject: String,
  text: String,
  html: (value) => String(value).replace(/[&<>"'/`=]/g, (char) => htmlEntities[char]!),
};

/**
 * Looks names up among own properties of plain data only. mustache's own context walks the prototype chain and calls
 * what it finds there (`{{constructor}}`).
 */
class DataContext extends mustache.Context {
  override push(view: unknown): DataContext {
    return new DataContext(view, this);
  }

  override lookup(name: string): unknown {
    if (name === ".") return this.view;
    const path = name.split(".");
    for (let context: mustache.Context | undefined = this; context !== undefined; context = context.parent) {
      const found = ownPath(context.view, path);
      if (found !== undefined) return found ?? undefined;
    }
    return undefined;
  }
}

/** The value at `path`, null included; undefined where the path ends before it. */
function ownPath(view: unknown, path: readonly string[]): unknown {
  let value = view;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === "function" ? undefined : value;
}
