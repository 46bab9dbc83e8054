import { domainToASCII } from "node:url";

/** An address that may be written into a header and an envelope, or why it may not; the reason has no part of it. */
export type Mailbox = { readonly address: string } | { readonly problem: string };

/** RFC 5321 section 4.5.3.1.3: a path of 256 octets with its angle brackets. */
const maxAddress = 254;
/** RFC 5321 section 4.5.3.1.1 */
const maxLocal = 64;
/** RFC 1035 section 2.3.4, without the root's dot and length octet */
const maxDomain = 253;

/** RFC 5321 section 4.1.2: Dot-string of RFC 5322's atext. */
const dotString = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
/** RFC 5321 section 4.1.2: sub-domains of letters, digits and inner hyphens, 63 octets each. */
const subDomains = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what is beyond ASCII, and nothing else
const beyondAscii = /[^\x00-\x7f]/;

/**
 * Reads one mailbox: `local@domain`, the domain lower-cased and in punycode, the local part as given.
 *
 * Narrower than RFC 5321 on purpose, as nothing else is in use and every further form was a way to a second recipient
 * somewhere: no quoted local part, no comment, no display name, no group, no address literal. A local part beyond ASCII
 * would need SMTPUTF8 (RFC 6531) on each server of the way, of which nobody can know; it is refused.
 *
 * Takes time linear in at most 320 characters, however long and nested the text is.
 */
export function parseMailbox(text: unknown): Mailbox {
  if (typeof text !== "string") return { problem: "it is no text" };
  // twice what may remain: a domain can become shorter in punycode only by its case and normal form
  if (text.length > 2 * maxAddress) return { problem: "it is too long" };
  const plain = text.trim();
  const at = plain.lastIndexOf("@");
  // without an example: stores take out whatever looks like an address
  if (at < 1 || at === plain.length - 1) return { problem: "it lacks an at sign, or what stands before or after it" };
  const local = plain.slice(0, at);
  if (beyondAscii.test(local)) return { problem: "its local part is not ASCII, which would need SMTPUTF8" };
  if (local.length > maxLocal) return { problem: "its local part is too long" };
  if (!dotString.test(local)) return { problem: "its local part is not a plain one" };
  const given = plain.slice(at + 1);
  const domain = (beyondAscii.test(given) ? domainToASCII(given) : given).toLowerCase();
  if (domain.length > maxDomain || !subDomains.test(domain)) return { problem: "its domain is not a valid name" };
  // 127.0.0.1, and what a resolver may take for it
  if (/^\d+$/.test(domain.slice(domain.lastIndexOf(".") + 1))) return { problem: "its domain is not a valid name" };
  const address = `${local}@${domain}`;
  return address.length > maxAddress ? { problem: "it is too long" } : { address };
}
