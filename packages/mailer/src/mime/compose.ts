import { createHash } from "node:crypto";
import {
  type Outcome,
  type RenderedMessage,
  refusedPermanent,
  refusedTransient,
  type SendContext,
} from "@milepost/core";
import type { SendMailOptions } from "nodemailer";
import { displayName, subjectLine } from "./header-text.js";
import { htmlDocument } from "./html-document.js";
import { languageOf } from "./language.js";
import { parseMailbox } from "./mailbox.js";
import { plainText } from "./plain-text.js";
import { type UnsubscribeLinks, unsubscribeHeaders } from "./unsubscribe.js";

/** A mailbox that was looked at, with the name that is shown. */
export interface Sender {
  readonly name: string;
  readonly address: string;
}

/** What the messages of one notifier have in common. */
export interface Letterhead {
  readonly from: Sender;
  readonly replyTo: Sender | null;
  readonly unsubscribe: UnsubscribeLinks | null;
  /** To which bounces go; the sender's address unless said. */
  readonly returnPath?: string;
}

/** A message for nodemailer: one sender, one recipient, and texts only. */
export interface Mail extends SendMailOptions {
  readonly envelope: { readonly from: string; readonly to: string[] };
  readonly to: Sender;
  readonly subject?: string;
}

/** RFC 5322 section 3.6.4, without comments, and short enough for one line. */
const plainMessageId = /^<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>$/;

/**
 * A message as nodemailer is to write it, or why it cannot be written; such a reason never has a part of the message.
 *
 * Whatever the strings hold, they become this one message to this one recipient: addresses are given apart from names and
 * apart from the envelope, texts only as strings, and no header is given in a form that nodemailer writes as it is.
 */
export async function composeMail(
  message: RenderedMessage,
  context: SendContext,
  letterhead: Letterhead,
): Promise<Mail | Outcome> {
  try {
    return await composed(message, context, letterhead);
  } catch {
    // nothing of it has left yet, and it would be the same at each attempt
    return refusedPermanent("not sent: the message cannot be composed");
  }
}

async function composed(
  message: RenderedMessage,
  context: SendContext,
  { from, replyTo, unsubscribe, returnPath = from.address }: Letterhead,
): Promise<Mail | Outcome> {
  const { to, subject, text, html, sender } = message;
  const own = sendersOf(sender);
  if ("problem" in own) return refusedPermanent(`not sent: its ${own.field} is no mailbox: ${own.problem}`);
  const mailbox = parseMailbox(to.address);
  if ("problem" in mailbox)
    return refusedPermanent(`not sent: the recipient's address is no mailbox: ${mailbox.problem}`);
  // an object with `path` or `href` would be read by nodemailer: from a disk, from a network
  for (const [part, value] of Object.entries({ subject, text, html })) {
    if (value !== null && typeof value !== "string") return refusedPermanent(`not sent: its ${part} is no text`);
  }
  if (text === null && html === null) return refusedPermanent("not sent: it has neither text nor html");
  if (!plainMessageId.test(context.messageId)) return refusedPermanent("not sent: its Message-ID is not a plain one");
  const links = unsubscribe === null ? null : await linksOf(unsubscribe, message, context);
  if (links !== null && "kind" in links) return links;
  const language = languageOf(to.locale);
  const document = html === null ? null : newlines(htmlDocument(html, language));
  const legible = text ?? plainText(html!);
  const { address } = mailbox;
  const answered = own.replyTo ?? replyTo;
  return {
    envelope: { from: returnPath, to: [address] },
    from: { ...(own.from ?? from) },
    to: { name: nameOf(to), address },
    ...(answered !== null && { replyTo: { ...answered } }),
    ...(subject !== null && { subject: subjectLine(subject) }),
    ...(legible !== null && { text: newlines(legible) }),
    ...(document !== null && { html: document }),
    messageId: context.messageId,
    date: new Date(),
    // the same bytes at each attempt, but for the date
    baseBoundary: createHash("sha256").update(context.messageId).digest("hex").slice(0, 24),
    headers: {
      // RFC 3834 section 5: keeps out-of-office replies away. `Precedence` was never a standard, and says no more.
      "Auto-Submitted": "auto-generated",
      ...(language !== null && { "Content-Language": language.tag }),
      ...links?.headers,
    },
    ...(links !== null && { list: links.list }),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

async function linksOf(
  unsubscribe: UnsubscribeLinks,
  message: RenderedMessage,
  context: SendContext,
): Promise<NonNullable<ReturnType<typeof unsubscribeHeaders>> | Outcome> {
  try {
    const links = unsubscribeHeaders(await unsubscribe(message, context));
    return links ?? refusedPermanent("not sent: its unsubscribe link is not one https address (and one mailbox)");
  } catch {
    // what the host threw may have the address in it, and the host knows it already
    return refusedTransient("not sent: unsubscribe() failed");
  }
}

function nameOf({ name, firstName, lastName }: RenderedMessage["to"]): string {
  const parts = [name ?? "", ...(name === undefined ? [firstName, lastName] : [])];
  return displayName(parts.filter((part) => typeof part === "string" && part !== "").join(" "));
}

/** Who the message itself says it is from and who is answered; a field whose address is no mailbox. */
function sendersOf(
  sender: RenderedMessage["sender"],
): { readonly from?: Sender; readonly replyTo?: Sender } | { readonly field: string; readonly problem: string } {
  const found: { from?: Sender; replyTo?: Sender } = {};
  for (const field of ["from", "replyTo"] as const) {
    const given = sender?.[field];
    if (given === undefined) continue;
    const mailbox = parseMailbox(given.address);
    if ("problem" in mailbox) return { field, problem: mailbox.problem };
    found[field] = { name: displayName(given.name ?? ""), address: mailbox.address };
  }
  return found;
}

/** RFC 5322 section 2.3: no lone CR or LF. A signature over one would not fit what is sent. */
function newlines(text: string): string {
  return text.toWellFormed().replace(/\r\n|\r|\n/g, "\r\n");
}
