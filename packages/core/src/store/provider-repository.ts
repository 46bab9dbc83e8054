import type { Lane } from "../delivery/lane.js";
import type { Provider, ProviderKey } from "../provider/provider.js";
import type { NewProvider, ProviderActInput } from "../provider/provider-moves.js";
import type { Account } from "../provider/stand-in.js";

/** Rate and quota of an account's lane; what is undefined stays, null is none. */
export interface AccountLimits {
  readonly rate?: Lane["rate"] | undefined;
  readonly quota?: Lane["quota"] | undefined;
}

/** Who did it, and why. */
interface Person {
  readonly by: string;
  readonly why: string;
}

/** A lane with rows that its account cannot send. */
export interface StrandedLane {
  readonly tenant: string;
  readonly notifier: string;
}

/** Accounts of tenants at providers. Credentials come and go sealed: a store never has a key. */
export interface ProviderRepository {
  /**
   * Stores an account by core's `newProvider`, the limits of its lane, and the acts. Where it is primary, the one that was is
   * so no longer. Throws `act_refused` where the id is taken.
   */
  add(input: Person & AccountLimits & { readonly provider: NewProvider; readonly now?: Date }): Promise<Account>;

  /**
   * An act by core's `providerMove`, recorded with who and why, but for renewals. The account's lane is paused exactly while
   * the account is not active, in the same transaction, which waits for marks that are under way: after its commit no call
   * of an account that is held back starts. Null where core says that nothing is done. Throws `not_found`, and `act_refused`.
   */
  act(
    input: ProviderKey & Person & AccountLimits & { readonly move: ProviderActInput; readonly now?: Date },
  ): Promise<Account | null>;

  /** An account, a removed one too. */
  get(input: ProviderKey): Promise<Provider | null>;

  /** A tenant's accounts with their lanes, by id, after `after`; removed ones only with `removed`. */
  list(input: {
    readonly tenant: string;
    readonly removed?: boolean;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Account[]>;

  /** Accounts of all tenants that have credentials, by tenant and id, after `after`. */
  sealed(input: { readonly after: ProviderKey | null; readonly limit: number }): Promise<readonly Provider[]>;

  /**
   * The same credentials under another key: written where they still are `from`. The revision stays, so that nobody who
   * sends is disturbed. False where they were changed since.
   */
  reseal(input: ProviderKey & { readonly from: string; readonly to: string }): Promise<boolean>;

  /**
   * Lanes with pending rows whose account cannot send, by its state or its quota; and those of a family's bare name, in
   * tenants that have an active account of it. By tenant and notifier, after `after`.
   */
  stranded(input: {
    readonly after: StrandedLane | null;
    readonly limit: number;
    readonly now?: Date;
  }): Promise<readonly StrandedLane[]>;

  /**
   * Moves up to `limit` rows of a lane on to the account that core's `standInFor` names, as far as that has room: pending
   * ones whose time has come, the longest waiting of each campaign first. Never rows of the mode `idempotent`, nor any that
   * was ever ambiguous, nor those of a campaign whose definition says `failover: false`; rows without an account are moved
   * whatever they are. Each with an act on it. Atomic; a row that is leased meanwhile stays.
   */
  failover(
    input: StrandedLane & { readonly limit: number; readonly now?: Date },
  ): Promise<{ readonly moved: number; readonly to: string | null }>;
}
