import type { RenderedMessage } from "../message/message.js";
import type { Channel, Notifier } from "./notifier.js";

export interface ConsoleNotifierOptions {
  /** `"console"` unless said. */
  readonly name?: string;
  /** `"email"` unless said. */
  readonly channel?: Channel;
  /** Where a message is written, with its line break; standard output unless said. */
  readonly write?: (text: string) => void;
}

/** Prints messages instead of sending them. */
export function consoleNotifier(options: ConsoleNotifierOptions = {}): Notifier {
  const { name = "console", channel = "email", write = (text) => process.stdout.write(text) } = options;
  return {
    name,
    channel,
    mode: "at-most-once",
    async send(message) {
      write(`${printed(message)}\n`);
    },
  };
}

function printed({ to, subject, text, html }: RenderedMessage): string {
  const name = to.name ?? [to.firstName, to.lastName].filter(Boolean).join(" ");
  const address = name === "" ? to.address : `${name} <${to.address}>`;
  const body = (text ?? html ?? "").trimEnd().replaceAll("\n", "\n  ");
  return `To: ${address}\n${subject === null ? "" : `Subject: ${subject}\n`}  ${body}`;
}
