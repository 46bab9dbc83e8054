import * as z from "zod";
import type { Letterhead, Sender } from "./compose.js";
import { displayName } from "./header-text.js";
import { parseMailbox } from "./mailbox.js";
import type { UnsubscribeLinks } from "./unsubscribe.js";

/** An address, or an address with the name that is shown with it. */
export type SenderInput = string | { readonly address: string; readonly name?: string | undefined };

/** What the messages of one notifier have in common. */
export interface LetterheadOptions {
  /** Also the envelope's sender, to which bounces go. */
  readonly from: SenderInput;
  readonly replyTo?: SenderInput;
  /**
   * Makes every message of this notifier bulk mail: with `List-Unsubscribe` and `List-Unsubscribe-Post` (RFC 8058), which
   * large receivers demand of whoever sends them thousands a day.
   */
  readonly unsubscribe?: UnsubscribeLinks;
}

const addressSchema = z.string().check((context) => {
  const mailbox = parseMailbox(context.value);
  if ("problem" in mailbox)
    context.issues.push({ code: "custom", message: `one mailbox, but ${mailbox.problem}`, input: "" });
});

const senderSchema: z.ZodType<SenderInput, SenderInput> = z.union(
  [addressSchema, z.strictObject({ address: addressSchema, name: z.string().max(200).optional() })],
  { error: "one mailbox: an address, or { name, address }" },
);

export const letterheadFields: {
  readonly from: z.ZodType<SenderInput, SenderInput>;
  readonly replyTo: z.ZodOptional<z.ZodType<SenderInput, SenderInput>>;
  readonly unsubscribe: z.ZodOptional<z.ZodType<UnsubscribeLinks, UnsubscribeLinks>>;
} = {
  from: senderSchema,
  replyTo: senderSchema.optional(),
  unsubscribe: z
    .custom<UnsubscribeLinks>((value) => typeof value === "function", "a function that gives links")
    .optional(),
};

/** Of options that were looked at. */
export function letterheadOf({ from, replyTo, unsubscribe }: LetterheadOptions): Letterhead {
  return {
    from: senderOf(from),
    replyTo: replyTo === undefined ? null : senderOf(replyTo),
    unsubscribe: unsubscribe ?? null,
  };
}

function senderOf(input: SenderInput): Sender {
  const { address, name = "" } = typeof input === "string" ? { address: input } : input;
  // looked at before, so that there is no problem
  const mailbox = parseMailbox(address) as { readonly address: string };
  return { name: displayName(name), address: mailbox.address };
}
