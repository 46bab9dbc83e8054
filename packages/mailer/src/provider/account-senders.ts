import type { OpenProvider, ProviderAccount } from "@milepost/core";
import type { Transporter } from "nodemailer";
import { ownTransport } from "../smtp/own-transport.js";
import { credentialsOf, type SmtpSender, smtpSender } from "../smtp/smtp-sender.js";
import type { MailServer } from "./mail-kind.js";

interface Entry {
  readonly revision: number;
  readonly transport: Transporter;
  readonly sender: SmtpSender;
}

export interface SenderOptions {
  /** Connections of one account at most. */
  readonly connections: number;
  /** Milliseconds for one call. */
  readonly sendTimeout: number;
  /** Accounts whose connections are kept; the one used longest ago is let go. */
  readonly accounts: number;
}

/** A few connections for each account, closed when the account is another. */
export class AccountSenders {
  readonly #options: SenderOptions;
  /** In the order of their use. */
  readonly #entries = new Map<ProviderAccount, Entry>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  of(account: ProviderAccount, provider: OpenProvider, server: MailServer): SmtpSender {
    const known = this.#entries.get(account);
    // what is newer than what was opened a moment ago stays
    const entry = known !== undefined && known.revision >= provider.revision ? known : this.#open(provider, server);
    this.#entries.delete(account);
    this.#entries.set(account, entry);
    if (known !== undefined && known !== entry) this.#retire(known);
    for (const [oldest, { transport, sender }] of this.#entries) {
      if (this.#entries.size <= this.#options.accounts) break;
      this.#entries.delete(oldest);
      this.#retire({ transport, sender });
    }
    return entry.sender;
  }

  async close(): Promise<void> {
    for (const entry of this.#entries.values()) this.#retire(entry);
    this.#entries.clear();
    await Promise.all(this.#closing);
  }

  #open(provider: OpenProvider, server: MailServer): Entry {
    const { connections, sendTimeout } = this.#options;
    const transport = transportOf(provider, server, connections);
    const sender = smtpSender(transport, { credentials: secretsOf(provider), sendTimeout });
    return { revision: provider.revision, transport, sender };
  }

  /** Calls under way go on by what they began with. */
  #retire({ transport, sender }: Pick<Entry, "transport" | "sender">): void {
    const closing = sender.settled().then(() => {
      transport.close();
      this.#closing.delete(closing);
    });
    this.#closing.add(closing);
  }
}

export function transportOf(
  { credentials }: OpenProvider,
  { tls, ...server }: MailServer,
  connections: number,
): Transporter {
  const login =
    credentials?.type === "password"
      ? { auth: { user: credentials.user, pass: credentials.password } }
      : credentials?.type === "oauth2"
        ? { auth: { user: credentials.user, accessToken: credentials.accessToken ?? "" } }
        : {};
  return ownTransport({ ...server, ...login, connections, ...(tls !== undefined && { tls }) });
}

/** What a server may repeat of the login. */
export function secretsOf({ credentials }: OpenProvider): readonly string[] {
  if (credentials?.type === "password") return credentialsOf({ user: credentials.user, pass: credentials.password });
  if (credentials?.type !== "oauth2") return [];
  const { user, accessToken = "", refreshToken = "", clientSecret = "" } = credentials;
  // as nodemailer writes it
  const line = Buffer.from(`user=${user}\x01auth=Bearer ${accessToken}\x01\x01`).toString("base64");
  return [user, accessToken, refreshToken, clientSecret, line].filter((each) => each !== "");
}
