import { createHash } from "node:crypto";
import { domainToASCII } from "node:url";
import * as z from "zod";
import { MilepostError } from "../errors.js";
import { maxKeyBytes } from "../text-key.js";
import type { Agrees } from "../validation.js";

/** A person or address a crossing or campaign resolves to. */
export interface Recipient {
  /** An email address, phone number, URL …: whatever the notifier's channel takes. Kept as given. */
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
    .max(max)
    .regex(singleLine, "must be one line without control characters")
    .refine((text) => text.isWellFormed(), "must not contain a lone surrogate");

type Line = z.ZodOptional<z.ZodString>;
export const recipientFields: Readonly<Record<"name" | "firstName" | "lastName" | "role" | "locale" | "zone", Line>> = {
  name: line(200).optional(),
  firstName: line(200).optional(),
  lastName: line(200).optional(),
  role: line(100).optional(),
  locale: line(64).optional(),
  zone: line(64).optional(),
};

export const addressSchema: z.ZodString = line(320).refine((text) => text.trim() !== "", "must not be blank");

const recipientSchema = z.object({ address: addressSchema, ...recipientFields });

true satisfies Agrees<typeof recipientSchema, Recipient>;

/** Keeps the known fields of a resolver's answer, or throws `invalid_recipient`. */
export function parseRecipient(input: unknown, path: string): Recipient {
  const parsed = recipientSchema.safeParse(input);
  if (parsed.success) return definedOnly(parsed.data) as Recipient;
  const issue = parsed.error.issues[0]!;
  const at = [path, ...issue.path].join(".");
  throw new MilepostError("invalid_recipient", `${at}: ${issue.message}`, { path: at, expected: issue.message });
}

function definedOnly<T extends object>(input: T): Partial<T> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/**
 * What makes two addresses the same recipient: trimmed, NFC, lower-cased, the domain in punycode. Lower-casing the
 * local part departs from RFC 5321 section 2.4 on purpose: no mailbox provider tells `A@x` from `a@x`, and a person
 * told twice is the worse mistake. An address longer than a key may be is replaced by its hash.
 */
export function recipientKey(address: string): string {
  const plain = address.trim().normalize("NFC").toLowerCase();
  const at = plain.lastIndexOf("@");
  const domain = at < 0 ? "" : domainToASCII(plain.slice(at + 1));
  const key = domain === "" ? plain : `${plain.slice(0, at + 1)}${domain}`;
  return Buffer.byteLength(key) <= maxKeyBytes ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}
