import { randomBytes } from "node:crypto";
import {
  type AddProvider,
  createMilepost,
  keyRing,
  type Milepost,
  type MilepostOptions,
  memoryStore,
  milestone,
  type ProviderCredentials,
  type Store,
  thresholds,
} from "@milepost/core";
import { type SmtpTestServer, smtpTestServer } from "../testing/index.js";
import { type ProviderMailOptions, providerMail } from "./provider-mail.js";

// An engine that tells crowds through accounts, over real sockets, with a clock that stands still.

export const person = { by: "ann", why: "a test" };
export const newKey = (): string => randomBytes(32).toString("base64");

/** A clock that stands still until it is moved. */
export class StillClock {
  #now = Date.UTC(2026, 10, 2, 12);
  readonly now = (): Date => new Date(this.#now);
  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

/** Who logged in, by which password or token; `refuse` says who may not. */
export interface Doorman {
  readonly logins: string[];
  refuse: (login: string) => boolean;
}

/** A mail server that notes each login, as `user:password` or `user:token`. */
export async function guardedServer(): Promise<{ readonly server: SmtpTestServer; readonly doorman: Doorman }> {
  const doorman: Doorman = { logins: [], refuse: () => false };
  const server = await smtpTestServer({
    extensions: ["AUTH PLAIN XOAUTH2"],
    answer(step, line) {
      if (step !== "AUTH") return undefined;
      const [, method, text = ""] = line.split(" ");
      const said = Buffer.from(text, "base64").toString();
      const login =
        method === "XOAUTH2"
          ? said.slice("user=".length, -2).replace("\x01auth=Bearer ", ":")
          : said.split("\0").slice(1).join(":");
      doorman.logins.push(login);
      return doorman.refuse(login) ? "535 5.7.8 Username and Password not accepted" : undefined;
    },
  });
  return { server, doorman };
}

export interface EngineOptions {
  readonly store?: Store;
  readonly clock?: StillClock;
  readonly mail?: ProviderMailOptions;
  readonly ring?: MilepostOptions["keyRing"];
  readonly delivery?: MilepostOptions["delivery"];
}

/** An engine whose milestone tells as many people as the event's amount. */
export function mailEngine({ store = memoryStore(), clock, mail, ring, delivery }: EngineOptions = {}): Milepost {
  const now = clock === undefined ? {} : { runtime: { now: clock.now } };
  return createMilepost({
    store,
    keyRing: ring ?? keyRing({ current: "k1", keys: { k1: newKey() } }),
    messageIdDomain: "example.com",
    milestones: [
      milestone({
        name: "invoices",
        metric: "invoice.sent",
        policy: thresholds(1),
        recipients: {
          resolve: async ({ value }) =>
            Array.from({ length: value }, (_, i) => ({ address: `customer-${i}@acme.example` })),
        },
        message: { subject: "Invoice", text: "It is due." },
        notifier: providerMail({ ...now, ...mail }),
      }),
    ],
    ...(delivery && { delivery }),
    ...now,
  });
}

/** Has so many people told. */
export async function tell(milepost: Milepost, people: number, id = "batch"): Promise<void> {
  await milepost.record({ id, metric: "invoice.sent", subject: id, amount: people });
}

/** An account at a test server, with a password unless other credentials are given. */
export function accountAt(
  server: { readonly host: string; readonly port: number },
  fields: Partial<AddProvider> = {},
): AddProvider {
  const id = fields.id ?? "main";
  const credentials: ProviderCredentials = { type: "password", user: id, password: `secret-of-${id}` };
  return {
    ...{ id, kind: "smtp", sender: { address: `${id}@shop.example`, name: "Shop" }, ...person, credentials },
    settings: { host: server.host, port: server.port, requireTLS: false },
    ...fields,
  };
}

export async function statesOf(milepost: Milepost): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of await milepost.notifications.list({ limit: 10_000 }))
    counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** Passes, with the clock moved between them, until everybody was told; fails if that takes too many. */
export async function untilSent(milepost: Milepost, people: number, clock: StillClock, step = 11_000): Promise<void> {
  for (let passes = 0; passes < 60; passes++) {
    await milepost.runOnce();
    if ((await statesOf(milepost)).sent === people) return;
    clock.advance(step);
  }
  throw new Error(`not all were sent: ${JSON.stringify(await statesOf(milepost))}`);
}
