import {
  type CampaignReport,
  createMilepost,
  type Milepost,
  type Notification,
  type Notifier,
  type Store,
} from "@milepost/core";
import { pages } from "../pages.js";
import { type ClientFilter, contactFilter } from "./clients.js";

/** A text that goes to clients between a start and an end, by each one's own clocks. */
export interface Mailing {
  readonly id: string;
  /** A wall clock's date and time, as `2026-12-01T09:00`. */
  readonly start: string;
  /** Not at this time any more. */
  readonly end: string;
  readonly text: string;
  readonly filter: ClientFilter;
  /** Whether clients that are added later get it, too; false unless said. */
  readonly lateJoiners?: boolean;
}

const kind = "mailing";
const acting = { by: "local-time-mailing", why: "asked for" };

export interface MailingOptions {
  readonly store: Store;
  readonly notifier: Notifier;
  readonly now: () => Date;
  /** Of which retries take their jitter; random unless said. */
  readonly random?: () => number;
}

/** The whole of the engine's side: mailings are data, so there is no campaign in the code. */
export function createMailingService({ store, notifier, now, random = Math.random }: MailingOptions): Milepost {
  return createMilepost({ store, notifiers: [notifier], runtime: { now, random } });
}

/**
 * Creates a mailing: its audience is fixed now, and it begins when the first clocks on Earth show its start, those of UTC+14.
 * Whoever's start has come is told at once. One that is there already stays as it is.
 */
export async function createMailing(
  milepost: Milepost,
  { id, start, end, text, filter, lateJoiners = false }: Mailing,
): Promise<CampaignReport> {
  const created = await milepost.campaigns.create({
    ...acting,
    ...{ id, kind, notifier: "sms", message: { text } },
    window: { start, end, zone: "recipient" },
    audience: { contacts: contactFilter(filter), lateJoiners },
    // the end decides, and not how often it was tried
    maxAttempts: 100,
  });
  return created.state === "draft" ? milepost.campaigns.schedule({ ...acting, id }) : created;
}

/** Changes the window of what was not sent yet. */
export async function moveMailing(
  milepost: Milepost,
  id: string,
  window: Pick<Mailing, "start" | "end">,
): Promise<void> {
  const mailing = await milepost.campaigns.get({ id });
  if (mailing === null || mailing.endedAt !== null) return;
  const change = { window: { ...window, zone: "recipient" } };
  await milepost.campaigns.edit({ ...acting, id, revision: mailing.revision, change });
}

/** Deletes a mailing: nothing of it goes out any more. What was sent stays known. */
export async function deleteMailing(milepost: Milepost, id: string): Promise<void> {
  const mailing = await milepost.campaigns.get({ id });
  if (mailing === null || mailing.endedAt !== null) return;
  await milepost.campaigns.cancel({ ...acting, id });
}

/** All mailings, by id, each with how many of its messages there are in each status. */
export async function mailings(milepost: Milepost): Promise<readonly CampaignReport[]> {
  const all: CampaignReport[] = [];
  for await (const mailing of pages((page) => milepost.campaigns.list({ kind, ...page }))) all.push(mailing);
  return all;
}

/** A message of a mailing to one client. */
export interface Message {
  readonly id: string;
  readonly mailing: string;
  readonly client: string;
  readonly zone: string;
  readonly status: Notification["state"];
  /** When it got this status, if it stays so. */
  readonly time: Date | null;
}

/** By client. */
export async function messagesOf(milepost: Milepost, mailing: string): Promise<readonly Message[]> {
  const messages: Message[] = [];
  const source = { kind: "campaign", id: mailing } as const;
  for await (const row of pages((page) => milepost.notifications.list({ source, ...page }))) {
    const { contact } = row.data as { readonly contact: { readonly id: string } };
    const { id, state: status, settledAt: time, recipient } = row;
    messages.push({ id, mailing, client: contact.id, zone: recipient.zone ?? "UTC", status, time });
  }
  return messages.sort((a, b) => (a.client < b.client ? -1 : 1));
}
