import * as z from "zod";
import type { Rate } from "../delivery/gate.js";
import { rateSchema } from "../delivery/lanes.js";
import { MilepostError } from "../errors.js";
import { plainObject } from "../json.js";
import { type DeliveryMode, deliveryModes, type Notifier } from "../notifier/notifier.js";
import { notifierSchema } from "../notifier/notifier-schema.js";
import type { Resolved } from "../recipient/resolved.js";
import { scopeSchema } from "../recipient/suppression.js";
import { type Agrees, keySchema, listOf, parsePresent, present } from "../validation.js";
import type { AudienceMember } from "./audience-member.js";
import { type CampaignMessage, type CampaignMessages, Messages } from "./messages.js";
import { type Window, windowSchema } from "./window.js";

/** What a campaign says and how, in code as well as in data. */
export interface CampaignFields {
  /** The host's own word for what it is: `invoice_reminder`. `""` unless said. */
  readonly kind?: string;
  /** What is said to everybody. */
  readonly message?: CampaignMessage;
  /** What is said to each segment, by its name. Either this or `message`. */
  readonly messages?: CampaignMessages;
  /** What every message can merge: `{{campaign.week}}`. Plain JSON, 64 kB at most. */
  readonly data?: Readonly<Record<string, unknown>>;
  /**
   * Of somebody with several items, as invoices: a message for each (`{{item.total}}`; unless said), or one for all of them
   * (`{{#items}}…{{/items}}`, and `{{item}}`, the first).
   */
  readonly items?: "each" | "grouped";
  /** When it may go out, by the clocks of each recipient's zone or of a named one. At once and at any time unless said. */
  readonly window?: Window;
  /** At most so many calls start within any interval of so many milliseconds; null, unless said: as fast as its lane. */
  readonly rate?: Rate | null;
  /**
   * What becomes of it when one of its audience has no address, or lacks a value that its message needs: it fails, and
   * nobody gets anything (`"fail"`, unless said), or goes on without them (`"skip"`), which are counted and told.
   */
  readonly onRefused?: "fail" | "skip";
  /** Narrows the notifier's mode: only to `at-most-once`. */
  readonly mode?: DeliveryMode;
  /** Attempts per notification; 5 unless said. */
  readonly maxAttempts?: number;
  /** What kind of message it is to those who get it; `"default"` unless said. */
  readonly scope?: string;
  /** Writes only to those that have given consent in its scope. */
  readonly needsConsent?: boolean;
}

/** What the code of an audience is given. */
export interface AudienceContext {
  readonly tenant: string;
  readonly campaign: {
    readonly id: string;
    readonly name: string;
    readonly data: Readonly<Record<string, unknown>>;
    readonly scheduledAt: Date | null;
    /** Of one that recurs, the date and time it is for, by the recurrence's clocks: `2026-11-21T09:00`; else `""`. */
    readonly occurrence: string;
  };
  /** The `cursor` of the last member that is stored: the audience may go on after it. Null: from the beginning. */
  readonly after: string | null;
  /** Aborts when the worker stops. */
  readonly signal: AbortSignal;
}

export interface CampaignOptions extends CampaignFields {
  /** Unique in the engine, and stored with each of its campaigns: keep it for good. */
  readonly name: string;
  readonly notifier: Notifier;
  /**
   * Who gets it, all at once or as they come. Called by a worker, and again where one died: whoever is queued already is not
   * queued twice. Absent: who launches it gives its recipients.
   */
  readonly audience?: (context: AudienceContext) => Resolved<AudienceMember>;
  /** Which of the `messages` a member gets; null: none. Pure. */
  readonly segmentOf?: (member: AudienceMember) => string | null;
  /** Adds to what a member's message can merge. */
  readonly dataOf?: (member: AudienceMember) => Record<string, unknown>;
}

/** A campaign that the host's code defines, checked. Made by {@link campaign}, and by nothing else. */
export interface CampaignDefinition extends CampaignOptions {
  readonly is: "campaign";
}

const messageFields = {
  subject: z.string().optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  safeHtml: listOf(z.string().min(1).max(200), 100).optional(),
  requiredTags: listOf(z.string().min(1).max(200), 100).optional(),
};
const messageSchema = z.strictObject(messageFields);
true satisfies Agrees<typeof messageSchema, CampaignMessage>;

const oneMessage = messageSchema.transform(present) as unknown as z.ZodType<CampaignMessage, CampaignMessage>;
const messagesBySegment = z.record(keySchema, oneMessage) as z.ZodType<CampaignMessages, CampaignMessages>;
const aFunction = <T>() => z.custom<T>((value) => typeof value === "function", "a function");

type Said<T> = Exclude<T, undefined>;

/** The fields of {@link CampaignFields}. */
export const fieldSchemas: {
  readonly [Field in keyof CampaignFields]-?: z.ZodOptional<
    z.ZodType<Said<CampaignFields[Field]>, Said<CampaignFields[Field]>>
  >;
} = {
  kind: z.string().max(200).optional(),
  message: oneMessage.optional(),
  messages: messagesBySegment.optional(),
  data: z.custom<Readonly<Record<string, unknown>>>().optional(),
  items: z.enum(["each", "grouped"]).optional(),
  window: windowSchema.optional(),
  rate: rateSchema.nullable().optional(),
  onRefused: z.enum(["fail", "skip"]).optional(),
  mode: z.enum(deliveryModes).optional(),
  maxAttempts: z.int().min(1).max(100).optional(),
  scope: scopeSchema.optional(),
  needsConsent: z.boolean().optional(),
};

const optionsSchema = z.strictObject({
  ...fieldSchemas,
  name: keySchema,
  notifier: notifierSchema,
  audience: aFunction<NonNullable<CampaignOptions["audience"]>>().optional(),
  segmentOf: aFunction<NonNullable<CampaignOptions["segmentOf"]>>().optional(),
  dataOf: aFunction<NonNullable<CampaignOptions["dataOf"]>>().optional(),
});

/** Checks a definition; throws `invalid_campaign` or `invalid_template` with the path of the field. */
export function campaign(options: CampaignOptions): CampaignDefinition {
  const parsed = parsePresent<CampaignOptions>(optionsSchema, options, "invalid_campaign");
  if (parsed.data !== undefined) plainObject(parsed.data, "data", "invalid_campaign");
  // one that is made as data may say it
  if (parsed.message !== undefined || parsed.messages !== undefined) new Messages(messagesOf(parsed));
  refuseWiderMode(parsed, parsed.notifier);
  return { ...parsed, is: "campaign" };
}

/** Throws `invalid_campaign` unless there is exactly one of the two. */
export function messagesOf({ message, messages }: Pick<CampaignFields, "message" | "messages">): CampaignMessages {
  if ((message === undefined) === (messages === undefined)) {
    throw refusedField("message", "a message, or messages by segment, and not both");
  }
  if (message !== undefined) return { "": message };
  if (Object.keys(messages!).length === 0) throw refusedField("messages", "one segment or more");
  return messages!;
}

/** Throws `invalid_campaign`. */
export function refuseWiderMode(
  { mode }: Pick<CampaignFields, "mode">,
  notifier: Pick<Notifier, "mode" | "name">,
): void {
  if (mode === undefined || mode === notifier.mode || mode === "at-most-once") return;
  const narrower = [...new Set([notifier.mode, "at-most-once"])].join(" or ");
  throw refusedField("mode", `${narrower}: the mode of notifier "${notifier.name}" can only be narrowed`);
}

export function refusedField(path: string, expected: string): MilepostError {
  return new MilepostError("invalid_campaign", `${path}: ${expected}`, { path, expected });
}
