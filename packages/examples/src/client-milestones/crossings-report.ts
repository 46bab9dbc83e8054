import type { Crossing, Member, Milepost, Notification } from "@milepost/core";
import { recipientKey } from "@milepost/core";
import { toldRoles } from "./clients.js";

/** A crossing, who was told of it, and who was not and why. */
export interface ReportedCrossing {
  readonly client: string;
  readonly clientName: string;
  readonly milestone: number;
  readonly eventId: string;
  readonly reachedAt: Date;
  /** Addresses, sorted. */
  readonly told: readonly string[];
  readonly notTold: readonly { readonly address: string; readonly why: string }[];
  /** Why nobody was told; null where somebody was. */
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
    if (!names.has(subject)) names.set(subject, (await milepost.contacts.subject({ id: subject }))?.name ?? subject);
    reported.push(reportOf(crossing, names.get(subject)!, notifications.get(crossing.id) ?? []));
  }
  return reported.sort((a, b) => compare(a.client, b.client) || a.milestone - b.milestone);
}

function reportOf(crossing: Crossing, clientName: string, notifications: readonly Notification[]): ReportedCrossing {
  const { subject: client, at: milestone, eventId, reachedAt, state } = crossing;
  const sent = notifications.filter((notification) => notification.state === "sent");
  const notTold = notifications
    .filter((notification) => notification.state !== "sent")
    .map(({ recipient, reason, state, detail }) => {
      const why = [reason ?? state, detail].filter(Boolean).join(": ");
      return { address: recipient.address, why, reason: reason ?? state };
    });
  return {
    client,
    clientName,
    milestone,
    eventId,
    reachedAt,
    notTold,
    told: sent.map(({ recipient }) => recipient.address).sort(compare),
    reason: sent.length > 0 ? null : (crossing.reason ?? notTold[0]?.reason ?? state),
  };
}

/** Viewers, and those whose mail goes to somebody else's same address. */
export async function untoldMembers(milepost: Milepost, clients: readonly string[]): Promise<readonly UntoldMember[]> {
  const untold: UntoldMember[] = [];
  for (const client of clients) {
    const first = new Map<string, Member>();
    for (const member of await milepost.contacts.members({ subject: client })) {
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

/** All of a list that is given out page by page. */
async function* pages<Row extends { readonly id: string }>(
  list: (page: { readonly limit: number; readonly after?: string }) => Promise<readonly Row[]>,
): AsyncGenerator<Row> {
  const limit = 1_000;
  for (let page = await list({ limit }); ; ) {
    yield* page;
    if (page.length < limit) return;
    page = await list({ limit, after: page.at(-1)!.id });
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
