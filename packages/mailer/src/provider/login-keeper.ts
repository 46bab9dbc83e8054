import { setTimeout as sleep } from "node:timers/promises";
import { MilepostError, type OAuthCredentials, type OpenProvider, type ProviderAccount } from "@milepost/core";
import { requestTokens, tokenTime } from "./token-request.js";

/** An account that can be logged in to now, or why not. */
export type Login =
  | { readonly ready: true; readonly provider: OpenProvider }
  | { readonly ready: false; readonly provider: OpenProvider; readonly why: string; readonly refused: boolean };

export interface KeeperOptions {
  /** Milliseconds before its end from which on an access token is renewed. */
  readonly renewBefore: number;
  /** Of the process, in milliseconds. */
  readonly now: () => number;
}

/** For the token server, and for storing what it gave. */
const renewalLease: number = 4 * tokenTime;
/** How often, and how long, those wait who need the token that another process is fetching. Milliseconds. */
const lookEvery = 250;
const looks = 40;

/**
 * Keeps access tokens fresh: one request to the token server for all calls that need one, in all processes. Whoever begins
 * to renew an account's credentials has it alone; the others go on with the token they have, or wait for the new one.
 */
export class LoginKeeper {
  readonly #options: KeeperOptions;
  /** Renewals under way in this process. */
  readonly #renewals = new WeakMap<ProviderAccount, { readonly revision: number; readonly login: Promise<Login> }>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** The account with credentials that hold; `provider` as it was opened. */
  async login(
    account: ProviderAccount,
    provider: OpenProvider,
    tokenUrl: string | undefined,
    signal: AbortSignal,
  ): Promise<Login> {
    const { credentials } = provider;
    if (credentials?.type !== "oauth2") return { ready: true, provider };
    const left = this.#timeLeft(credentials);
    if (left > this.#options.renewBefore) return { ready: true, provider };
    if (canRenew(credentials, tokenUrl) === null) {
      return left > 0
        ? { ready: true, provider }
        : { ready: false, provider, refused: true, why: "its access token is over, and it has none to renew it with" };
    }
    const renewing = this.renewed(account, provider, tokenUrl!, signal);
    // a token that holds still is good enough where it cannot be renewed now
    const login = await renewing;
    return login.ready || login.refused || left <= 0 ? login : { ready: true, provider };
  }

  /** The account with credentials newer than those of `provider`. */
  renewed(account: ProviderAccount, provider: OpenProvider, tokenUrl: string, signal: AbortSignal): Promise<Login> {
    const known = this.#renewals.get(account);
    if (known?.revision === provider.revision) return known.login;
    const login = this.#renew(account, provider, tokenUrl, signal);
    this.#renewals.set(account, { revision: provider.revision, login });
    const over = () => {
      if (this.#renewals.get(account)?.login === login) this.#renewals.delete(account);
    };
    login.then(over, over);
    return login;
  }

  async #renew(
    account: ProviderAccount,
    provider: OpenProvider,
    tokenUrl: string,
    signal: AbortSignal,
  ): Promise<Login> {
    const { revision } = provider;
    if (!(await account.beginRenewal(revision, renewalLease))) return this.#waitForOther(account, provider, signal);
    const credentials = canRenew(provider.credentials as OAuthCredentials, tokenUrl)!;
    // not by the call's signal: what the server has given must be stored, or its old refresh token is lost with it
    const answer = await requestTokens(credentials, tokenUrl, this.#options.now(), new AbortController().signal);
    if (answer.kind === "refused") {
      await account.fail(revision, answer.why);
      // whoever validates it afterwards may ask again
      await account.endRenewal(revision);
      return { ready: false, provider, why: answer.why, refused: true };
    }
    if (answer.kind === "unavailable") {
      await account.endRenewal(revision);
      return { ready: false, provider, why: answer.why, refused: false };
    }
    const stored = await persistently(() => account.renew(revision, answer.credentials));
    // changed by a person meanwhile: theirs count
    const now = stored ?? (await account.open());
    if (now === null) return { ready: false, provider, why: "the account was removed", refused: false };
    return { ready: true, provider: now };
  }

  async #waitForOther(account: ProviderAccount, provider: OpenProvider, signal: AbortSignal): Promise<Login> {
    const { credentials, revision } = provider;
    const waits = credentials?.type === "oauth2" && this.#timeLeft(credentials) <= 0 ? looks : 1;
    for (let look = 0; look < waits && !signal.aborted; look++) {
      const now = await account.open();
      if (now === null) return { ready: false, provider, why: "the account was removed", refused: false };
      if (now.revision !== revision) return { ready: true, provider: now };
      if (now.state === "failing")
        return { ready: false, provider: now, why: "the account is failing", refused: false };
      if (look + 1 < waits) await sleep(lookEvery, undefined, { signal }).catch(() => {});
    }
    return { ready: false, provider, why: "its access token is being renewed", refused: false };
  }

  #timeLeft({ accessToken, expiresAt }: OAuthCredentials): number {
    if (accessToken === undefined) return 0;
    return expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt.getTime() - this.#options.now();
  }
}

/** The credentials with what is needed to renew them; null without. */
export function canRenew(
  credentials: OAuthCredentials,
  tokenUrl: string | undefined,
): (OAuthCredentials & { readonly refreshToken: string }) | null {
  const { refreshToken } = credentials;
  return refreshToken === undefined || tokenUrl === undefined ? null : { ...credentials, refreshToken };
}

/**
 * A store that is busy or away for a moment must not cost the new tokens. A repeat of what was stored changes nothing, as
 * the revision is another by then.
 */
async function persistently<T>(store: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await store();
    } catch (error) {
      const mayPass = MilepostError.is(error) && (error.code === "store_busy" || error.code === "store_unavailable");
      if (!mayPass || tries === 6) throw error;
      await sleep(100 * 2 ** tries);
    }
  }
}
