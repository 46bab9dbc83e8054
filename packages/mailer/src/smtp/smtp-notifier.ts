import { accepted, type Outcome, type RenderedMessage, refusedTransient, type SendContext } from "@milepost/core";
import type { SentMessageInfo } from "nodemailer";
import type { MailNotifier } from "../mail-notifier.js";
import { composeMail, type Mail } from "../mime/compose.js";
import { letterheadOf } from "../mime/letterhead-options.js";
import { watchHandOver } from "./hand-over.js";
import { ownTransport } from "./own-transport.js";
import { scrubbed } from "./scrub.js";
import { parseSmtpOptions, type SmtpNotifierOptions, type SmtpServerOptions } from "./smtp-options.js";
import { outcomeOfFailure, type SmtpFailure } from "./smtp-outcome.js";

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
  const watch = watchHandOver(transport);
  const credentials = "auth" in parsed && parsed.auth !== undefined ? credentialsOf(parsed.auth) : [];
  const underWay = new Set<Promise<Outcome>>();
  let closed = false;

  async function call(message: RenderedMessage, context: SendContext): Promise<Outcome> {
    const mail = await composeMail(message, context, letterhead);
    if ("kind" in mail) return mail;
    const secrets = [...credentials, ...personalOf(message, mail, letterhead.from.address)];
    // what a server said must not change what became of the message
    const clean = (text: string) => {
      try {
        return scrubbed(text, secrets);
      } catch {
        return "";
      }
    };
    const handOver = watch(mail.envelope);
    // nodemailer closes the connection of the call that is given up, and no other
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), sendTimeout);
    const signal = AbortSignal.any([context.signal, late.signal]);
    let sent: Partial<SentMessageInfo> | undefined;
    try {
      sent = await transport.sendMail({ ...mail, signal });
    } catch (error) {
      const progress = { begun: handOver.begun(), whole: handOver.whole() };
      return outcomeOfFailure((error ?? {}) as SmtpFailure, progress, clean);
    } finally {
      clearTimeout(timer);
    }
    const refused = refusalIn(sent);
    if (refused !== null) return outcomeOfFailure(refused, { begun: true, whole: true }, clean);
    handOver.accepted();
    return accepted(clean(sent?.response ?? ""));
  }

  return {
    name,
    channel: "email",
    mode,
    async send(message, context) {
      if (closed) return refusedTransient("not sent: the notifier is closed");
      const outcome = call(message, context);
      underWay.add(outcome);
      return outcome.finally(() => underWay.delete(outcome));
    },
    async close() {
      closed = true;
      await Promise.allSettled(underWay);
      if (hosts === undefined) transport.close();
    },
  };
}

/**
 * LMTP answers for each recipient after the message, and nodemailer calls the whole a success. A transport of the host's
 * may say anything here; what is no refusal leaves the message accepted.
 */
function refusalIn(sent: Partial<SentMessageInfo> | undefined): SmtpFailure | null {
  const refusals: unknown = sent?.rejectedErrors;
  return Array.isArray(refusals) ? ((refusals[0] as SmtpFailure | null | undefined) ?? null) : null;
}

/** The login as it is, and as it goes over the line. */
function credentialsOf({ user, pass }: { readonly user: string; readonly pass: string }): readonly string[] {
  const plain = Buffer.from(`\0${user}\0${pass}`).toString("base64");
  return [user, pass, plain, ...[user, pass].map((each) => Buffer.from(each).toString("base64"))];
}

/**
 * What a server may repeat of one message: addresses, also without their domain or with `=` for `@`, and names and the
 * subject as they were written into the header, cut and quoted.
 */
function personalOf({ to }: RenderedMessage, { envelope, to: shown, subject }: Mail, from: string): readonly string[] {
  const addresses = [to.address, ...envelope.to, from];
  return [
    ...addresses.flatMap((address) => [address, address.replace("@", "="), address.slice(0, address.lastIndexOf("@"))]),
    ...[to.name, to.firstName, to.lastName, shown.name, quoted(shown.name), subject].filter(
      (text) => typeof text === "string",
    ),
  ];
}

/** RFC 5322 section 3.2.4 */
function quoted(name: string): string {
  return name.replace(/["\\]/g, "\\$&");
}
