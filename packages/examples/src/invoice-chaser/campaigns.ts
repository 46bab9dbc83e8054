import type { AudienceMember, Contact, Loaded, Milepost, NewCampaignInput } from "@milepost/core";
import { type Company, nile, tyne } from "./companies.js";
import { rate } from "./invoice-chaser.js";
import type { Customer, Invoice } from "./season.js";

const scope = "invoices";

/** A mail for each invoice. */
export const reminders: NewCampaignInput = {
  ...{ tenant: nile.id, id: "reminders", name: "Reminders of autumn", kind: "invoice_reminder", items: "each" },
  ...{ message: { template: "reminder" }, data: { company: nile.name }, scope, rate, maxAttempts: 3 },
  ...{ notifier: "mail", by: "ann", why: "400 invoices are due" },
};

/** A mail for up to three invoices, which begins with the one that is due longest. */
export const statements: NewCampaignInput = {
  ...{ tenant: tyne.id, id: "statements", name: "Statements of autumn", kind: "payment_follow_up", items: "grouped" },
  ...{ message: { template: "statement" }, data: { company: tyne.name }, scope, rate, maxAttempts: 3 },
  ...{ notifier: "mail", by: "bob", why: "the quarter ends" },
};

/** On the next morning, by the company's own clocks. */
export const notices: NewCampaignInput = {
  ...{ tenant: nile.id, id: "notices", name: "Overdue notices", kind: "overdue_notice", items: "grouped" },
  ...{ message: { template: "overdue" }, scope, rate, maxAttempts: 3 },
  window: { start: "2026-11-05T09:00", zone: nile.zone },
  ...{ notifier: "mail", by: "ann", why: "who has not paid by now" },
};

/** The company's contacts, as they were imported, each with what they owe. */
export async function audienceOf(
  milepost: Milepost,
  { id: tenant }: Company,
  customers: readonly Customer[],
): Promise<readonly AudienceMember[]> {
  const invoices = new Map(customers.map((customer) => [customer.id, customer.invoices]));
  const audience: AudienceMember[] = [];
  for await (const contact of milepost.contacts.stream({ tenant, filter: { tag: "customer" } })) {
    const owed = invoices.get(contact.id);
    if (owed !== undefined) audience.push(memberOf(contact, owed));
  }
  return audience;
}

function memberOf({ id, address, name, locale, zone }: Contact, invoices: readonly Invoice[]): AudienceMember {
  return { id, address, name, locale, zone, items: invoices.map((invoice) => ({ ...invoice })) };
}

export interface Launched extends Loaded {
  readonly campaign: NewCampaignInput;
  readonly customers: number;
  readonly invoices: number;
  /** Milliseconds, for creating and launching it. */
  readonly took: number;
}

export async function createAndLaunch(
  milepost: Milepost,
  campaign: NewCampaignInput,
  recipients: readonly AudienceMember[],
): Promise<Launched> {
  const began = performance.now();
  const { tenant = "", by, why } = campaign;
  const { id } = await milepost.campaigns.create(campaign);
  const { campaign: _, ...loaded } = await milepost.campaigns.launch({ tenant, id, by, why, recipients });
  const took = performance.now() - began;
  const invoices = recipients.reduce((sum, { items }) => sum + (items?.length ?? 0), 0);
  return { ...loaded, campaign, customers: recipients.length, invoices, took };
}

/** The audience as somebody forgot to complete it: the link of one invoice is missing. */
export function withoutOneLink(audience: readonly AudienceMember[]): readonly AudienceMember[] {
  return audience.map((member, i) => {
    if (i !== 42) return member;
    const [{ link: _, ...first }, ...others] = member.items as unknown as [Invoice, ...Invoice[]];
    return { ...member, items: [first, ...others.map((item) => ({ ...item }))] };
  });
}
