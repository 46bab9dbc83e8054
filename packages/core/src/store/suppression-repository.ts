import type { Consent, Suppression, SuppressionReason } from "../recipient/suppression.js";

/** Whose address it is, as `recipientKey()` writes it. */
export interface AddressKey {
  readonly tenant: string;
  readonly recipientKey: string;
}

/** Who did it and why: kept as an act on the entity `recipient`, whose id is the address' key. */
interface Acting {
  readonly by: string;
  readonly why: string;
  readonly now?: Date;
}

/**
 * Addresses that must not be written to, and consent.
 *
 * What forbids a message does so for everything that is not marked: the same transaction moves the pending and leased
 * notifications of the address that it forbids to `suppressed`, or to `unknown` if they were ever ambiguous, with the
 * reason that core's `refusalOf` gives. It waits for marks and announcements under way, so that after its commit none that
 * it forbids commits. A message that is already being sent is not touched; what comes back from it to `pending` is refused
 * at its next mark.
 */
export interface SuppressionRepository {
  /**
   * Forbids an address in a scope, at once, and records the act `suppress`. Of one that is forbidden there already the
   * suppression is kept that core's `heavierOf` says. `stopped`: how many notifications were ended.
   */
  add(
    input: AddressKey &
      Acting & { readonly scope: string; readonly reason: SuppressionReason; readonly detail: string | null },
  ): Promise<{ readonly suppression: Suppression; readonly stopped: number }>;

  /**
   * Counts a soft bounce, by core's `nextBounces`; with the `limit`th one in a row the address is forbidden everything, as
   * by {@link add} with `soft_bounces`, and the count begins anew. Records the act only then. `suppression`: the one of everything that stands afterwards,
   * whoever made it.
   */
  bounced(
    input: AddressKey &
      Acting & {
        readonly limit: number;
        /** Milliseconds. */
        readonly within: number;
        readonly detail: string | null;
      },
  ): Promise<{ readonly bounces: number; readonly suppression: Suppression | null; readonly stopped: number }>;

  /**
   * A person allows an address in a scope again; its soft bounces are forgotten. Records the act `release`. What was ended
   * stays ended. False, and nothing is recorded, if it was not forbidden there.
   */
  release(input: AddressKey & Acting & { readonly scope: string }): Promise<boolean>;

  /** A tenant's suppressions that match every given filter, ordered by key, then scope, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly recipientKeys?: readonly string[];
    readonly scope?: string;
    readonly reason?: SuppressionReason;
    readonly after?: { readonly recipientKey: string; readonly scope: string };
    readonly limit: number;
  }): Promise<readonly Suppression[]>;

  /**
   * Keeps that consent was given or withdrawn in a scope; the last word counts. Records the act `consent` or `withdraw`.
   * Withdrawn, it ends the notifications that need it.
   */
  consent(
    input: AddressKey & Acting & { readonly scope: string; readonly granted: boolean; readonly source: string },
  ): Promise<{ readonly consent: Consent; readonly stopped: number }>;

  /** A tenant's consents that match every given filter, ordered by key, then scope, after `after`. */
  consents(input: {
    readonly tenant: string;
    readonly recipientKeys?: readonly string[];
    readonly scope?: string;
    readonly after?: { readonly recipientKey: string; readonly scope: string };
    readonly limit: number;
  }): Promise<readonly Consent[]>;
}
