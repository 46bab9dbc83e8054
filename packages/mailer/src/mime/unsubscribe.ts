import type { RenderedMessage, SendContext } from "@milepost/core";
import type { SendMailOptions } from "nodemailer";
import { parseMailbox } from "./mailbox.js";

/** Where a recipient unsubscribes from one message. */
export interface Unsubscribe {
  /**
   * An https address of the host, of at most 800 characters, that takes a POST with the body
   * `List-Unsubscribe=One-Click` without cookies or a login (RFC 8058 section 3.2). A GET must change nothing: scanners
   * follow every link.
   */
  readonly url: string;
  /** A mailbox that unsubscribes whoever writes to it: for mail programs that do not know the POST. */
  readonly mailto?: string;
}

/** Gives each message its own links. A throw, or an answer that is no such link, sends nothing. */
export type UnsubscribeLinks = (message: RenderedMessage, context: SendContext) => Unsubscribe | Promise<Unsubscribe>;

type ListHeaders = Required<Pick<SendMailOptions, "list">> & { readonly headers: Readonly<Record<string, string>> };

/** More could not be written on one line of a header, as an address has no space to fold at. */
const maxUrl = 800;

/** `List-Unsubscribe` with one https address, and `List-Unsubscribe-Post` (RFC 8058 section 3.1); null if that cannot be. */
export function unsubscribeHeaders(links: Unsubscribe): ListHeaders | null {
  const { url, mailto } = links ?? {};
  if (typeof url !== "string" || url.length > maxUrl || !URL.canParse(url)) return null;
  const { protocol, username, password, href } = new URL(url);
  if (protocol !== "https:" || username !== "" || password !== "" || href.length > maxUrl) return null;
  const addresses = [href];
  if (mailto !== undefined) {
    const mailbox = parseMailbox(mailto);
    if ("problem" in mailbox) return null;
    const [local, domain] = mailbox.address.split("@") as [string, string];
    // RFC 6068 section 2: `&`, `?` and `%` mean something else there
    addresses.push(`mailto:${encodeURIComponent(local)}@${domain}`);
  }
  return {
    list: { unsubscribe: [addresses.map((address) => ({ url: address }))] },
    headers: { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
  };
}
