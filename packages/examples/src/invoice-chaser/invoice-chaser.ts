import { createMilepost, keyRing, type Milepost, type Store } from "@milepost/core";
import { providerMail } from "@milepost/mailer";
import { randomSequence } from "../random-sequence.js";
import { localKinds } from "./accounts.js";
import type { MailServers } from "./mail-servers.js";

/** At most 5 calls within 3 seconds. */
export const rate = { count: 5, interval: 3_000 } as const;

export interface ChaserOptions {
  readonly store: Store;
  readonly servers: MailServers;
  readonly now: () => Date;
  readonly seed: number;
}

/** The engine's whole set-up: one notifier that sends through the companies' accounts, and a key that seals those. */
export function createInvoiceChaser({ store, servers, now, seed }: ChaserOptions): Milepost {
  // a host reads it from where it keeps its secrets
  const key = Buffer.alloc(32, `invoice-chaser ${seed}`).toString("base64");
  return createMilepost({
    store,
    notifiers: [providerMail({ kinds: localKinds(servers), runtime: { now } })],
    keyRing: keyRing({ current: "k1", keys: { k1: key } }),
    messageIdDomain: "invoices.example",
    runtime: { now, random: randomSequence(seed) },
  });
}
