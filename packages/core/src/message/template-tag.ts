import type { JsonObject } from "../json.js";
import type { TemplateNode } from "./template-node.js";
import { expectedOfFormat, fitsFormat, type ValueFormat, valueFormats } from "./value-format.js";

/** What a tag merges: text as it is, html that somebody has cleaned, or a value that is written in the reader's language. */
export const tagTypes = ["text", "number", "money", "date", "url", "html"] as const;
export type TagType = (typeof tagTypes)[number];

/** What a stored template may merge. */
export interface TemplateTag {
  /** Names from the root of the data, joined by dots. A list has none of its own: `invoices.total` is of each invoice. */
  readonly path: string;
  readonly type: TagType;
  /** Whether a message cannot do without it; false unless said. */
  readonly required?: boolean;
}

/** Why data cannot be merged. */
export interface TagProblem {
  readonly tag: string;
  readonly problem: "missing" | "wrong";
  readonly expected: string;
}

/**
 * What of `data` its tags cannot merge: a required one without a value, one of a list in any item, and a value of another
 * type. An empty text is a value, null is none, and an empty list has none.
 */
export function tagProblems(tags: readonly TemplateTag[], data: JsonObject): readonly TagProblem[] {
  return tags.flatMap(({ path, type, required = false }): readonly TagProblem[] => {
    const values = valuesAt(data, path.split("."));
    const missing = values.length === 0 || values.some(isNone);
    if (required && missing) return [{ tag: path, problem: "missing", expected: `a value for {{${path}}}` }];
    if (values.every((value) => isNone(value) || fits(type, value))) return [];
    return [{ tag: path, problem: "wrong", expected: expectedOf(type) }];
  });
}

const isNone = (value: unknown): boolean => value === undefined || value === null;

const formatOf = (type: TagType): ValueFormat | undefined => valueFormats.find((format) => format === type);

function fits(type: TagType, value: unknown): boolean {
  const format = formatOf(type);
  if (format !== undefined) return fitsFormat(format, value);
  return typeof value === "string" || (type === "text" && ["number", "boolean"].includes(typeof value));
}

function expectedOf(type: TagType): string {
  const format = formatOf(type);
  if (format !== undefined) return expectedOfFormat[format];
  return type === "html" ? "html, as text" : "a text, a number, true or false";
}

/** Every value that a path leads to; undefined where it ends before it. */
function valuesAt(value: unknown, [name, ...rest]: readonly string[]): readonly unknown[] {
  if (typeof value === "object" && value !== null && name !== undefined && Object.hasOwn(value, name)) {
    return valuesAt((value as Readonly<Record<string, unknown>>)[name], rest);
  }
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, name === undefined ? [] : [name, ...rest]));
  return [name === undefined ? value : undefined];
}

/** How fields are merged, by their tags: what of them a {@link MessageTemplate} keeps. */
export function formatsOf(tags: readonly TemplateTag[]): {
  readonly safeHtml?: readonly string[];
  readonly formats?: Readonly<Record<string, ValueFormat>>;
} {
  const safeHtml = tags.flatMap(({ path, type }) => (type === "html" ? [path] : []));
  const formats = tags.flatMap(({ path, type }) => {
    const format = formatOf(type);
    return format === undefined ? [] : [[path, format] as const];
  });
  return {
    ...(safeHtml.length > 0 && { safeHtml }),
    ...(formats.length > 0 && { formats: Object.fromEntries(formats) }),
  };
}

/**
 * The first tag of a parsed part that is not declared; undefined if there is none. As when it is rendered, a name is looked
 * for in the section it stands in, then further out.
 */
export function undeclaredTag(nodes: readonly TemplateNode[], tags: readonly TemplateTag[]): string | undefined {
  const declared = new Set(tags.map(({ path }) => path));
  const parents = new Set([...declared].flatMap((path) => parentsOf(path)));
  return look(nodes, []);

  /** `around`: the fields of the sections that `inner` stands in, the innermost first. */
  function look(inner: readonly TemplateNode[], around: readonly string[]): string | undefined {
    for (const node of inner) {
      const found = undeclared(node, around);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function undeclared(node: TemplateNode, around: readonly string[]): string | undefined {
    if (node.kind === "text") return undefined;
    if (node.kind === "url") return look(node.inner, around);
    const own = node.path.join(".");
    const fields = own === "" ? around.slice(0, 1) : [...around, ""].map((field) => (field ? `${field}.${own}` : own));
    const field = fields.find((each) => declared.has(each) || (node.kind === "section" && parents.has(each)));
    if (field === undefined) return node.name;
    return node.kind === "section" ? look(node.inner, node.inverted ? around : [field, ...around]) : undefined;
  }
}

function parentsOf(path: string): readonly string[] {
  const names = path.split(".");
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join("."));
}
