import { createHash } from "node:crypto";
import type { JsonObject } from "../json.js";
import type { Recipient } from "../recipient/recipient.js";
import type { MessageSender, MessageTemplate, RenderedMessage } from "./message.js";
import { type CompiledTemplate, compileTemplate } from "./template.js";
import { Formatters } from "./value-format.js";

/**
 * Keeps the templates a worker met last, so that a million messages of one campaign are parsed once. Bounded by their
 * number and by their length together, because tenants may write templates: the one met longest ago is let go.
 */
export class TemplateCache {
  readonly #compiled = new Map<string, CompiledTemplate>();
  readonly #capacity: number;
  readonly #characters: number;
  /** Shared by all of them: a formatter holds more than most templates. */
  readonly #formatters = new Formatters();
  #held = 0;

  constructor(capacity = 500, characters = 4_194_304) {
    this.#capacity = capacity;
    this.#characters = characters;
  }

  get size(): number {
    return this.#compiled.size;
  }

  get(hash: string, template: MessageTemplate): CompiledTemplate {
    const known = this.#compiled.get(hash);
    const compiled = known ?? compileTemplate(template, "template", this.#formatters);
    this.#compiled.delete(hash);
    this.#compiled.set(hash, compiled);
    if (known === undefined) this.#held += lengthOf(compiled);
    for (const [oldest, { template: gone }] of this.#compiled) {
      if (this.#compiled.size <= this.#capacity && this.#held <= this.#characters) break;
      if (oldest === hash) break;
      this.#compiled.delete(oldest);
      this.#held -= lengthOf({ template: gone });
    }
    return compiled;
  }
}

function lengthOf({ template: { subject = "", text = "", html = "" } }: Pick<CompiledTemplate, "template">): number {
  return subject.length + text.length + html.length;
}

/** A message as one recipient gets it. Deterministic: the same template, data and recipient give the same bytes. */
export function renderMessage(
  compiled: CompiledTemplate,
  data: JsonObject,
  to: Recipient,
  sender: MessageSender | null = null,
): RenderedMessage {
  return { to, ...compiled.render(data, to), ...(sender !== null && { sender }) };
}

/** SHA-256 over a rendered message, to show that all attempts carried the same payload. */
export function payloadHash({ to, subject, text, html, sender }: RenderedMessage): string {
  return createHash("sha256")
    .update(JSON.stringify([to.address, subject, text, html, ...(sender === undefined ? [] : [sender])]))
    .digest("hex");
}
