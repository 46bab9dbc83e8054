import type { Milepost, Notification } from "@milepost/core";
import { pages } from "../pages.js";
import { type MailServers, takenIds } from "./mail-servers.js";
import type { CampaignKey } from "./send-out.js";

/** All messages of some campaigns, one tenant after the other. */
export async function mailsOf(milepost: Milepost, campaigns: readonly CampaignKey[]): Promise<readonly Notification[]> {
  const mails: Notification[] = [];
  for (const { tenant, id } of campaigns) {
    const source = { kind: "campaign", id } as const;
    for await (const mail of pages((page) => milepost.notifications.list({ tenant, source, ...page })))
      mails.push(mail);
  }
  return mails;
}

/** By the accounts that they went out through, as `main 48`. */
export function sentThrough(mails: readonly Notification[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { state, notifier } of mails) {
    const account = notifier.slice("mail/".length);
    if (state === "sent") counts.set(account, (counts.get(account) ?? 0) + 1);
  }
  return counts;
}

/** What the engine says it sent, against what the mail servers took. */
export interface Balance {
  readonly queued: number;
  readonly sent: number;
  readonly taken: number;
  /** Sent, and no server has it; taken by two servers, or twice by one. */
  readonly lost: number;
  readonly doubled: number;
  /** Sent through another account than the primary one, in whose lane all were queued. */
  readonly moved: number;
}

export function balanceOf(mails: readonly Notification[], { of }: MailServers): Balance {
  const taken = [...of.values()].flatMap(takenIds);
  const distinct = new Set(taken);
  const sent = mails.filter(({ state }) => state === "sent");
  return {
    ...{ queued: mails.length, sent: sent.length, taken: taken.length, doubled: taken.length - distinct.size },
    moved: sent.filter(({ notifier }) => notifier !== "mail/main").length,
    lost: sent.filter(({ messageId }) => !distinct.has(messageId!)).length,
  };
}
