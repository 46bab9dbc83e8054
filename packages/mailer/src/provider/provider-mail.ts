import {
  type AccountCheck,
  MilepostError,
  type OpenProvider,
  type Outcome,
  type ProviderAccount,
  type Runtime,
  refusedTransient,
  unavailable,
} from "@milepost/core";
import type { MailNotifier } from "../mail-notifier.js";
import type { Letterhead } from "../mime/compose.js";
import { displayName } from "../mime/header-text.js";
import { parseMailbox } from "../mime/mailbox.js";
import type { UnsubscribeLinks } from "../mime/unsubscribe.js";
import { isLoginRefused, outcomeOfFailure, type SmtpFailure } from "../smtp/smtp-outcome.js";
import { cleaner } from "../smtp/smtp-sender.js";
import { AccountSenders, secretsOf, transportOf } from "./account-senders.js";
import { canRenew, LoginKeeper } from "./login-keeper.js";
import { type MailKind, type MailServer, mailKinds, problemOf, serverOf } from "./mail-kind.js";
import { parseProviderMailOptions } from "./provider-mail-options.js";

export interface ProviderMailOptions {
  /** `"mail"` unless said. Messages through an account have `<name>/<account>` as their notifier. */
  readonly name?: string;
  /** `"at-most-once"` unless said. */
  readonly mode?: "at-most-once" | "at-least-once";
  /** Kinds of the host's own, and other servers for `gmail`, `outlook` and `smtp`. */
  readonly kinds?: Readonly<Record<string, MailKind>>;
  /** Whether accounts may be at a server that tenants name; all unless said. */
  readonly allowServer?: (server: { readonly host: string; readonly port: number }) => boolean;
  /** Makes every message bulk mail, as that of `smtpNotifier()`. */
  readonly unsubscribe?: UnsubscribeLinks;
  /** Milliseconds for one call; 25,000 unless said. */
  readonly sendTimeout?: number;
  /** Connections kept open for one account at most; 2 unless said. */
  readonly connections?: number;
  /** Accounts whose connections are kept open at most; 200 unless said. */
  readonly accounts?: number;
  /** Milliseconds before its end from which on an access token is renewed; 300,000 unless said. */
  readonly renewBefore?: number;
  /** Its clock, for tests. */
  readonly runtime?: Partial<Pick<Runtime, "now">>;
}

/** Milliseconds after which a call that was in vain for want of a token may be made again. */
const soon = 1_000;
/** A token that was fetched within so many milliseconds and is refused will not get better by another one. */
const fresh = 60_000;

/**
 * Sends by SMTP through accounts of tenants: `milepost.providers`. The account's credentials are opened for each call, its
 * connections kept as long as it stays the same, its access tokens renewed before they are over, once for all processes. A
 * login that is refused makes the account failing: its lane waits, others stand in, and no message loses an attempt.
 */
