import { ambiguous, type Notifier, type Outcome, refusedPermanent, refusedTransient } from "@milepost/core";
import { createTransport, type NodemailerError } from "nodemailer";

export interface SmtpNotifierOptions {
  readonly name: string;
  readonly url: URL;
  readonly from: string;
}

/** Sends by SMTP, a connection each. At most once: a call that may have been accepted is not repeated. */
export function smtpNotifier({ name, url, from }: SmtpNotifierOptions): Notifier {
  const transport = createTransport({
    url: url.href,
    // below the engine's call deadline of 30 s; nodemailer's own are 2 and 10 minutes
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    // a merged value must not make a message read files or fetch URLs
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    name,
    channel: "email",
    mode: "at-most-once",
    async send({ to, subject, text, html }, { messageId, signal }) {
      const fullName = to.name ?? [to.firstName, to.lastName].filter(Boolean).join(" ");
      try {
        const { response } = await transport.sendMail({
          // the envelope and a structured address: neither a name nor an address can become a second recipient
          envelope: { from, to: [to.address] },
          ...{ from: { name: "Your email platform", address: from }, to: { name: fullName, address: to.address } },
          ...(subject !== null && { subject }),
          ...(text !== null && { text }),
          ...(html !== null && { html }),
          messageId,
          signal,
          disableFileAccess: true,
          disableUrlAccess: true,
        });
        return { kind: "accepted", receipt: response };
      } catch (error) {
        return outcomeOf(error as NodemailerError);
      }
    },
    close: async () => transport.close(),
  };
}

/** A numeric reply is definite, and so is a connection that never came about. Of anything else nobody knows. */
function outcomeOf(error: NodemailerError & { readonly originalCode?: unknown }): Outcome {
  const { responseCode, message } = error;
  if (responseCode !== undefined && responseCode >= 400 && responseCode < 500) return refusedTransient(message);
  if (responseCode !== undefined && responseCode >= 500 && responseCode < 600) return refusedPermanent(message);
  if (error.code === "EDNS" || error.originalCode === "ECONNREFUSED") return refusedTransient(message);
  return ambiguous(message);
}
