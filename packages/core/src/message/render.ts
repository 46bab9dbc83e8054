import { createHash } from "node:crypto";
import type { JsonObject } from "../json.js";
import type { Recipient } from "../recipient/recipient.js";
import type { MessageTemplate, RenderedMessage } from "./message.js";
import { type CompiledTemplate, compileTemplate } from "./template.js";

/** Keeps the templates a worker met last, so that a million messages of one campaign are parsed once. */
export class TemplateCache {
  readonly #compiled = new Map<string, CompiledTemplate>();
  readonly #capacity: number;

  constructor(capacity = 500) {
    this.#capacity = capacity;
  }

  get(hash: string, template: MessageTemplate): CompiledTemplate {
    const compiled = this.#compiled.get(hash) ?? compileTemplate(template, "template");
    this.#compiled.delete(hash);
    this.#compiled.set(hash, compiled);
    if (this.#compiled.size > this.#capacity) {
      const [oldest] = this.#compiled.keys();
      this.#compiled.delete(oldest!);
    }
    return compiled;
  }
}

/** A message as one recipient gets it. Deterministic: the same template and data give the same bytes. */
export function renderMessage(compiled: CompiledTemplate, data: JsonObject, to: Recipient): RenderedMessage {
  return { to, ...compiled.render(data) };
}

/** SHA-256 over a rendered message, to show that all attempts carried the same payload. */
export function payloadHash({ to, subject, text, html }: RenderedMessage): string {
  return createHash("sha256")
    .update(JSON.stringify([to.address, subject, text, html]))
    .digest("hex");
}
