import { parseFilter } from "../contact/contact-filter.js";
import { type JsonObject, plainObject } from "../json.js";
import type { MessageSender } from "../message/message.js";
import { type Channel, type DeliveryMode, type Notifier, safeKeyLifetime } from "../notifier/notifier.js";
import { familyOf } from "../provider/provider.js";
import type { CampaignEdit } from "../store/campaign-repository.js";
import type { Campaign } from "./campaign.js";
import type { CampaignChange } from "./campaign-inputs.js";
import type { ContactAudience } from "./contact-audience.js";
import {
  type CampaignDefinition,
  type CampaignFields,
  messagesOf,
  refusedField,
  refuseWiderMode,
} from "./definition.js";
import { type CampaignMessages, refuseUnreadable } from "./messages.js";
import type { Window } from "./window.js";

/** What a campaign says, and how it is sent: what its row's `definition` holds. */
export interface CampaignContent {
  readonly messages: CampaignMessages;
  /** Null: its audience is given, or comes from code. */
  readonly contacts: ContactAudience | null;
  /** What every message can merge: `{{campaign.week}}`. */
  readonly data: JsonObject;
  /** Of one with several items: a message for each, or one for all. */
  readonly items: "each" | "grouped";
  /** Null: whoever the notifier says. */
  readonly sender: MessageSender | null;
  /** What becomes of it when one of its audience cannot be told. */
  readonly onRefused: "fail" | "skip";
  /** Read by the store's failover, too. */
  readonly failover: boolean;
  readonly notifier: string;
  readonly channel: Channel;
  readonly mode: DeliveryMode;
  /** Milliseconds an idempotency key may be relied on; null for other modes. */
  readonly keyLifetime: number | null;
  readonly maxAttempts: number;
  readonly scope: string;
  readonly needsConsent: boolean;
  /** Null: at once, and at any time. */
  readonly window: Window | null;
  /** Milliseconds after its begin; null: for ever. */
  readonly expiresIn: number | null;
}

/** What was written by the engine is read as it was written. */
export function contentOf({ definition }: Pick<Campaign, "definition">): CampaignContent {
  return definition as unknown as CampaignContent;
}

export type ContentFields = Omit<CampaignFields, "kind" | "rate"> & {
  readonly notifier?: string;
  readonly audience?: ContactAudience;
};

/** What a campaign says where it is made: its own words, then those of the code. */
export function contentFrom(
  given: ContentFields,
  code: CampaignDefinition | undefined,
  notifiers: ReadonlyMap<string, Notifier>,
): CampaignContent {
  const name = given.notifier ?? code?.notifier.name;
  const notifier = name === undefined ? undefined : notifierNamed(name, notifiers);
  if (name === undefined || notifier === undefined) {
    throw refusedField("notifier", "the name of one of the engine's notifiers");
  }
  const said = given.message !== undefined || given.messages !== undefined ? given : (code ?? given);
  const messages = messagesOf(said);
  refuseUnreadable(messages);
  const { mode = code?.mode } = given;
  refuseWiderMode(mode === undefined ? {} : { mode }, notifier);
  const used = mode ?? notifier.mode;
  const contacts = contactsFrom(given, code);
  return {
    ...{ messages, contacts },
    data: plainObject(given.data ?? code?.data ?? {}, "data", "invalid_campaign"),
    items: given.items ?? code?.items ?? "each",
    sender: senderOf({ ...code, ...given }),
    onRefused: given.onRefused ?? code?.onRefused ?? "fail",
    failover: given.failover ?? code?.failover ?? true,
    notifier: name,
    channel: notifier.channel,
    mode: used,
    keyLifetime: used === "idempotent" ? safeKeyLifetime(notifier.keyLifetime!) : null,
    maxAttempts: given.maxAttempts ?? code?.maxAttempts ?? 5,
    scope: given.scope ?? code?.scope ?? "default",
    needsConsent: given.needsConsent ?? code?.needsConsent ?? false,
    window: given.window ?? code?.window ?? null,
    expiresIn: given.expiresIn ?? code?.expiresIn ?? null,
  };
}

function senderOf({ from, replyTo }: Pick<CampaignFields, "from" | "replyTo">): MessageSender | null {
  return from === undefined && replyTo === undefined ? null : { ...(from && { from }), ...(replyTo && { replyTo }) };
}

/** Throws `invalid_filter` for a filter that is none. */
function contactsFrom(given: ContentFields, code: CampaignDefinition | undefined): ContactAudience | null {
  const audience = given.audience ?? (typeof code?.audience === "function" ? undefined : code?.audience);
  if (audience === undefined) return null;
  const { window, expiresIn } = { ...code, ...given };
  if (audience.lateJoiners === true && window?.end === undefined && expiresIn === undefined) {
    throw refusedField("audience.lateJoiners", "a window with an end, or expiresIn: it would never be complete");
  }
  return { ...audience, contacts: parseFilter(audience.contacts, "audience.contacts") };
}

/** One of the engine's, or an account of one: `mail/main`. */
function notifierNamed(name: string, notifiers: ReadonlyMap<string, Notifier>): Notifier | undefined {
  const family = notifiers.get(familyOf(name) ?? "");
  return notifiers.get(name) ?? (family?.accounts === undefined ? undefined : family);
}

/** Throws `invalid_template` for messages that cannot be read. */
export function editOf(campaign: Campaign, change: CampaignChange): CampaignEdit {
  const { name, kind, rate, message, messages, data, from, replyTo, items, window, expiresIn, onRefused, failover } =
    change;
  const content = contentOf(campaign);
  const said = message !== undefined || messages !== undefined;
  const changed = {
    ...(said && { messages: messagesOf({ message, messages } as CampaignFields) }),
    ...(data && { data: plainObject(data, "change.data", "invalid_campaign") }),
    ...(items && { items }),
    ...((from ?? replyTo) && { sender: senderOf({ ...content.sender, ...change }) }),
    ...(window && { window }),
    ...(expiresIn && { expiresIn }),
    ...(onRefused && { onRefused }),
    ...(failover !== undefined && { failover }),
  };
  if (changed.messages) refuseUnreadable(changed.messages);
  const definition = { ...content, ...changed } as unknown as JsonObject;
  return {
    ...(name !== undefined && { name }),
    ...(kind !== undefined && { kind }),
    ...(rate !== undefined && { rate }),
    // its name is merged, too
    ...((Object.keys(changed).length > 0 || name !== undefined || kind !== undefined) && { definition }),
  };
}
