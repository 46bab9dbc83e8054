import { oneLine } from "../errors.js";
import type { KeyRing } from "../secret/key-ring.js";
import type { Store } from "../store/store.js";
import { openedCredentials, type ProviderCredentials, sealedCredentials } from "./credentials.js";
import type { Provider, ProviderKey } from "./provider.js";
import { moverName } from "./stand-in.js";

/** An account as a notifier sends through it, its credentials opened. */
export interface OpenProvider
  extends Pick<
    Provider,
    "tenant" | "id" | "kind" | "name" | "sender" | "replyTo" | "settings" | "state" | "revision" | "renewingUntil"
  > {
  readonly credentials: ProviderCredentials | null;
}

/** One account, as a notifier meets it. Of one engine it is always the same object. */
export interface ProviderAccount extends ProviderKey {
  /** As it is stored now; null for one that was removed. Throws `secret_unreadable` if its credentials cannot be opened. */
  open(): Promise<OpenProvider | null>;
  /**
   * To be asked before credentials are renewed: true for one of all processes, until it has renewed them or said that it
   * could not, or `lease` milliseconds are over.
   */
  beginRenewal(revision: number, lease: number): Promise<boolean>;
  /** They could not be renewed now; another may try. */
  endRenewal(revision: number): Promise<void>;
  /** Stores renewed credentials, sealed; null if the account was changed meanwhile, so that they are of no use. */
  renew(revision: number, credentials: ProviderCredentials): Promise<OpenProvider | null>;
  /**
   * The other side takes these credentials no longer: the account fails until a person changes or validates it, its lane
   * waits, and others stand in. Nothing if it was changed meanwhile. `why` in a few words, without secrets.
   */
  fail(revision: number, why: string): Promise<void>;
}

/** The accounts of one engine. */
export class ProviderAccounts {
  readonly #store: Store;
  readonly #ring: KeyRing | undefined;
  readonly #now: () => { readonly now?: Date };
  readonly #accounts = new Map<string, ProviderAccount>();

  constructor(store: Store, ring: KeyRing | undefined, now: () => { readonly now?: Date }) {
    this.#store = store;
    this.#ring = ring;
    this.#now = now;
  }

  of({ tenant, id }: ProviderKey): ProviderAccount {
    const key = `${tenant}\0${id}`;
    const known = this.#accounts.get(key) ?? this.#accountOf({ tenant, id });
    this.#accounts.set(key, known);
    return known;
  }

  #accountOf(key: ProviderKey): ProviderAccount {
    const { providers } = this.#store;
    const opened = (provider: Provider): OpenProvider => {
      const { tenant, id, kind, name, sender, replyTo, settings, state, revision, renewingUntil, credentials } =
        provider;
      return {
        ...{ tenant, id, kind, name, sender, replyTo, settings, state, revision, renewingUntil },
        credentials: credentials === null ? null : openedCredentials(this.#ring, key, credentials),
      };
    };
    const engine = { ...key, by: moverName };
    return {
      ...key,
      async open() {
        const provider = await providers.get(key);
        return provider === null || provider.state === "removed" ? null : opened(provider);
      },
      beginRenewal: async (revision, lease) => {
        const move = { act: "begin_renewal", revision, lease } as const;
        return (await providers.act({ ...engine, why: "renewal", move, ...this.#now() })) !== null;
      },
      endRenewal: async (revision) => {
        await providers.act({ ...engine, why: "renewal", move: { act: "end_renewal", revision }, ...this.#now() });
      },
      renew: async (revision, credentials) => {
        const move = { act: "renew", revision, credentials: sealedCredentials(this.#ring, key, credentials) } as const;
        const account = await providers.act({ ...engine, why: "renewal", move, ...this.#now() });
        return account && opened(account.provider);
      },
      fail: async (revision, why) => {
        const detail = oneLine(why);
        await providers.act({ ...engine, why: detail, move: { act: "fail", revision, detail }, ...this.#now() });
      },
    };
  }
}
