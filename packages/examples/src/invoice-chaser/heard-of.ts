import type { DeliveryEventInput, DeliveryEventsResult, Milepost, Notification } from "@milepost/core";
import { randomSequence } from "../random-sequence.js";
import type { Customer } from "./season.js";

// What providers, a pixel and a redirect would tell of the mails, handed over by calls.

const minute = 60_000;
const clients = [
  { userAgent: "Mozilla/5.0 (iPhone)", device: "phone", client: "Apple Mail" },
  { userAgent: "Mozilla/5.0 (Windows NT 10.0)", device: "desktop", client: "Outlook" },
  { userAgent: "Mozilla/5.0 (Linux; Android 15)", device: "phone", client: "Gmail" },
];

/** All that will ever be heard of these mails, each event once; what becomes of a mail depends on its reader and the seed. */
export function eventsOf(
  tenant: string,
  mails: readonly Notification[],
  customers: readonly Customer[],
  seed: number,
): readonly DeliveryEventInput[] {
  const byAddress = new Map(customers.map((customer) => [customer.address, customer]));
  const random = randomSequence(seed);
  const ordered = mails.filter(({ state }) => state === "sent").sort((a, b) => (a.itemKey < b.itemKey ? -1 : 1));
  return ordered.flatMap((mail): readonly DeliveryEventInput[] => {
    const customer = byAddress.get(mail.recipient.address)!;
    const seen = clients[Math.floor(random() * clients.length)]!;
    const [opens, clicks] = [random() < 0.6 ? 1 + Math.floor(random() * 3) : 0, random() < 0.5 ? 1 : 0];
    const at = (minutes: number) => new Date(mail.settledAt!.getTime() + minutes * minute);
    const key = `${mail.source.id}/${mail.itemKey}`;
    const told = { tenant, source: "provider", via: "webhook", messageId: mail.messageId! } as const;
    const fate = customer.fate;
    if (fate === "gone") {
      const reason = "550 5.1.1 no such user";
      return [{ ...told, id: `${key}/bounced`, type: "bounced", bounce: "hard", reason, occurredAt: at(1) }];
    }
    if (fate === "full") {
      const reason = "452 4.2.2 mailbox full";
      return [{ ...told, id: `${key}/bounced`, type: "bounced", bounce: "soft", reason, occurredAt: at(1) }];
    }
    const events: DeliveryEventInput[] = [{ ...told, id: `${key}/delivered`, type: "delivered", occurredAt: at(1) }];
    const own = { tenant, source: "tracking", notification: mail.id, ip: "192.0.2.7", ...seen } as const;
    const place = { country: customer.zone === "Africa/Cairo" ? "EG" : "GB", zone: customer.zone } as const;
    for (let n = 1; n <= opens; n++) {
      const id = `${key}/opened/${n}`;
      events.push({ ...own, ...place, id, via: "pixel", type: "opened", occurredAt: at(5 * n) });
    }
    if (opens > 0 && clicks > 0) {
      const url = `https://pay.example/${mail.itemKey.toLowerCase()}`;
      events.push({ ...own, ...place, id: `${key}/clicked`, type: "clicked", url, position: 1, occurredAt: at(7) });
    }
    if (fate === "complains") events.push({ ...told, id: `${key}/complained`, type: "complained", occurredAt: at(9) });
    if (fate === "unsubscribes") {
      events.push({ ...told, id: `${key}/unsubscribed`, type: "unsubscribed", occurredAt: at(9) });
    }
    return events;
  });
}

/** The same, each one to three times and in any order, as webhooks come. */
export function asTheyCome(events: readonly DeliveryEventInput[], seed: number): readonly DeliveryEventInput[] {
  const random = randomSequence(seed);
  const calls = events.flatMap((event) => Array.from({ length: 1 + Math.floor(random() * 3) }, () => event));
  for (let i = calls.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [calls[i], calls[j]] = [calls[j]!, calls[i]!];
  }
  return calls;
}

export interface Heard extends DeliveryEventsResult {
  readonly calls: number;
  readonly events: number;
  readonly opens: number;
  readonly clicks: number;
}

export async function hear(milepost: Milepost, events: readonly DeliveryEventInput[], seed: number): Promise<Heard> {
  const calls = asTheyCome(events, seed);
  const sum = { recorded: 0, duplicates: 0, unmatched: 0, late: 0 };
  for (let i = 0; i < calls.length; i += 100) {
    const result = await milepost.deliveryEvents.record(calls.slice(i, i + 100));
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += result[name];
  }
  const count = (type: string) => events.filter((event) => event.type === type).length;
  return { ...sum, calls: calls.length, events: events.length, opens: count("opened"), clicks: count("clicked") };
}

/** Of two times together. */
export function added(first: Heard, later: Heard): Heard {
  const sum = Object.entries(first).map(([name, count]) => [name, count + later[name as keyof Heard]]);
  return Object.fromEntries(sum) as unknown as Heard;
}
