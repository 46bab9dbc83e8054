import type { Recipient } from "../recipient/recipient.js";
import type { ValueFormat } from "./value-format.js";

/** What is said, as mustache templates. At least one of `text` and `html` is present. */
export interface MessageParts {
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  /**
   * Fields of the data that are html already, by their path from the root: `{{{body}}}` in `html` merges them as they are.
   * Everything else is escaped. Whoever fills such a field must have cleaned it.
   */
  readonly safeHtml?: readonly string[];
}

/** What is said as it is stored, under the hash of its content. */
export interface MessageTemplate extends MessageParts {
  /**
   * The language it is written in, a BCP 47 tag. With it merged values are isolated, so that none turns what stands around
   * it, and html says its language and direction. Absent: values are merged as they are.
   */
  readonly language?: string;
  /** How fields are written in that language, by their path from the root. Only with a `language`. */
  readonly formats?: Readonly<Record<string, ValueFormat>>;
}

/** A mailbox, or whatever a channel answers to, with the name that is shown. */
export interface MessageAddress {
  readonly address: string;
  readonly name?: string;
}

/** Who a message is from, and who is answered. What is absent is as the notifier says. */
export interface MessageSender {
  readonly from?: MessageAddress;
  readonly replyTo?: MessageAddress;
}

/** A message as one recipient gets it. */
export interface RenderedMessage {
  readonly to: Recipient;
  readonly subject: string | null;
  readonly text: string | null;
  readonly html: string | null;
  /** There where what sends it says so, as a campaign may; else it is from whoever the notifier says. */
  readonly sender?: MessageSender;
}
