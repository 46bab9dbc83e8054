import { MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import { DataScope, type Found } from "./data-scope.js";
import { balanced, isolated } from "./isolation.js";
import { nowhere, safeUrl } from "./safe-url.js";
import type { TemplateNode } from "./template-node.js";
import { expectedOfFormat, type ValueFormat, type ValueWriter } from "./value-format.js";

/** Bytes of UTF-8 that a rendered message has at most, all parts together. */
export const maxMessageBytes = 262_144;

/**
 * Nodes written and places looked at while a message is rendered, at most. Rendering is synchronous, so no timer could
 * stop it: 100,000 steps take 5 to 20 ms. A message with a table of 1,000 rows takes about 20,000.
 */
const maxSteps = 100_000;

/** What rendering one message may still cost; spent by all of its parts. */
export class RenderBudget {
  #steps = maxSteps;
  #characters = maxMessageBytes;

  /** Throws `render_failed`. */
  step(steps = 1): void {
    this.#steps -= steps;
    if (this.#steps < 0) throw tooLarge(`at most ${maxSteps} steps of rendering`);
  }

  write(text: string): string {
    this.#characters -= text.length;
    if (this.#characters < 0) throw tooLarge(`at most ${maxMessageBytes} bytes in a message`);
    return text;
  }
}

export function tooLarge(expected: string): MilepostError {
  return new MilepostError("render_failed", `The message cannot be rendered: ${expected}.`, { expected });
}

/** How merged values are written. */
export interface Writing {
  readonly escape: (text: string) => string;
  /** Fields that are written as they are where the template says so. */
  readonly safe: ReadonlySet<string>;
  /** Fields that are written in the reader's language. */
  readonly formats?: ReadonlyMap<string, ValueFormat>;
  /** Whether a url stands bare: what isolates it would be taken for a part of it where it is made a link of. */
  readonly bareUrls?: boolean;
}

/** A part as text. Throws `render_failed` once `budget` is spent. */
export function renderNodes(
  nodes: readonly TemplateNode[],
  data: JsonObject,
  writing: Writing,
  budget: RenderBudget,
  values?: ValueWriter,
): string {
  const step = () => budget.step();
  return all(nodes, new DataScope(data));

  function all(inner: readonly TemplateNode[], scope: DataScope): string {
    let text = "";
    for (const node of inner) text += one(node, scope);
    return text;
  }

  function one(node: TemplateNode, scope: DataScope): string {
    budget.step();
    if (node.kind === "text") return budget.write(node.text);
    if (node.kind === "url") return safeUrl(all(node.inner, scope));
    const found = scope.find(node.path, step);
    if (node.kind === "section") return section(node, found, scope);
    const field = node.unescaped || values ? (found.scope?.fieldOf(node.path) ?? "") : "";
    if (node.unescaped && writing.safe.has(field)) return budget.write(textOf(found.value, step));
    const format = values && writing.formats?.get(field);
    const value = format ? formatted(format, found.value, field) : textOf(found.value, step);
    const bare = node.isolation === undefined || value === "" || (format === "url" && writing.bareUrls);
    if (bare) return budget.write(writing.escape(value));
    if (node.isolation === "characters") return budget.write(writing.escape(isolated(value)));
    return budget.write(`<bdi>${writing.escape(balanced(value))}</bdi>`);
  }

  function formatted(format: ValueFormat, value: unknown, field: string): string {
    if (value === undefined || value === null) return "";
    const text = values!.write(format, value);
    // what leads to a place that nobody may be led to leads nowhere, as everywhere in messages
    if (text === undefined && format === "url") return nowhere;
    if (text !== undefined) return text;
    const expected = expectedOfFormat[format];
    throw new MilepostError("render_failed", `${field}: expected ${expected}`, { path: field, expected });
  }

  function section(
    { inverted, inner, path }: TemplateNode & { readonly kind: "section" },
    { value, scope: from }: Found,
    scope: DataScope,
  ): string {
    const absent = !value || typeof value === "function" || (Array.isArray(value) && value.length === 0);
    if (inverted) return absent ? all(inner, scope) : "";
    if (absent) return "";
    if (!Array.isArray(value)) return all(inner, value === true ? scope : scope.inner(value, from, path));
    let text = "";
    for (const item of value) {
      budget.step();
      text += all(inner, scope.inner(item, from, path));
    }
    return text;
  }
}

/** As mustache writes it, without asking the value: an own `toString` of the data is data. */
function textOf(value: unknown, step: () => void): string {
  step();
  if (value === undefined || value === null || typeof value === "function") return "";
  if (Array.isArray(value)) return value.map((item) => textOf(item, step)).join(",");
  return typeof value === "object" ? "[object Object]" : String(value);
}
