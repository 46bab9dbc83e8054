import type { Crossing, Member, Milepost, Notification } from "@milepost/core";
import { recipientKey } from "@milepost/core";
import { pages } from "../pages.js";
import { toldRoles } from "./clients.js";
import { type RecipientOutcome, recipientOutcome } from "./recipient-outcome.js";

/** A crossing, who was told of it, and who was not and why. */
export interface ReportedCrossing {
  readonly client: string;
  readonly clientName: string;
  readonly milestone: number;
  readonly eventId: string;
  readonly reachedAt: Date;
  /** Whether its mails are queued, or it was found that there is nobody to write to. */
  readonly announced: boolean;
  /** Addresses, sorted. */
  readonly told: readonly string[];
  /** Everybody else a mail was made for. */
  readonly others: readonly RecipientOutcome[];
  /** Why nobody was told, `pending` while that is open; null where somebody was. */
  readonly reason: string | null;
}

/** A member who gets no mail of any milestone. */
export interface UntoldMember {
  readonly client: string;
  readonly member: Member;
  readonly why: string;
}

/** Everything that was ever crossed in this database, by client and milestone. */
export async function reportedCrossings(milepost: Milepost): Promise<readonly ReportedCrossing[]> {
  const notifications = new Map<string, Notification[]>();
  for await (const one of pages((page) => milepost.notifications.list(page))) {
    const siblings = notifications.get(one.source.id);
    if (siblings === undefined) notifications.set(one.source.id, [one]);
    else siblings.push(one);
  }
  const names = new Map<string, string>();
  const reported: ReportedCrossing[] = [];
  for await (const crossing of pages((page) => milepost.crossings.list(page))) {
    const { subject } = crossing;
    if (!names.has(subject)) names.set(subject, (await milepost.subjects.get({ id: subject }))?.name ?? subject);
    reported.push(reportOf(crossing, names.get(subject)!, notifications.get(crossing.id) ?? []));
  }
  return reported.sort((a, b) => compare(a.client, b.client) || a.milestone - b.milestone);
}

function reportOf(crossing: Crossing, clientName: string, notifications: readonly Notification[]): ReportedCrossing {
  const { subject: client, at: milestone, eventId, reachedAt, state } = crossing;
  const outcomes = notifications.map(recipientOutcome).sort((a, b) => compare(a.address, b.address));
  const told = outcomes.filter((one) => one.told === "told").map(({ address }) => address);
  const others = outcomes.filter((one) => one.told !== "told");
  const announced = state !== "pending" && state !== "leased";
  // what may still change is said first, then what nobody knows
  const reasons = (["waiting", "perhaps", "not"] as const).flatMap((kind) => others.filter((one) => one.told === kind));
  const why = crossing.reason ?? reasons[0]?.reason ?? (announced ? state : "pending");
  const reason = told.length > 0 ? null : why;
  return { client, clientName, milestone, eventId, reachedAt, announced, told, others, reason };
}

/** Viewers, and those whose mail goes to somebody else's same address. */
export async function untoldMembers(milepost: Milepost, clients: readonly string[]): Promise<readonly UntoldMember[]> {
  const untold: UntoldMember[] = [];
  for (const client of clients) {
    const first = new Map<string, Member>();
    for (const member of await milepost.subjects.members({ subject: client })) {
      const key = recipientKey(member.address);
      const other = first.get(key);
      if (!toldRoles.some((role) => role === member.role)) {
        untold.push({ client, member, why: "viewers never get mail" });
      } else if (other !== undefined) {
        untold.push({ client, member, why: `one mail for one address, to ${other.firstName}` });
      } else first.set(key, member);
    }
  }
  return untold;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
