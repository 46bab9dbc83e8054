import * as z from "zod";
import type { ContactFilter } from "../contact/contact-filter.js";
import type { Rate } from "../delivery/gate.js";
import { rateSchema } from "../delivery/lanes.js";
import { MilepostError } from "../errors.js";
import { expectedOf } from "../expected.js";
import { plainObject } from "../json.js";
import type { MessageAddress } from "../message/message.js";
import { type DeliveryMode, deliveryModes, type Notifier } from "../notifier/notifier.js";
import { notifierSchema } from "../notifier/notifier-schema.js";
import { addressSchema, recipientFields } from "../recipient/recipient.js";
import type { Resolved } from "../recipient/resolved.js";
import { scopeSchema } from "../recipient/suppression.js";
import { type Agrees, keySchema, listOf, parsePresent, present, shownKey } from "../validation.js";
import type { AudienceMember } from "./audience-member.js";
import type { ContactAudience } from "./contact-audience.js";
import {
  type CampaignMessage,
  type CampaignMessages,
  refuseUnreadable,
  type TemplateChoice,
  type WrittenMessage,
} from "./messages.js";
import { cronProblem } from "./timetable.js";
import { type Window, windowSchema } from "./window.js";
import { type ZoneChoice, zoneChoiceFields } from "./zone.js";

