import { createHash } from "node:crypto";
import { domainToASCII } from "node:url";
import * as z from "zod";
import { maxKeyBytes } from "../text-key.js";
import { type Agrees, parsePresent } from "../validation.js";

/** A person or address a crossing or campaign resolves to. */
export interface Recipient {
  /** An email address, phone number, URL …: whatever the notifier's channel takes. Kept as given; the name goes into `name`. */
  readonly address: string;
  readonly name?: string;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly role?: string;
  /** A BCP 47 language tag. */
  readonly locale?: string;
  /** An IANA time zone name. */
  readonly zone?: string;
}

// A control character or line break has no business in an address or in a name that may reach a header.
const singleLine: RegExp = /^[^\p{Cc}\u2028\u2029]*$/u;

const line = (max: number): z.ZodString =>
  z
    .string()
    // abort: the pattern would take 35 ms to read 10 MB
    .max(max, { abort: true })
    .regex(singleLine, "must be one line without control characters")
    .refine((text) => text.isWellFormed(), "must not contain a lone surrogate");

/** A recipient as a resolver may give it: null is as good as absent, so that rows of a directory fit. */
export type RecipientInput = { readonly address: string } & {
  readonly [Field in keyof Omit<Recipient, "address">]?: string | null;
};

type Line = z.ZodOptional<z.ZodString>;
export const recipientFields: Readonly<Record<"name" | "firstName" | "lastName" | "role" | "locale" | "zone", Line>> = {
  name: line(200).optional(),
  firstName: line(200).optional(),
  lastName: line(200).optional(),
  role: line(100).optional(),
  locale: line(64).optional(),
  zone: line(64).optional(),
};

/** As a resolver gives it: what its channel does not take, its notifier refuses, and the other recipients have theirs. */
const givenAddress: z.ZodString = line(320).refine((text) => text.trim() !== "", "must not be blank");

/** As a caller gives it, who hears of it when it is dressed. */
export const addressSchema: z.ZodString = givenAddress.refine(
  (text) => undressed(text) === null,
  "the bare address, with no name, angle brackets or mailto:",
);

const recipientSchema = z.object({ address: givenAddress, ...recipientFields });
const withoutNulls = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

const nullableSchema = z.preprocess(
  (input) => (typeof input === "object" && input !== null ? withoutNulls(input) : input),
  recipientSchema,
);

true satisfies Agrees<typeof recipientSchema, Recipient>;

/** Keeps the known fields of a resolver's answer, or throws `invalid_recipient`. */
export function parseRecipient(input: unknown, path: string): Recipient {
  return parsePresent<Recipient>(nullableSchema, input, "invalid_recipient", path);
}

/** For templates: a recipient without a name of its own is called by first and last name. */
export function named(recipient: Recipient): Recipient {
  const full = [recipient.firstName, recipient.lastName].filter((part) => part !== undefined).join(" ");
  return recipient.name === undefined && full !== "" ? { ...recipient, name: full } : recipient;
}

/**
 * `local@domain`. No colon before the `@`, which would end a URL's scheme. Else everything that a dot-atom may have (RFC 5322
 * section 3.2.3), `/`, `?` and `#` too: whatever mail can be sent to has one key, however it is written.
 */
const mailbox: RegExp = /^[^@:]+@[^@/?#:]+$/;

/** A mailbox in the angle brackets at the end of a header's address. A chat's `<@U1>` or `<!subteam^S1|@eng>` is none. */
const inBrackets: RegExp = /<\s*([^\s<>@:|]+@[^\s<>@/?#:|]+)\s*>$/;

/** The mailbox of a link (RFC 6068), without what follows `?`. */
const inLink: RegExp = /^mailto:\s*([^\s@:]+@[^\s@/?#:]+)(?:\?|$)/i;

/** The bare mailbox of an address as a header or a link shows it, `Olga <olga@acme.example>` or `mailto:…`; else null. */
function undressed(address: string): string | null {
  const plain = address.trim();
  return (inBrackets.exec(plain) ?? inLink.exec(plain))?.[1] ?? null;
}

/**
 * What makes two addresses the same recipient. A mailbox in a name's angle brackets or after `mailto:` is taken out, so
 * that what forbids it bare forbids it dressed. An email address is trimmed, NFC, lower-cased, its domain in punycode.
 * Lower-casing the local part departs from RFC 5321 section 2.4 on purpose: no mailbox provider tells `A@x` from `a@x`,
 * and a person told twice is the worse mistake. Any other address, such as a URL or a phone number, is only trimmed and
 * NFC: paths and tokens tell upper from lower case. One longer than a key may be is replaced by its hash.
 */
export function recipientKey(address: string): string {
  const plain = (undressed(address) ?? address.trim()).normalize("NFC");
  const key = mailbox.test(plain) ? mailboxKey(plain.toLowerCase()) : plain;
  return Buffer.byteLength(key) <= maxKeyBytes ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

function mailboxKey(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = domainToASCII(address.slice(at + 1));
  return domain === "" ? address : `${address.slice(0, at + 1)}${domain}`;
}
