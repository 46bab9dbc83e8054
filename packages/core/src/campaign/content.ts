import { type JsonObject, plainObject } from "../json.js";
import { type Channel, type DeliveryMode, type Notifier, safeKeyLifetime } from "../notifier/notifier.js";
import type { CampaignEdit } from "../store/campaign-repository.js";
import type { Campaign } from "./campaign.js";
import type { CampaignChange } from "./campaign-inputs.js";
import {
  type CampaignDefinition,
  type CampaignFields,
  messagesOf,
  refusedField,
  refuseWiderMode,
} from "./definition.js";
import { type CampaignMessages, Messages } from "./messages.js";
import type { Window } from "./window.js";

/** What a campaign says, and how it is sent: what its row's `definition` holds. */
export interface CampaignContent {
  readonly messages: CampaignMessages;
  /** What every message can merge: `{{campaign.week}}`. */
  readonly data: JsonObject;
  /** Of one with several items: a message for each, or one for all. */
  readonly items: "each" | "grouped";
  /** What becomes of it when one of its audience cannot be told. */
  readonly onRefused: "fail" | "skip";
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

export type ContentFields = Omit<CampaignFields, "kind" | "rate"> & { readonly notifier?: string };

/** What a campaign says where it is made: its own words, then those of the code. */
export function contentFrom(
  given: ContentFields,
  code: CampaignDefinition | undefined,
  notifiers: ReadonlyMap<string, Notifier>,
): CampaignContent {
  const name = given.notifier ?? code?.notifier.name;
  const notifier = name === undefined ? undefined : notifiers.get(name);
  if (name === undefined || notifier === undefined) {
    throw refusedField("notifier", "the name of one of the engine's notifiers");
  }
  const said = given.message !== undefined || given.messages !== undefined ? given : (code ?? given);
  const messages = messagesOf(said);
  new Messages(messages);
  const { mode = code?.mode } = given;
  refuseWiderMode(mode === undefined ? {} : { mode }, notifier);
  const used = mode ?? notifier.mode;
  return {
    messages,
    data: plainObject(given.data ?? code?.data ?? {}, "data", "invalid_campaign"),
    items: given.items ?? code?.items ?? "each",
    onRefused: given.onRefused ?? code?.onRefused ?? "fail",
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

/** Throws `invalid_template` for messages that cannot be read. */
export function editOf(campaign: Campaign, change: CampaignChange): CampaignEdit {
  const { name, kind, rate, message, messages, data, items, window, expiresIn, onRefused } = change;
  const content = contentOf(campaign);
  const said = message !== undefined || messages !== undefined;
  const changed = {
    ...(said && { messages: messagesOf({ message, messages } as CampaignFields) }),
    ...(data && { data: plainObject(data, "change.data", "invalid_campaign") }),
    ...(items && { items }),
    ...(window && { window }),
    ...(expiresIn && { expiresIn }),
    ...(onRefused && { onRefused }),
  };
  if (changed.messages) new Messages(changed.messages);
  const definition = { ...content, ...changed } as unknown as JsonObject;
  return {
    ...(name !== undefined && { name }),
    ...(kind !== undefined && { kind }),
    ...(rate !== undefined && { rate }),
    // its name is merged, too
    ...((Object.keys(changed).length > 0 || name !== undefined || kind !== undefined) && { definition }),
  };
}