export function providerMail(options: ProviderMailOptions = {}): MailNotifier {
  const parsed = parseProviderMailOptions(options);
  const { name = "mail", mode = "at-most-once", sendTimeout = 25_000, allowServer, unsubscribe } = parsed;
  const kinds: Readonly<Record<string, MailKind>> = { ...mailKinds, ...parsed.kinds };
  const now = () => (parsed.runtime?.now?.() ?? new Date()).getTime();
  const keeper = new LoginKeeper({ renewBefore: parsed.renewBefore ?? 300_000, now });
  const senders = new AccountSenders({
    ...{ connections: parsed.connections ?? 2, sendTimeout, accounts: parsed.accounts ?? 200 },
  });
  /** By account: the revision of credentials that were fetched because a login was refused, and when. */
  const lastTries = new WeakMap<ProviderAccount, { readonly revision: number; readonly at: number }>();
  let closed = false;

  /** Where an account is, or why nothing can be sent through it. */
  function reachable(provider: OpenProvider): { readonly kind: MailKind; readonly server: MailServer } | string {
    const problem = problemOf(provider, kinds, allowServer);
    if (problem !== null) return `the account's ${problem.path}: expected ${problem.expected}`;
    const kind = kinds[provider.kind]!;
    return { kind, server: serverOf(kind, provider.settings)! };
  }

  /** What follows from a refused login: newer credentials, or a failing account. */
  async function afterRefusal(
    account: ProviderAccount,
    provider: OpenProvider,
    { tokenUrl }: MailKind,
    why: string,
    signal: AbortSignal,
  ): Promise<OpenProvider | null> {
    const { credentials, revision } = provider;
    const current = await account.open();
    // somebody else has put it right, or said so already
    if (current === null || current.revision !== revision) return current;
    const last = lastTries.get(account);
    const again = last !== undefined && last.revision === revision && now() - last.at < fresh;
    if (credentials?.type === "oauth2" && tokenUrl !== undefined && canRenew(credentials, tokenUrl) && !again) {
      const login = await keeper.renewed(account, provider, tokenUrl, signal);
      if (login.ready) lastTries.set(account, { revision: login.provider.revision, at: now() });
      return login.ready ? login.provider : null;
    }
    await account.fail(revision, why);
    return null;
  }

  async function opened(account: ProviderAccount): Promise<OpenProvider | Outcome> {
    try {
      return (await account.open()) ?? unavailable("not sent: the account was removed");
    } catch (error) {
      if (MilepostError.is(error) && error.code === "secret_unreadable") {
        return unavailable("not sent: the account's credentials cannot be opened with this key ring");
      }
      return refusedTransient("not sent: the account could not be read");
    }
  }

  return {
    name,
    channel: "email",
    mode,
    async send(message, context) {
      if (closed) return refusedTransient("not sent: the notifier is closed");
      const { account, signal } = context;
      if (account === null) return unavailable("not sent: the message has no account");
      const found = await opened(account);
      if ("kind" in found && !("credentials" in found)) return found;
      const provider = found as OpenProvider;
      const at = reachable(provider);
      if (typeof at === "string") return unavailable(`not sent: ${at}`);
      try {
        const login = await keeper.login(account, provider, at.kind.tokenUrl, signal);
        if (!login.ready) {
          if (login.refused) await account.fail(login.provider.revision, login.why);
          return unavailable(`not sent: ${login.why}`, soon);
        }
        if (signal.aborted) return refusedTransient("not sent: the call was given up");
        const sender = senders.of(account, login.provider, at.server);
        const { outcome, loginRefused } = await sender.send(message, context, letterheadOf(provider, unsubscribe));
        if (!loginRefused || outcome.kind !== "refusedTransient") return outcome;
        // what becomes of the account changes nothing of the message
        const better = await afterRefusal(account, login.provider, at.kind, outcome.why, signal).catch(() => null);
        return better === null ? outcome : unavailable(outcome.why, soon);
      } catch {
        // sending never throws; so it was the store, before anything was sent
        return refusedTransient("not sent: the account could not be read");
      }
    },
    accounts: {
      problem: (account) => problemOf(account, kinds, allowServer),
      async validate(account, signal) {
        const first = await account.open();
        if (first === null) return { ok: false, revision: 0, why: "the account was removed", refused: false };
        let provider = first;
        for (let tries = 0; ; tries++) {
          const { revision } = provider;
          const at = reachable(provider);
          if (typeof at === "string") return { ok: false, revision, why: at, refused: false };
          const login = await keeper.login(account, provider, at.kind.tokenUrl, signal);
          provider = login.provider;
          if (!login.ready) return { ok: false, revision: provider.revision, why: login.why, refused: login.refused };
          const found = await tried(provider, at.server, signal);
          if (found.ok || !found.refused || tries > 0) return found;
          const { credentials } = provider;
          const { tokenUrl } = at.kind;
          if (credentials?.type !== "oauth2" || tokenUrl === undefined || !canRenew(credentials, tokenUrl))
            return found;
          const renewed = await keeper.renewed(account, provider, tokenUrl, signal);
          if (!renewed.ready) return { ...found, revision: renewed.provider.revision };
          provider = renewed.provider;
        }
      },
    },
    async close() {
      closed = true;
      await senders.close();
    },
  };
}

/** One login on a connection of its own. */
async function tried(provider: OpenProvider, server: MailServer, signal: AbortSignal): Promise<AccountCheck> {
  const { revision } = provider;
  const transport = transportOf(provider, server, 1);
  const giveUp = () => transport.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await transport.verify();
    return { ok: true, revision };
  } catch (error) {
    const failure = (error ?? {}) as SmtpFailure;
    const outcome = outcomeOfFailure(failure, { begun: false, whole: false }, cleaner(secretsOf(provider)));
    const why = "why" in outcome ? outcome.why : "";
    return { ok: false, revision, why, refused: isLoginRefused(failure) };
  } finally {
    signal.removeEventListener("abort", giveUp);
    transport.close();
  }
}

/** Bounces go to the account, whoever the message says that it is from. */
function letterheadOf({ sender, replyTo }: OpenProvider, unsubscribe: UnsubscribeLinks | undefined): Letterhead {
  const mailbox = ({ address, name }: { readonly address: string; readonly name: string }) => ({
    name: displayName(name),
    // looked at before, so that there is no problem
    address: (parseMailbox(address) as { readonly address: string }).address,
  });
  return {
    from: mailbox(sender),
    replyTo: replyTo === null ? null : mailbox(replyTo),
    unsubscribe: unsubscribe ?? null,
  };
}
