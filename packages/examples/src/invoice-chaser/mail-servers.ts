import { type SmtpTestServer, smtpTestServer, type TokenTestServer, tokenTestServer } from "@milepost/mailer/testing";

/** A mail server on this machine, of one account. */
export interface MailServer {
  readonly smtp: SmtpTestServer;
  /** Takes no login any more, and nothing of those who are logged in. */
  refuse(): void;
}

/** The accounts' servers, by `company/account`, and the token server of `gmail`. */
export interface MailServers {
  readonly of: ReadonlyMap<string, MailServer>;
  readonly tokens: TokenTestServer;
  close(): Promise<void>;
}

export const gmailRefreshToken = "refresh-of-nile";

export async function startMailServers(accounts: readonly string[]): Promise<MailServers> {
  const of = new Map<string, MailServer>();
  for (const account of accounts) of.set(account, await mailServer());
  const tokens = await tokenTestServer({ refreshTokens: [gmailRefreshToken] });
  return {
    of,
    tokens,
    async close() {
      await Promise.all([...of.values()].map(({ smtp }) => smtp.close()));
      await tokens.close();
    },
  };
}

async function mailServer(): Promise<MailServer> {
  let refuses = false;
  const smtp = await smtpTestServer({
    extensions: ["AUTH PLAIN XOAUTH2"],
    answer(step) {
      if (!refuses) return undefined;
      if (step === "AUTH") return "535 5.7.8 Username and Password not accepted";
      return step === "MAIL" ? "530 5.7.0 Authentication required" : undefined;
    },
  });
  return {
    smtp,
    refuse() {
      refuses = true;
    },
  };
}

/** The Message-IDs of all mails that a server took, in their order. */
export function takenIds({ smtp }: MailServer): readonly string[] {
  return smtp.messages.map(({ bytes }) => /^message-id:\s*(<[^>]+>)/im.exec(bytes.toString("latin1"))?.[1] ?? "");
}
