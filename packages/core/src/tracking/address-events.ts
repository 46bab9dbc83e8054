import { everything, type Suppression, type SuppressionReason, suppressionReasons } from "../recipient/suppression.js";
import { compareKeys } from "../text-key.js";
import type { BounceKind, DeliveryEventType, NewDeliveryEvent } from "./delivery-event.js";

// What delivery events say of an address, and what follows of it. Decided by all that is stored of the address and never by
// what came last, so that the order in which events come makes no difference.

/** Kept for an address beside its events, which retention may drop. A person's release is one of them. */
export interface AddressEvent {
  readonly type: "bounced" | "complained" | "unsubscribed" | "released";
  readonly bounce: BounceKind | null;
  /** What it is about: an `unsubscribed` or a `released` one is of one scope, or of `*`; the others are of everything. */
  readonly scope: string;
  readonly occurredAt: Date;
  readonly source: string;
  readonly id: string;
  /** The notification that came back; several soft bounces of one count once. Null where it is not known. */
  readonly notification: string | null;
  readonly reason: string | null;
}

/** How many messages may come back softly, and in how long, before their address is written to no more. */
export interface SoftBounceLimit {
  readonly limit: number;
  /** Milliseconds. */
  readonly within: number;
}

/** That an address is forbidden in a scope, and what was said. */
export interface Forbidding extends Pick<Suppression, "scope" | "reason" | "detail"> {
  /** The event that says so, the earliest of equal ones. */
  readonly source: string;
  readonly occurredAt: Date;
}

/** Which types weigh on an address. */
export function weighs(type: DeliveryEventType): type is "bounced" | "complained" | "unsubscribed" {
  return type === "bounced" || type === "complained" || type === "unsubscribed";
}

/** What an event says of its address; null if nothing. `scope` is that of its notification, null where that is not known. */
export function addressEventOf(
  event: Pick<NewDeliveryEvent, "type" | "bounce" | "occurredAt" | "source" | "id" | "reason">,
  notification: { readonly id: string; readonly scope: string } | null,
): AddressEvent | null {
  const { type, bounce, occurredAt, source, id, reason } = event;
  if (!weighs(type)) return null;
  // nobody knows of what: of everything is what cannot be wrong towards a person who asked for an end
  const scope = type === "unsubscribed" ? (notification?.scope ?? everything) : everything;
  const kind = type === "bounced" ? (bounce ?? "hard") : null;
  return { type, bounce: kind, scope, occurredAt, source, id, notification: notification?.id ?? null, reason };
}

/** A person's release, as an event among the others: what occurred before it, or at the same instant, weighs no more. */
export function releaseEvent(scope: string, at: Date): AddressEvent {
  // no event of a host has an empty source
  const key = { source: "", id: `${at.toISOString()} ${scope}` };
  return { type: "released", bounce: null, scope, occurredAt: at, ...key, notification: null, reason: null };
}

const reasonsOf = { complained: "complaint", unsubscribed: "unsubscribed", bounced: "hard_bounce" } as const;

/**
 * In which scopes an address is forbidden, and why, by all that is known of it: a complaint and a hard bounce in every scope,
 * an unsubscribe in its own; soft bounces in every scope as soon as `limit` different messages came back within `within`
 * milliseconds of each other. Of several reasons in one scope the heaviest, of equal ones the earliest. Events count from the
 * last release of their scope on. All by `occurredAt`.
 */
export function forbiddenBy(
  events: readonly AddressEvent[],
  { limit, within }: SoftBounceLimit,
): readonly Forbidding[] {
  const released = new Map<string, number>();
  for (const { type, scope, occurredAt } of events) {
    if (type === "released") released.set(scope, Math.max(released.get(scope) ?? 0, occurredAt.getTime()));
  }
  const counting = events
    .filter(
      ({ type, scope, occurredAt }) => type !== "released" && !(occurredAt.getTime() <= (released.get(scope) ?? -1)),
    )
    .sort(byTime);
  const found = new Map<string, Forbidding>();
  const forbid = (reason: SuppressionReason, { scope, reason: detail, source, occurredAt }: AddressEvent) => {
    const before = found.get(scope);
    if (before === undefined || weightOf(reason) > weightOf(before.reason)) {
      found.set(scope, { scope, reason, detail, source, occurredAt });
    }
  };
  for (const event of counting) {
    if (event.type !== "released" && event.bounce !== "soft") forbid(reasonsOf[event.type], event);
  }
  const last = tooMany(
    counting.filter(({ bounce }) => bounce === "soft"),
    limit,
    within,
  );
  if (last !== undefined) forbid("soft_bounces", last);
  return [...found.values()].sort((a, b) => compareKeys(a.scope, b.scope));
}

const weightOf = (reason: SuppressionReason): number => suppressionReasons.indexOf(reason);

function byTime(a: AddressEvent, b: AddressEvent): number {
  return a.occurredAt.getTime() - b.occurredAt.getTime() || compareKeys(a.source, b.source) || compareKeys(a.id, b.id);
}

/** The first bounce with which `limit` different messages came back within the window; `bounces` are in order. */
function tooMany(bounces: readonly AddressEvent[], limit: number, within: number): AddressEvent | undefined {
  const messages = new Map<string, number>();
  const messageOf = ({ notification, source, id }: AddressEvent) => notification ?? `${source}\0${id}`;
  let from = 0;
  for (const bounce of bounces) {
    const message = messageOf(bounce);
    messages.set(message, (messages.get(message) ?? 0) + 1);
    while (bounce.occurredAt.getTime() - bounces[from]!.occurredAt.getTime() > within) {
      const gone = messageOf(bounces[from++]!);
      const left = messages.get(gone)! - 1;
      if (left === 0) messages.delete(gone);
      else messages.set(gone, left);
    }
    if (messages.size >= limit) return bounce;
  }
  return undefined;
}

const byPrefix = "event:";

export interface SuppressionByEvents {
  readonly suppression: Suppression;
  /** Whether it is new or has another reason, and so is an act; else only its wording was another event's. */
  readonly forbids: boolean;
}

/**
 * The suppression that is stored in place of `before` because of what events say; null if that stays. A heavier one stays,
 * and so does an equal one that a person made. Of one that events made the words follow the earliest event, whichever came
 * first; the time stays the one from which on nothing was sent.
 */
export function suppressionByEvents(
  before: Suppression | undefined,
  { scope, reason, detail, source }: Forbidding,
  address: { readonly tenant: string; readonly recipientKey: string },
  now: Date,
): SuppressionByEvents | null {
  const by = `${byPrefix}${source}`;
  const { tenant, recipientKey } = address;
  const given = { tenant, recipientKey, scope, reason, detail, by, at: now };
  if (before === undefined || weightOf(reason) > weightOf(before.reason)) return { suppression: given, forbids: true };
  const reworded = before.by !== by || before.detail !== detail;
  if (before.reason !== reason || !before.by.startsWith(byPrefix) || !reworded) return null;
  return { suppression: { ...given, at: before.at }, forbids: false };
}

/** Why, as the act says it. */
export const whyForbidden: Readonly<Record<SuppressionReason, string>> = {
  soft_bounces: "too many soft bounces",
  manual: "a person said so",
  hard_bounce: "a hard bounce",
  unsubscribed: "the recipient unsubscribed",
  complaint: "a complaint",
};
