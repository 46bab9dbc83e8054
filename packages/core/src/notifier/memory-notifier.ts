import { MilepostError } from "../errors.js";
import type { RenderedMessage } from "../message/message.js";
import type { Channel, DeliveryMode, Notifier, Outcome, SendContext } from "./notifier.js";

export interface MemoryNotifierOptions {
  /** `"memory"` unless said. */
  readonly name?: string;
  /** `"email"` unless said. */
  readonly channel?: Channel;
  /** `"at-most-once"` unless said. */
  readonly mode?: DeliveryMode;
  readonly keyLifetime?: number;
  /** What becomes of a call; accepted unless said. May wait, throw, or watch the signal, as the outside world would. */
  // biome-ignore lint/suspicious/noConfusingVoidType: as Notifier.send, nothing returned is accepted
  readonly answer?: (message: RenderedMessage, context: SendContext) => Outcome | void | Promise<Outcome | void>;
}

/** What a message is compared with; every field that is given must match. */
export interface SentMatch {
  /** The recipient's address. */
  readonly to?: string;
  readonly subject?: string | RegExp;
  readonly text?: string | RegExp;
}

export interface MemoryNotifier extends Notifier {
  /** Every message that was accepted, in the order of acceptance. */
  readonly sent: readonly RenderedMessage[];
  /** Every call, accepted or not. */
  readonly calls: readonly { readonly message: RenderedMessage; readonly context: SendContext }[];
  /** Throws `expectation_failed`, listing what was sent, unless exactly `count` accepted messages match. */
  expectSent(count: number, match?: SentMatch): void;
  clear(): void;
}

/** A notifier for tests: keeps what it is given and counts it. */
export function memoryNotifier(options: MemoryNotifierOptions = {}): MemoryNotifier {
  const { name = "memory", channel = "email", mode = "at-most-once", keyLifetime, answer } = options;
  const sent: RenderedMessage[] = [];
  const calls: { message: RenderedMessage; context: SendContext }[] = [];
  return {
    name,
    channel,
    mode,
    sent,
    calls,
    ...(keyLifetime !== undefined && { keyLifetime }),
    async send(message, context) {
      calls.push({ message, context });
      const outcome = await answer?.(message, context);
      if (outcome === undefined || outcome.kind === "accepted") sent.push(message);
      return outcome;
    },
    expectSent(count, match = {}) {
      const unknown = Object.keys(match).find((field) => !["to", "subject", "text"].includes(field));
      if (unknown !== undefined) {
        const expected = "to, subject and text only: any other field would match everything";
        throw new MilepostError("invalid_options", `${unknown}: ${expected}`, { path: unknown, expected });
      }
      const matching = sent.filter((message) => matches(message, match));
      if (matching.length === count) return;
      const list = sent
        .map((message) => `  ${message.to.address}: ${message.subject ?? message.text ?? ""}`)
        .join("\n");
      throw new MilepostError(
        "expectation_failed",
        `Expected ${count} sent message(s) like ${describe(match)}, found ${matching.length} of:\n${list || "  (none)"}`,
      );
    },
    clear() {
      sent.length = 0;
      calls.length = 0;
    },
  };
}

function matches(message: RenderedMessage, { to, subject, text }: SentMatch): boolean {
  return (to === undefined || message.to.address === to) && like(message.subject, subject) && like(message.text, text);
}

function like(value: string | null, wanted: string | RegExp | undefined): boolean {
  if (wanted === undefined) return true;
  if (value === null) return false;
  return typeof wanted === "string" ? value === wanted : wanted.test(value);
}

function describe(match: SentMatch): string {
  return JSON.stringify(match, (_, value: unknown) => (value instanceof RegExp ? String(value) : value));
}
