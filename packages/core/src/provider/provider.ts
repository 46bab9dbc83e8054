import type { JsonObject } from "../json.js";
import type { Channel } from "../notifier/notifier.js";

/** `removed` ones are kept without their credentials: what waits in their lanes is moved on. */
export const providerStates = ["active", "paused", "failing", "removed"] as const;
export type ProviderState = (typeof providerStates)[number];

export interface ProviderKey {
  readonly tenant: string;
  readonly id: string;
}

/** Who a message is from, or who is answered. */
export interface ProviderAddress {
  readonly address: string;
  readonly name: string;
}

/** An account of a tenant's at a provider, as it is stored. */
export interface Provider extends ProviderKey {
  /** The name of the notifier that sends through it. */
  readonly family: string;
  readonly channel: Channel;
  /** `gmail`, `outlook`, `smtp`, or a host's own. */
  readonly kind: string;
  readonly name: string;
  readonly sender: ProviderAddress;
  readonly replyTo: ProviderAddress | null;
  /** What is no secret: host, port, user. */
  readonly settings: JsonObject;
  /** Sealed for this row; null without any. */
  readonly credentials: string | null;
  readonly state: ProviderState;
  /** Why it is failing; else null. */
  readonly detail: string | null;
  /** At most one of a tenant and channel. */
  readonly primary: boolean;
  /** In which order others stand in for one that cannot send; the lowest first. */
  readonly position: number;
  /** 1, and 1 more with each change and each renewal of its credentials. Never starts anew, also where its id is used again. */
  readonly revision: number;
  /** Until when one process renews its credentials. */
  readonly renewingUntil: Date | null;
  readonly validatedAt: Date | null;
  /** What the last validation found; null if it was good, or there was none. */
  readonly validationError: string | null;
  readonly createdAt: Date;
}

/** The lane of an account: what its rows have as their notifier. */
export function laneOfAccount({ family, id }: Pick<Provider, "family" | "id">): string {
  return `${family}/${id}`;
}

/** The notifier's name that a row's notifier stands for: of `mail/main` it is `mail`; null for a name without an account. */
export function familyOf(notifier: string): string | null {
  const slash = notifier.indexOf("/");
  return slash < 0 ? null : notifier.slice(0, slash);
}
