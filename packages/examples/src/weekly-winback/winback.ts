import {
  type AudienceMember,
  type Contact,
  campaign,
  createMilepost,
  groupedBy,
  type Milepost,
  type Notifier,
  type Store,
} from "@milepost/core";
import { messages } from "./messages.js";
import { byLongestRun, type SegmentOf } from "./segments.js";
import { type Week, weeksAfter } from "./weeks.js";

/** The campaign of the code and its recurrence, by this name for good. */
export const winback = "winback";

/** Every Saturday at 09:00 GMT. */
export const schedule = { cron: "0 9 * * 6", zone: "UTC" } as const;

const hour = 3_600_000;
/** A Saturday that was missed is caught up until 15:00; later it is skipped. */
export const catchUp: number = 6 * hour;

/** Weeks that are looked at. */
const ahead = 4;

export interface WinbackOptions {
  readonly store: Store;
  readonly notifier: Notifier;
  readonly now?: () => Date;
  /** Which message a customer gets; by the longest run of paused weeks unless said. */
  readonly segmentOf?: SegmentOf;
}

/** The whole of the engine's side. */
export function createWinback({ store, notifier, now, segmentOf = byLongestRun }: WinbackOptions): Milepost {
  const milepost: Milepost = createMilepost({
    store,
    ...(now !== undefined && { runtime: { now } }),
    campaigns: [
      campaign({
        name: winback,
        kind: winback,
        notifier,
        recurrence: { ...schedule, catchUp },
        audience: ({ campaign: { scheduledAt }, after }) => pausing(milepost, scheduledAt!, segmentOf, after),
        messages,
        // what a failing provider keeps back for longer is no use: the week is about to begin
        expiresIn: 24 * hour,
      }),
    ],
  });
  return milepost;
}

/** What a customer's subscription is in one of the weeks ahead. */
interface SubscriptionWeek {
  readonly contact: Contact;
  readonly week: Week;
  readonly paused: boolean;
}

/** Customers whose next week is paused, each with the segment: seen from the Saturday that the mail is for. */
async function* pausing(
  milepost: Milepost,
  saturday: Date,
  segmentOf: SegmentOf,
  after: string | null,
): AsyncGenerator<AudienceMember> {
  const weeks = weeksAfter(saturday, ahead);
  const rows = subscriptionWeeks(milepost, weeks, Number(after ?? 0));
  // contacts come in the order of their numbers: the rows are sorted by it
  for await (const { key, rows: own } of groupedBy(rows, ({ contact }) => contact.number)) {
    const segment = segmentOf(own.map(({ paused }) => paused));
    if (segment === null) continue;
    const { contact } = own[0]!;
    const { id, address, name } = contact;
    yield {
      ...{ id, address, name, segment },
      data: { week: weeks[0], paused: own.filter(({ paused }) => paused).map(({ week }) => week) },
      // a message for each customer, also where two of them share an address
      items: [{ key: id }],
      cursor: String(key),
    };
  }
}

/** The rows of everybody whose first of `weeks` is paused, one for each week, sorted by customer. */
async function* subscriptionWeeks(
  { contacts }: Milepost,
  weeks: readonly Week[],
  after: number,
): AsyncGenerator<SubscriptionWeek> {
  for await (const contact of contacts.stream({ filter: { field: weeks[0]!, is: "paused" }, after })) {
    for (const week of weeks) yield { contact, week, paused: contact.fields[week] === "paused" };
  }
}
