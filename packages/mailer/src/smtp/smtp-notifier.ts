import { refusedTransient } from "@milepost/core";
import type { MailNotifier } from "../mail-notifier.js";
import { letterheadOf } from "../mime/letterhead-options.js";
import { ownTransport } from "./own-transport.js";
import { parseSmtpOptions, type SmtpNotifierOptions, type SmtpServerOptions } from "./smtp-options.js";
import { credentialsOf, smtpSender } from "./smtp-sender.js";

/**
 * Sends by SMTP, over connections that are kept open and used again.
 *
 * ```ts
 * const notifier = smtpNotifier({ host: "mail.example.com", auth: { user, pass }, from: "milestones@example.com" });
 * ```
 *
 * Or over a transport of the host's: `smtpNotifier({ transport, from })`. Throws `invalid_options`.
 *
 * It knows whether a message was handed over when its connection broke, so that only what may have been accepted is
 * `ambiguous`; {@link outcomeOfFailure} has the table. `close()` waits for the calls under way, then closes connections
 * of its own; a transport of the host's stays open.
 */
export function smtpNotifier(options: SmtpNotifierOptions): MailNotifier {
  const parsed = parseSmtpOptions(options);
  const { name = "smtp", mode = "at-most-once", sendTimeout = 25_000 } = parsed;
  const letterhead = letterheadOf(parsed);
  const hosts = "transport" in parsed ? parsed.transport : undefined;
  const transport = hosts ?? ownTransport(parsed as SmtpServerOptions);
  const credentials = "auth" in parsed && parsed.auth !== undefined ? credentialsOf(parsed.auth) : [];
  const sender = smtpSender(transport, { credentials, sendTimeout });
  let closed = false;

  return {
    name,
    channel: "email",
    mode,
    async send(message, context) {
      if (closed) return refusedTransient("not sent: the notifier is closed");
      return (await sender.send(message, context, letterhead)).outcome;
    },
    async close() {
      closed = true;
      await sender.settled();
      if (hosts === undefined) transport.close();
    },
  };
}
