import { roomIn } from "../delivery/gate.js";
import type { Lane } from "../delivery/lane.js";
import { compareKeys } from "../text-key.js";
import { familyOf, laneOfAccount, type Provider } from "./provider.js";

/** An account with its lane. */
export interface Account {
  readonly provider: Provider;
  readonly lane: Lane;
}

/** Where what waits in a lane goes on, and why. */
export interface StandIn {
  /** The lane of the account that stands in. */
  readonly to: string;
  /** How many more may wait in that lane, those that do included. */
  readonly room: number;
  /** What is said of the move. */
  readonly why: string;
  /** The rows had no account yet, so that no mode and no campaign forbids it. */
  readonly first: boolean;
}

/** How many calls the quota has left now; a rate makes nobody wait for long. */
function quotaLeft(lane: Lane, now: Date): number {
  return roomIn({ ...lane, rate: null }, now).free;
}

/** Why nothing is sent through an account now; null if it is. */
function heldBackBy({ provider, lane }: Account, now: Date): string | null {
  const { id, state } = provider;
  if (state !== "active") return `account "${id}" ${state === "removed" ? "was removed" : `is ${state}`}`;
  return quotaLeft(lane, now) < 1 ? `account "${id}" has used its quota` : null;
}

/** Whether a lane waits for something else than its own rate: a person, its quota, or the other side. */
function waits({ paused, notBefore, ...lane }: Lane, now: Date): boolean {
  if (paused) return true;
  if (notBefore === null || notBefore <= now) return false;
  return roomIn({ ...lane, paused, notBefore, quota: null }, now).until?.getTime() !== notBefore.getTime();
}

/** The accounts of a family that can send now: the primary one first, then by position. */
function able(family: string, accounts: readonly Account[], now: Date): readonly Account[] {
  return accounts
    .filter((account) => account.provider.family === family)
    .filter((account) => heldBackBy(account, now) === null && !waits(account.lane, now))
    .sort(
      ({ provider: a }, { provider: b }) =>
        Number(b.primary) - Number(a.primary) || a.position - b.position || compareKeys(a.id, b.id),
    );
}

/**
 * Which account of the tenant goes on with what waits in a lane: null while the lane's own account can send, and where
 * none can. `lane` is an account's, or the bare name of its family, for rows that have none yet.
 */
export function standInFor(lane: string, accounts: readonly Account[], now: Date): StandIn | null {
  const family = familyOf(lane);
  const own = accounts.find(({ provider }) => laneOfAccount(provider) === lane);
  const why = family === null ? "it had no account yet" : own === undefined ? null : heldBackBy(own, now);
  if (why === null) return null;
  const [next] = able(family ?? lane, accounts, now);
  if (next === undefined) return null;
  return { to: laneOfAccount(next.provider), room: quotaLeft(next.lane, now), why, first: family === null };
}

/**
 * The lane in which new rows of a family are queued: of the first account that can send, else of the primary one, where
 * they wait; the bare name of the family while the tenant has no account.
 */
export function laneForNew(family: string, accounts: readonly Account[], now: Date): string {
  const [first] = able(family, accounts, now);
  if (first !== undefined) return laneOfAccount(first.provider);
  const primary = accounts.find(
    ({ provider }) => provider.family === family && provider.primary && provider.state !== "removed",
  );
  return primary === undefined ? family : laneOfAccount(primary.provider);
}

/** By whom and why a row was moved on: the act that is kept of it. */
export const moverName = "milepost";

export function whyMoved(from: string, { to, why }: StandIn): string {
  return `moved from ${from} to ${to}: ${why}`;
}
