import type { RenderedMessage, SendContext } from "@milepost/core";

/** A call as the engine makes it, with some fields replaced. */
export function sampleMessage(changes: Partial<RenderedMessage> = {}): RenderedMessage {
  return {
    to: { address: "olga@acme.example", name: "Olga" },
    subject: "Hello",
    text: "Hi Olga",
    html: null,
    ...changes,
  };
}

export function sampleContext(changes: Partial<SendContext> = {}): SendContext {
  return {
    tenant: "default",
    notification: "n-1",
    idempotencyKey: "n-1",
    messageId: "<n-1@milepost.example>",
    attempt: 1,
    notifier: "smtp",
    account: null,
    signal: new AbortController().signal,
    ...changes,
  };
}
