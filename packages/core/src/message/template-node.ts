import mustache from "mustache";
import { MilepostError } from "../errors.js";
import type { Isolation } from "./isolation.js";

/** A template's part as it is rendered: text, merged values, sections, and values of url attributes. */
export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "value";
      readonly name: string;
      readonly path: readonly string[];
      readonly unescaped: boolean;
      /** Absent: merged as it is. */
      readonly isolation?: Isolation;
    }
  | {
      readonly kind: "section";
      readonly name: string;
      readonly path: readonly string[];
      readonly inverted: boolean;
      readonly inner: readonly TemplateNode[];
    }
  /** The whole value of an html attribute, without its quotes, whose scheme is only known when it is rendered. */
  | { readonly kind: "url"; readonly inner: readonly TemplateNode[] };

/** mustache's token: type, value, start, end, and for a section its inner tokens. */
type Token = [type: string, value: string, start: number, end: number, inner?: Token[]];

/** Sections within sections. A list at each of ten levels is more than a message says. */
const maxDepth = 10;
/** mustache searches the end of a tag in time that grows with the square of such a run: 1.3 s for 60,000 spaces. */
const longestSpace = 1_000;
/**
 * What mustache looks for behind the opening delimiter, as far as it must to find one: `{` of the next tag where nobody
 * changed the delimiters. Else such a run costs the square of its length: 27 s for 262,144 characters of `[a]`.
 */
const kindOfTag = /[#^/>{&=!]+/;
const changesDelimiters = /\{\{\s*=/;
const longestWithoutKind = 2_000;

/**
 * Parses one part with mustache's own parser; throws `invalid_template` for a syntax error, a partial, and sections that
 * are nested too deep. Comments and changes of the delimiters are left out, so that no two texts follow each other.
 */
export function parseNodes(source: string, path: string): readonly TemplateNode[] {
  for (const [space] of source.matchAll(/\s+/g)) {
    if (space.length > longestSpace) throw refusedTemplate(path, `at most ${longestSpace} spaces in a row`);
  }
  if (changesDelimiters.test(source) && source.split(kindOfTag).some(({ length }) => length > longestWithoutKind)) {
    const expected = "where it changes its delimiters, one of # ^ / > { & = ! in each 2,000 characters";
    throw refusedTemplate(path, expected);
  }
  let tokens: Token[];
  try {
    // a writer of its own, without its cache: that one would grow with every template a host ever had
    tokens = new mustache.Writer().parse(source) as Token[];
  } catch (error) {
    throw refusedTemplate(path, `a mustache template (${(error as Error).message})`, error);
  }
  return nodesOf(tokens, path, 0);
}

function nodesOf(tokens: readonly Token[], at: string, depth: number): readonly TemplateNode[] {
  if (depth > maxDepth) throw refusedTemplate(at, `sections nested at most ${maxDepth} deep`);
  const nodes: TemplateNode[] = [];
  for (const [type, name, , , inner = []] of tokens) {
    const path = name === "." ? [] : name.split(".");
    const before = nodes.at(-1);
    if (type === ">") throw refusedTemplate(at, `no partials, as in {{> ${name}}}`);
    else if (type === "name" || type === "&") nodes.push({ kind: "value", name, path, unescaped: type === "&" });
    else if (type === "#" || type === "^") {
      nodes.push({ kind: "section", name, path, inverted: type === "^", inner: nodesOf(inner, at, depth + 1) });
    } else if (type === "text") {
      if (before?.kind === "text") nodes[nodes.length - 1] = { kind: "text", text: flat(before.text + name) };
      else nodes.push({ kind: "text", text: flat(name) });
    }
  }
  return nodes;
}

/**
 * mustache joins text character by character, which V8 keeps as a chain of 32 bytes each until somebody reads it: a worker's
 * 500 templates could hold gigabytes. Measured: 2 bytes per character afterwards.
 */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

/** The error of a template that was refused. */
export function refusedTemplate(path: string, expected: string, cause?: unknown): MilepostError {
  return new MilepostError("invalid_template", `${path}: expected ${expected}`, { path, expected, cause });
}
