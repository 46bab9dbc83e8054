import { MilepostError } from "../errors.js";
import type { Provider, ProviderKey, ProviderState } from "./provider.js";

// What becomes of an account by an act, as pure functions of a row that a store has locked.

/** An account as it is stored first. */
export type NewProvider = Pick<
  Provider,
  | "tenant"
  | "id"
  | "family"
  | "channel"
  | "kind"
  | "name"
  | "sender"
  | "replyTo"
  | "settings"
  | "credentials"
  | "primary"
  | "position"
>;

/** What a person may change of one; what is not named stays. */
export type ProviderChange = Partial<
  Pick<Provider, "kind" | "name" | "sender" | "replyTo" | "settings" | "credentials" | "position">
>;

export type ProviderPatch = Partial<Omit<Provider, "tenant" | "id" | "family" | "channel" | "createdAt">>;

/** What is done to an account. Those with a revision do nothing to one that was changed since. */
export type ProviderActInput =
  | { readonly act: "change"; readonly change: ProviderChange }
  | { readonly act: "make_primary" | "pause" | "resume" | "remove" }
  /** A login was tried: `problem` is null if it was good, and `refused` where the other side said no. */
  | {
      readonly act: "validate";
      readonly revision: number;
      readonly problem: { readonly detail: string; readonly refused: boolean } | null;
    }
  /** The other side no longer takes its credentials. */
  | { readonly act: "fail"; readonly revision: number; readonly detail: string }
  /** One process begins to renew its credentials, within a lease in milliseconds. */
  | { readonly act: "begin_renewal"; readonly revision: number; readonly lease: number }
  | { readonly act: "end_renewal"; readonly revision: number }
  | { readonly act: "renew"; readonly revision: number; readonly credentials: string };

/** What the engine does by itself and often; no act is kept of it. */
export const unrecordedActs: ReadonlySet<ProviderActInput["act"]> = new Set(["begin_renewal", "end_renewal", "renew"]);

/**
 * An account as it is stored: a new one, or one whose id a removed one had. Throws `act_refused` where it is taken. The
 * first of a tenant and channel is primary, whatever was said.
 */
export function newProvider(
  given: NewProvider,
  { removed, hasPrimary }: { readonly removed: Provider | undefined; readonly hasPrimary: boolean },
  now: Date,
): Provider {
  if (removed !== undefined && removed.state !== "removed") {
    throw new MilepostError("act_refused", `There is an account "${given.id}" already; change it, or remove it first`);
  }
  return {
    ...given,
    primary: given.primary || !hasPrimary,
    state: "active",
    detail: null,
    // a revision stands for one set of credentials, also in the memory of processes
    revision: (removed?.revision ?? 0) + 1,
    renewingUntil: null,
    validatedAt: null,
    validationError: null,
    createdAt: now,
  };
}

/** What becomes of an account by an act; null where nothing does. Throws `act_refused` where its state forbids the act. */
export function providerMove(provider: Provider, input: ProviderActInput, now: Date): ProviderPatch | null {
  const { state, revision } = provider;
  if ("revision" in input) {
    if (state === "removed" || input.revision !== revision) return null;
    switch (input.act) {
      case "validate":
        return validated(provider, input.problem, now);
      case "fail":
        return state === "active" ? { state: "failing", detail: input.detail } : null;
      case "begin_renewal":
        if (provider.renewingUntil !== null && provider.renewingUntil > now) return null;
        return { renewingUntil: new Date(now.getTime() + input.lease) };
      case "end_renewal":
        return { renewingUntil: null };
      case "renew":
        return { credentials: input.credentials, revision: revision + 1, renewingUntil: null };
    }
  }
  if (state === "removed") throw refused(provider, "it was removed");
  switch (input.act) {
    case "change":
      return { ...input.change, ...changed(provider, input.change) };
    case "make_primary":
      return { primary: true };
    case "pause":
      return { state: "paused", detail: null };
    case "resume":
      return { state: "active", detail: null };
    case "remove":
      return {
        ...{ state: "removed", detail: null, primary: false, credentials: null, renewingUntil: null },
        revision: revision + 1,
      };
  }
}

/** With other credentials or settings the account is another to those who send: what was found of it no longer holds. */
function changed(provider: Provider, change: ProviderChange): ProviderPatch {
  const revised = { revision: provider.revision + 1, renewingUntil: null };
  if (change.credentials === undefined && change.settings === undefined && change.kind === undefined) return revised;
  const again = provider.state === "failing" ? ({ state: "active", detail: null } as const) : {};
  return { ...revised, ...again, validatedAt: null, validationError: null };
}

function validated(
  { state }: Provider,
  problem: { readonly detail: string; readonly refused: boolean } | null,
  now: Date,
): ProviderPatch {
  const looked = { validatedAt: now, validationError: problem?.detail ?? null };
  if (problem === null) return state === "failing" ? { ...looked, state: "active", detail: null } : looked;
  if (!problem.refused || state === "paused") return looked;
  return { ...looked, state: "failing", detail: problem.detail };
}

/**
 * Whether the account's lane is paused when its state is another: exactly while it is not active. A person's own pause of the
 * lane stays for as long as the account does not change between the two. `before`: null for a new account.
 */
export function isLanePaused(before: ProviderState | null, after: ProviderState, paused: boolean): boolean {
  const held = after !== "active";
  return held === (before !== null && before !== "active") ? paused : held;
}

/** Whether two accounts cannot both be primary. */
export function shareChannel(
  a: Pick<Provider, "tenant" | "channel">,
  b: Pick<Provider, "tenant" | "channel">,
): boolean {
  return a.tenant === b.tenant && a.channel === b.channel;
}

function refused({ id, state }: ProviderKey & { readonly state: ProviderState }, why: string): MilepostError {
  return new MilepostError("act_refused", `Account "${id}" is ${state}: ${why}`);
}
