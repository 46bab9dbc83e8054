import { accepted, type Outcome, type RenderedMessage, type SendContext } from "@milepost/core";
import type { SentMessageInfo, Transporter } from "nodemailer";
import { composeMail, type Letterhead, type Mail } from "../mime/compose.js";
import { watchHandOver } from "./hand-over.js";
import { scrubbed } from "./scrub.js";
import { isLoginRefused, outcomeOfFailure, type SmtpFailure } from "./smtp-outcome.js";

/** What became of a message, and whether the server refused the login that came before it. */
export interface SmtpResult {
  readonly outcome: Outcome;
  readonly loginRefused: boolean;
}

/** Sends over one transport, and tells what became of each message. */
export interface SmtpSender {
  send(message: RenderedMessage, context: SendContext, letterhead: Letterhead): Promise<SmtpResult>;
  /** Resolves when the calls under way have ended. */
  settled(): Promise<void>;
}

/** `credentials`: what the server may repeat of the login; `sendTimeout` in milliseconds. */
export function smtpSender(
  transport: Transporter,
  { credentials, sendTimeout }: { readonly credentials: readonly string[]; readonly sendTimeout: number },
): SmtpSender {
  const watch = watchHandOver(transport);
  const underWay = new Set<Promise<SmtpResult>>();

  async function call(message: RenderedMessage, context: SendContext, letterhead: Letterhead): Promise<SmtpResult> {
    const mail = await composeMail(message, context, letterhead);
    if ("kind" in mail) return { outcome: mail, loginRefused: false };
    const clean = cleaner([...credentials, ...personalOf(message, mail, letterhead.from.address)]);
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
      const failure = (error ?? {}) as SmtpFailure;
      return { outcome: outcomeOfFailure(failure, progress, clean), loginRefused: isLoginRefused(failure) };
    } finally {
      clearTimeout(timer);
    }
    const refused = refusalIn(sent);
    if (refused !== null) {
      return { outcome: outcomeOfFailure(refused, { begun: true, whole: true }, clean), loginRefused: false };
    }
    handOver.accepted();
    return { outcome: accepted(clean(sent?.response ?? "")), loginRefused: false };
  }

  return {
    send(message, context, letterhead) {
      const result = call(message, context, letterhead);
      underWay.add(result);
      return result.finally(() => underWay.delete(result));
    },
    async settled() {
      await Promise.allSettled(underWay);
    },
  };
}

/** Takes secrets out of a server's words; what a server said must not change what became of the message. */
export function cleaner(secrets: readonly string[]): (text: string) => string {
  return (text) => {
    try {
      return scrubbed(text, secrets);
    } catch {
      return "";
    }
  };
}

/** A login by password as it is, and as it goes over the line. */
export function credentialsOf({ user, pass }: { readonly user: string; readonly pass: string }): readonly string[] {
  const plain = Buffer.from(`\0${user}\0${pass}`).toString("base64");
  return [user, pass, plain, ...[user, pass].map((each) => Buffer.from(each).toString("base64"))];
}

/**
 * LMTP answers for each recipient after the message, and nodemailer calls the whole a success. A transport of the host's
 * may say anything here; what is no refusal leaves the message accepted.
 */
function refusalIn(sent: Partial<SentMessageInfo> | undefined): SmtpFailure | null {
  const refusals: unknown = sent?.rejectedErrors;
  return Array.isArray(refusals) ? ((refusals[0] as SmtpFailure | null | undefined) ?? null) : null;
}

/**
 * What a server may repeat of one message: addresses, also without their domain or with `=` for `@`, and names and the
 * subject as they were written into the header, cut and quoted.
 */
function personalOf({ to }: RenderedMessage, { envelope, to: shown, subject }: Mail, from: string): readonly string[] {
  const addresses = [to.address, ...envelope.to, envelope.from, from];
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