/** What a campaign says and how, in code as well as in data. */
export interface CampaignFields {
  /** The host's own word for what it is: `invoice_reminder`. `""` unless said. */
  readonly kind?: string;
  /** What is said to everybody. */
  readonly message?: CampaignMessage;
  /** What is said to each segment, by its name. Either this or `message`. */
  readonly messages?: CampaignMessages;
  /** Who it is from; whoever the notifier, or its provider account, says unless said. */
  readonly from?: MessageAddress;
  /** Who is answered; the same. */
  readonly replyTo?: MessageAddress;
  /** What every message can merge: `{{campaign.week}}`. Plain JSON, 64 kB at most. */
  readonly data?: Readonly<Record<string, unknown>>;
  /**
   * Of somebody with several items, as invoices: a message for each (`{{item.total}}`; unless said), or one for all of them
   * (`{{#items}}…{{/items}}`, and `{{item}}`, the first).
   */
  readonly items?: "each" | "grouped";
  /** When it may go out, by the clocks of each recipient's zone or of a named one. At once and at any time unless said. */
  readonly window?: Window;
  /**
   * Milliseconds after its begin from which on no call starts any more: what was not sent by then ends as `expired`. Up to a
   * year; for ever unless said.
   */
  readonly expiresIn?: number;
  /** At most so many calls start within any interval of so many milliseconds; null, unless said: as fast as its lane. */
  readonly rate?: Rate | null;
  /**
   * What becomes of it when one of its audience has no address, or lacks a value that its message needs: it fails, and
   * nobody gets anything (`"fail"`, unless said), or goes on without them (`"skip"`), which are counted and told.
   */
  readonly onRefused?: "fail" | "skip";
  /** Whether what its provider account cannot send goes out through another of the tenant; true unless said. */
  readonly failover?: boolean;
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

/** When a recurrence is due. */
export interface RecurrenceTimes extends ZoneChoice {
  /**
   * Five fields as in cron: minute, hour, day of the month, month, weekday; times of the wall clock in `zone`. With
   * `"recipient"` each is told when their own clocks show it.
   */
  readonly cron: string;
  /**
   * Milliseconds for which one that was missed, as while no process ran, is still sent; an hour unless said, a minute at
   * least. Of several that were missed only the last is sent. The others are kept as skipped.
   */
  readonly catchUp?: number;
}

export interface CampaignOptions extends CampaignFields {
  /** Unique in the engine, and stored with each of its campaigns: keep it for good. */
  readonly name: string;
  readonly notifier: Notifier;
  /**
   * Who gets it, all at once or as they come. Called by a worker, and again where one died: whoever is queued already is not
   * queued twice. Or contacts, by a filter. Absent: who launches it gives its recipients.
   */
  readonly audience?: ((context: AudienceContext) => Resolved<AudienceMember>) | ContactAudience;
  /** Which of the `messages` a member gets; null: none. Pure. */
  readonly segmentOf?: (member: AudienceMember) => string | null;
  /**
   * Sends it again and again, once the engine's first worker has started: stored as the recurrence of the campaign's name,
   * of the tenant `"default"`. Needs an `audience`.
   */
  readonly recurrence?: RecurrenceTimes;
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
const choiceSchema = z.strictObject({ template: keySchema, version: z.int().min(1).optional() });
true satisfies Agrees<typeof messageSchema, WrittenMessage>;
true satisfies Agrees<typeof choiceSchema, TemplateChoice>;

// by what it has, so that the error is about the field that is wrong
const oneMessage = z
  .custom<object>((value) => typeof value === "object" && value !== null, "a message, or a template of the store")
  .transform((value, context) => {
    const { data, error } = ("template" in value ? choiceSchema : messageSchema).safeParse(value, {
      error: expectedOf,
    });
    for (const issue of error?.issues ?? []) {
      const unknown = issue.code === "unrecognized_keys" ? [shownKey(issue.keys[0]!)] : [];
      context.issues.push({ code: "custom", path: [...issue.path, ...unknown], message: issue.message, input: "" });
    }
    return data as object;
  })
  .transform(present) as unknown as z.ZodType<CampaignMessage, CampaignMessage>;
const messagesBySegment = z.record(keySchema, oneMessage) as z.ZodType<CampaignMessages, CampaignMessages>;
const aFunction = <T>() => z.custom<T>((value) => typeof value === "function", "a function");

const mailboxFields = z.strictObject({ address: addressSchema, name: recipientFields.name });
true satisfies Agrees<typeof mailboxFields, MessageAddress>;
const mailboxSchema = mailboxFields.transform(present) as unknown as z.ZodType<MessageAddress, MessageAddress>;

const year = 366 * 86_400_000;

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
  from: mailboxSchema.optional(),
  replyTo: mailboxSchema.optional(),
  items: z.enum(["each", "grouped"]).optional(),
  window: windowSchema.optional(),
  expiresIn: z.int(`whole milliseconds from 1 to ${year}: a year`).min(1).max(year).optional(),
  rate: rateSchema.nullable().optional(),
  onRefused: z.enum(["fail", "skip"]).optional(),
  failover: z.boolean().optional(),
  mode: z.enum(deliveryModes).optional(),
  maxAttempts: z.int().min(1).max(100).optional(),
  scope: scopeSchema.optional(),
  needsConsent: z.boolean().optional(),
};

const cronSchema = z
  .string()
  .max(200, { abort: true })
  .check((context) => {
    const problem = cronProblem(context.value);
    if (problem !== undefined) context.issues.push({ code: "custom", message: problem, input: "" });
  });

/** The fields of {@link RecurrenceTimes}. */
export const timesFields: {
  readonly cron: z.ZodString;
  readonly zone: (typeof zoneChoiceFields)["zone"];
  readonly otherwise: (typeof zoneChoiceFields)["otherwise"];
  readonly catchUp: z.ZodOptional<z.ZodInt>;
} = {
  cron: cronSchema,
  ...zoneChoiceFields,
  catchUp: z.int(`whole milliseconds from 60,000 to ${year}: a year`).min(60_000).max(year).optional(),
};
const timesSchema = z.strictObject(timesFields);

true satisfies Agrees<typeof timesSchema, RecurrenceTimes>;

/** The filter itself is read where it is used. */
export const contactAudienceSchema: z.ZodType<ContactAudience, ContactAudience> = z
  .strictObject({ contacts: z.custom<ContactFilter>(), lateJoiners: z.boolean().optional() })
  .transform(present) as unknown as z.ZodType<ContactAudience, ContactAudience>;

const optionsSchema = z.strictObject({
  ...fieldSchemas,
  name: keySchema,
  notifier: notifierSchema,
  audience: z
    .union([aFunction<(context: AudienceContext) => Resolved<AudienceMember>>(), contactAudienceSchema])
    .optional(),
  recurrence: timesSchema.optional(),
  segmentOf: aFunction<NonNullable<CampaignOptions["segmentOf"]>>().optional(),
  dataOf: aFunction<NonNullable<CampaignOptions["dataOf"]>>().optional(),
});

/** Checks a definition; throws `invalid_campaign` or `invalid_template` with the path of the field. */
export function campaign(options: CampaignOptions): CampaignDefinition {
  const parsed = parsePresent<CampaignOptions>(optionsSchema, options, "invalid_campaign");
  if (parsed.data !== undefined) plainObject(parsed.data, "data", "invalid_campaign");
  // one that is made as data may say it
  if (parsed.message !== undefined || parsed.messages !== undefined) refuseUnreadable(messagesOf(parsed));
  refuseWiderMode(parsed, parsed.notifier);
  if (parsed.recurrence !== undefined && parsed.audience === undefined) {
    throw refusedField("audience", "a function: what recurs has to know its audience");
  }
  refuseFixedWindow(parsed.recurrence === undefined ? undefined : parsed.window);
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

/** Of what recurs: throws `invalid_campaign` for a window of one date. */
export function refuseFixedWindow(window: Window | undefined): void {
  for (const field of ["start", "end"] as const) {
    if (window?.[field] !== undefined) throw refusedField(`window.${field}`, "none: a recurrence begins by its cron");
  }
}

export function refusedField(path: string, expected: string): MilepostError {
  return new MilepostError("invalid_campaign", `${path}: ${expected}`, { path, expected });
}
