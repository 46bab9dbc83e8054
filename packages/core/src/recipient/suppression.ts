import type * as z from "zod";
import type { Notification } from "../delivery/notification.js";
import { keySchema } from "../validation.js";

/** The scope of whatever is said to an address. */
export const everything = "*";

/** What kind of message one is. */
export const scopeSchema: z.ZodString = keySchema.refine((scope) => scope !== everything, "the name of one scope");

/** The lightest first: of two for one address and scope the heavier is kept, and what its owner said weighs most. */
export const suppressionReasons = ["soft_bounces", "manual", "hard_bounce", "unsubscribed", "complaint"] as const;
export type SuppressionReason = (typeof suppressionReasons)[number];

/** An address that must not be written to, in one scope or in all, and why. */
export interface Suppression {
  readonly tenant: string;
  /** The address as `recipientKey()` writes it. */
  readonly recipientKey: string;
  /** Of what it gets no more: messages of one scope, as `newsletter`, or `*`, everything. */
  readonly scope: string;
  readonly reason: SuppressionReason;
  /** What the other side said. */
  readonly detail: string | null;
  readonly by: string;
  readonly at: Date;
}

/**
 * Which of two suppressions of one address and scope is kept: the heavier, the first of equal ones. Else lifting a bounce
 * would let mail through to somebody who has unsubscribed meanwhile.
 */
export function heavierOf(before: Suppression | undefined, given: Suppression): Suppression {
  const weight = ({ reason }: Suppression) => suppressionReasons.indexOf(reason);
  return before === undefined || weight(given) > weight(before) ? given : before;
}

/** That a recipient agreed to messages of a scope, or did so no longer. */
export interface Consent {
  readonly tenant: string;
  readonly recipientKey: string;
  /** `*` for every scope that has no consent of its own. */
  readonly scope: string;
  readonly granted: boolean;
  /** Where it was given, for those who have to prove it: a form, an import, a call. */
  readonly source: string;
  readonly by: string;
  readonly at: Date;
}

/** Why nothing may be sent to an address. */
export interface Refusal {
  readonly reason: "suppressed" | "unsubscribed" | "no_consent";
  readonly detail: string | null;
}

/**
 * Whether a message may be sent to its address, by what is stored of that address: null if so. A suppression of the scope
 * or of everything forbids it. A message that needs consent needs that of its own scope, or, where there is none, of `*`.
 */
export function refusalOf(
  { scope, needsConsent }: Pick<Notification, "scope" | "needsConsent">,
  suppressions: readonly Pick<Suppression, "scope" | "reason">[],
  consents: readonly Pick<Consent, "scope" | "granted">[],
): Refusal | null {
  const of = <Row extends { readonly scope: string }>(rows: readonly Row[]) =>
    rows.find((row) => row.scope === scope) ?? rows.find((row) => row.scope === everything);
  const suppression = of(suppressions);
  if (suppression !== undefined) {
    const { reason } = suppression;
    return { reason: reason === "unsubscribed" ? reason : "suppressed", detail: reason };
  }
  return needsConsent && of(consents)?.granted !== true ? { reason: "no_consent", detail: null } : null;
}

/** Soft bounces of an address: those in a row, none of them longer than `within` milliseconds after the one before. */
export interface Bounces {
  readonly count: number;
  readonly lastAt: Date;
}

export function nextBounces(before: Bounces | undefined, within: number, now: Date): Bounces {
  const goesOn = before !== undefined && now.getTime() - before.lastAt.getTime() <= within;
  return { count: goesOn ? before.count + 1 : 1, lastAt: now };
}
