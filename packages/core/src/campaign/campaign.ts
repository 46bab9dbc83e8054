import { type Gate, openGate, type Rate, type Slots } from "../delivery/gate.js";
import type { JsonObject } from "../json.js";

/** The states of `docs/campaigns.md`. */
export const campaignStates = ["draft", "scheduled", "sending", "paused", "completed", "failed", "cancelled"] as const;
export type CampaignState = (typeof campaignStates)[number];

export interface CampaignKey {
  readonly tenant: string;
  readonly id: string;
}

/** One message to an audience, as it is stored. */
export interface Campaign extends CampaignKey {
  readonly name: string;
  /** The host's own word for what it is: `invoice_reminder`. */
  readonly kind: string;
  readonly state: CampaignState;
  /** Why it failed or was skipped; else null. */
  readonly detail: string | null;
  /** What is said, to whom and how: what the engine wrote. */
  readonly definition: JsonObject;
  /** Where its audience comes from: whoever launches it, the host's code, or the contacts. */
  readonly audience: "given" | "code" | "contacts";
  /** The definition in code that knows its audience; `''` where none does. */
  readonly code: string;
  /** 1, and 1 more with each edit. */
  readonly revision: number;
  /** When it begins; null = when a person starts it. */
  readonly scheduledAt: Date | null;
  /** The recurrence that made it, and the date it is for; `''` both where none did. */
  readonly recurrence: string;
  readonly occurrence: string;
  /** How far its audience was turned into notifications: chunks so far, where the next one begins, and whether that was all. */
  readonly chunks: number;
  readonly cursor: string | null;
  readonly loaded: boolean;
  /** When those are looked for who joined its audience after it was loaded; null = never again. */
  readonly lookAt: Date | null;
  /** How many of its audience were refused: no address, or a value is missing. */
  readonly rejected: number;
  /** What its notifications are being brought to, and the last one that was; null while they are as it says. */
  readonly changing: "edit" | "cancel" | null;
  readonly changedAfter: string | null;
  readonly rate: Rate | null;
  /** No call starts before: its rate has no room; null = not parked. */
  readonly notBefore: Date | null;
  /** What of its rate is taken. */
  readonly usage: Slots;
  readonly fence: number;
  /** How often it was leased since something of it was done; too often is given up. */
  readonly tries: number;
  /** Until when one process loads or changes it. */
  readonly leaseUntil: Date | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

/**
 * What of a campaign calls have to pass: shut before all of its audience is there, and checked, and while an edit is brought
 * along. Its quota is its provider's.
 */
export function gateOf({
  state,
  loaded,
  changing,
  notBefore,
  rate,
  usage,
}: Pick<Campaign, "state" | "loaded" | "changing" | "notBefore" | "rate" | "usage">): Gate {
  // what a person retries of a completed one goes out, too
  const paused = (state !== "sending" && state !== "completed") || !loaded || changing !== null;
  return { ...openGate, paused, notBefore, rate, usage: { rate: usage, quota: {} } };
}

/** What a gate brings back to its campaign. */
export function gatePatch({ notBefore, usage }: Gate): Pick<Campaign, "notBefore" | "usage"> {
  return { notBefore, usage: usage.rate };
}
