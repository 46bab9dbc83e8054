import * as z from "zod";
import type { JsonObject } from "../json.js";
import { plainObject } from "../json.js";
import { parseRecipient, type Recipient, type RecipientInput } from "../recipient/recipient.js";
import { keySchema, listOf, parseInput } from "../validation.js";

/** One thing that a message is about, such as an invoice. */
export interface ItemInput {
  /** Unique to the recipient within the campaign; with the address it makes a message that is sent once. */
  readonly key: string;
  /** What the message can merge of it: `{{item.total}}`. */
  readonly [field: string]: unknown;
}

/** One of a campaign's audience. Null is as good as absent, so that rows of a table fit. */
export type AudienceMember = RecipientInput & {
  /** The host's own name for it, by which errors tell it. */
  readonly id?: string | null;
  /** Which of the campaign's messages it gets. */
  readonly segment?: string | null;
  /** What its message can merge, by name. */
  readonly data?: Readonly<Record<string, unknown>> | null;
  /** What there is to tell it of: a message for each, or one for all, as the campaign says. */
  readonly items?: readonly ItemInput[] | null;
  /** Where the audience goes on after it: what the next process that loads it is given as `after`. */
  readonly cursor?: string | null;
};

/** One of an audience, checked. */
export interface Member {
  readonly recipient: Recipient;
  readonly segment: string;
  readonly data: JsonObject;
  readonly items: readonly JsonObject[];
}

const fields = z.object({
  id: keySchema.nullish(),
  segment: keySchema.nullish(),
  cursor: z.string().max(1_000).nullish(),
  data: z.custom<Record<string, unknown>>().nullish(),
  items: listOf(z.custom<ItemInput>(), 10_000).nullish(),
});

const itemKey = z.object({ key: keySchema });

/** How errors name the `index`th of an audience. */
export function memberPath(input: unknown, index: number): string {
  const id = typeof input === "object" && input !== null ? (input as AudienceMember).id : undefined;
  return keySchema.safeParse(id).success ? `recipients[${JSON.stringify(id)}]` : `recipients[${index}]`;
}

/** Throws `invalid_recipient` or `invalid_data` with the path of the field. */
export function parseMember(input: unknown, path: string): Member {
  const recipient = parseRecipient(input, path);
  const { segment, data, items } = parseInput(fields, input, "invalid_recipient", path);
  return {
    recipient,
    segment: segment ?? "",
    data: data ? plainObject(data, `${path}.data`, "invalid_data") : {},
    items: (items ?? []).map((item, i) => {
      parseInput(itemKey, item, "invalid_recipient", `${path}.items[${i}]`);
      return plainObject(item, `${path}.items[${i}]`, "invalid_data");
    }),
  };
}

export function cursorOf(input: unknown): string | null {
  const { cursor } = parseInput(fields, input, "invalid_recipient");
  return cursor ?? null;
}
