import * as z from "zod";
import { MilepostError } from "../errors.js";
import { plainObject } from "../json.js";
import type { Channel } from "../notifier/notifier.js";
import { addressSchema, recipientFields, recipientKey } from "../recipient/recipient.js";
import { type Agrees, keySchema, listOf, parsePresent } from "../validation.js";
import { type GivenContact, tagSet } from "./contact.js";

/** A contact as the host gives it. What is left out stays as it is, and null takes it away. */
export interface ContactInput {
  /** The host's own key; the recipient key of the address unless said. */
  readonly id?: string;
  /** The bare one: `olga@acme.example`, `79161234567`. */
  readonly address: string;
  /** `"email"` unless said. */
  readonly channel?: Channel;
  readonly name?: string | null;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
  /** A BCP 47 language tag. */
  readonly locale?: string | null;
  /** An IANA time zone name. */
  readonly zone?: string | null;
  /** 100 at most. */
  readonly tags?: readonly string[];
  /** The host's own fields: plain JSON, 16 kB at most. */
  readonly fields?: Record<string, unknown>;
  /** Where it came from. */
  readonly source?: string | null;
}

/** What holds for all contacts of one call that do not say otherwise. */
export interface ContactDefaults {
  readonly channel?: Channel;
  readonly source?: string;
  /** What every address of the call must look like, such as `/^7\d{10}$/` for phone numbers. */
  readonly addressPattern?: RegExp;
}

const { name, firstName, lastName, locale, zone } = recipientFields;
const channelSchema: z.ZodString = keySchema.max(64);
const sourceSchema: z.ZodString = keySchema;

export const contactSchema: z.ZodType<ContactInput, ContactInput> = z.strictObject({
  id: keySchema.optional(),
  address: addressSchema,
  channel: channelSchema.optional(),
  ...{ name: name.nullable(), firstName: firstName.nullable(), lastName: lastName.nullable() },
  ...{ locale: locale.nullable(), zone: zone.nullable() },
  tags: listOf(keySchema, 100).optional(),
  fields: z.custom<Record<string, unknown>>().optional(),
  source: sourceSchema.nullable().optional(),
}) as z.ZodType<ContactInput, ContactInput>;

true satisfies Agrees<typeof contactSchema, ContactInput>;

export const defaultsFields: {
  readonly channel: z.ZodOptional<z.ZodString>;
  readonly source: z.ZodOptional<z.ZodString>;
  readonly addressPattern: z.ZodOptional<z.ZodCustom<RegExp, RegExp>>;
} = {
  channel: channelSchema.optional(),
  source: sourceSchema.optional(),
  addressPattern: z.instanceof(RegExp, { error: "a RegExp" }).optional(),
};

/** No more than that it could be one; whether mail arrives there, only mail can tell. */
const mailbox = /^[^\s@:,;<>()]+@[^\s@:,;<>()/?#]+$/;

/** Fields of one contact, encoded. */
const maxFieldBytes = 16_384;

/** What `refuse` says of an address that its pattern does not take; told apart by those who count. */
export const ofThePattern = "an address of the form that was asked for";

/** Checks one contact and makes it what stores take, or throws `invalid_contact` with the path of the field. */
export function parseContact(input: unknown, defaults: ContactDefaults, path: string): GivenContact {
  const given = parsePresent<ContactInput>(contactSchema, input, "invalid_contact", path);
  const { id, channel = defaults.channel ?? "email", tags, fields, source = defaults.source, ...rest } = given;
  const address = given.address.trim();
  const at = (member: string) => (path === "" ? member : `${path}.${member}`);
  const refuse = (expected: string): never => {
    throw new MilepostError("invalid_contact", `${at("address")}: ${expected}`, { path: at("address"), expected });
  };
  const { addressPattern: pattern } = defaults;
  if (pattern !== undefined) {
    // one with the flag g or y goes on where it stopped
    pattern.lastIndex = 0;
    if (!pattern.test(address)) refuse(ofThePattern);
  } else if (channel === "email" && !mailbox.test(address)) refuse("an email address");
  const key = recipientKey(address);
  return {
    ...rest,
    ...{ id: id ?? key, address, recipientKey: key, channel },
    ...(source !== undefined && { source }),
    ...(tags !== undefined && { tags: tagSet(tags) }),
    ...(fields !== undefined && {
      fields: plainObject(fields, at("fields"), "invalid_contact", { maxBytes: maxFieldBytes }),
    }),
  };
}
