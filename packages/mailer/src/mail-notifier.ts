import type { Notifier, Outcome, RenderedMessage, SendContext } from "@milepost/core";

/** A notifier of this package: it always says what became of a message. */
export interface MailNotifier extends Notifier {
  send(message: RenderedMessage, context: SendContext): Promise<Outcome>;
  close(): Promise<void>;
}
