import type { AddProvider, Milepost, ProviderCredentials } from "@milepost/core";
import type { MailKind } from "@milepost/mailer";
import { nile, tyne } from "./companies.js";
import { gmailRefreshToken, type MailServers } from "./mail-servers.js";

type AccountPlan = Pick<AddProvider, "id" | "kind" | "quota"> & { readonly company: string };

/** Each company's accounts, in the order in which they stand in for each other. The first one is primary. */
export const accountPlans: readonly AccountPlan[] = [
  { company: nile.id, id: "main", kind: "smtp", quota: { count: 150, per: "day:Africa/Cairo" } },
  { company: nile.id, id: "gmail", kind: "gmail" },
  { company: nile.id, id: "spare", kind: "outlook" },
  { company: tyne.id, id: "main", kind: "smtp", quota: { count: 20, per: "day:Europe/London" } },
  { company: tyne.id, id: "old", kind: "smtp" },
  { company: tyne.id, id: "spare", kind: "smtp" },
];

export const accountKey = ({ company, id }: Pick<AccountPlan, "company" | "id">): string => `${company}/${id}`;

/** Gmail and Outlook, as if they were on this machine. */
export function localKinds({ of, tokens }: MailServers): Readonly<Record<string, MailKind>> {
  const at = (key: string): MailKind => {
    const { host, port } = of.get(key)!.smtp;
    return { host, port, requireTLS: false };
  };
  return { gmail: { ...at("nile/gmail"), tokenUrl: tokens.url }, outlook: at("nile/spare") };
}

export async function addAccounts(milepost: Milepost, { of }: MailServers): Promise<void> {
  for (const [order, { company, ...plan }] of accountPlans.entries()) {
    const { host, port } = of.get(accountKey({ company, id: plan.id }))!.smtp;
    await milepost.providers.add({
      ...{ ...plan, tenant: company, by: "ann", why: "the season begins" },
      sender: { name: company === nile.id ? nile.name : tyne.name, address: `${plan.id}@${company}.example` },
      replyTo: { address: `accounts@${company}.example` },
      ...(plan.kind === "smtp" && { settings: { host, port, requireTLS: false } }),
      credentials: credentialsOf(plan.kind, `${plan.id}@${company}.example`),
      order,
    });
  }
}

function credentialsOf(kind: string, user: string): ProviderCredentials {
  if (kind !== "gmail") return { type: "password", user, password: `password of ${user}` };
  const scopes = ["https://mail.google.com/"];
  return { type: "oauth2", user, clientId: "invoice-chaser", scopes, refreshToken: gmailRefreshToken };
}
