import type { NewNotification } from "../delivery/notification.js";
import type { NewProvider, ProviderActInput } from "../provider/provider-moves.js";
import type { Account } from "../provider/stand-in.js";
import type { ProviderRepository } from "../store/provider-repository.js";
import type { Store } from "../store/store.js";
import { notifications } from "./notification-samples.js";
import { start } from "./samples.js";

// Accounts with sensible defaults, and rows that wait in their lanes.

export const person = { by: "ada", why: "a new account" } as const;

function account(fields: Partial<NewProvider> = {}): NewProvider {
  return {
    tenant: "default",
    id: "main",
    family: "mail",
    channel: "email",
    kind: "smtp",
    name: "Main",
    sender: { address: "shop@example.com", name: "Shop" },
    replyTo: null,
    settings: { host: "mail.example.com", port: 587, user: "shop" },
    credentials: "sealed1.k1.one",
    primary: false,
    position: 0,
    ...fields,
  };
}

export function added(
  store: Store,
  fields: Partial<NewProvider> = {},
  limits: Pick<Parameters<ProviderRepository["add"]>[0], "rate" | "quota"> = {},
  now: Date = start,
): Promise<Account> {
  return store.providers.add({ provider: account(fields), ...limits, ...person, now });
}

export function acted(
  store: Store,
  move: ProviderActInput,
  fields: Partial<Parameters<ProviderRepository["act"]>[0]> = {},
): Promise<Account | null> {
  return store.providers.act({ tenant: "default", id: "main", ...person, move, now: start, ...fields });
}

/** So many rows in the lane of an account, with ids that rise. */
export function rowsOf(id: string, count: number, fields: Partial<NewNotification> = {}): NewNotification[] {
  return notifications(count, { notifier: `mail/${id}`, ...fields });
}
