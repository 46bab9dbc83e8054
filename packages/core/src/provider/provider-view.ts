import { isMetered, type Quota, type Rate, roomIn } from "../delivery/gate.js";
import { spanAt } from "../milestone/period.js";
import type { Provider } from "./provider.js";
import type { Account } from "./stand-in.js";

/** An account as it is shown: never its credentials. */
export interface ProviderView extends Omit<Provider, "credentials" | "family" | "position" | "renewingUntil"> {
  /** The notifier that sends through it, and its lane, which its messages have as their notifier. */
  readonly notifier: string;
  readonly lane: string;
  readonly order: number;
  readonly hasCredentials: boolean;
  readonly rate: Rate | null;
  readonly quota: Quota | null;
  /** Calls of the quota that were taken, and when a day's begins anew; null without one, `resetsAt` also where it slides. */
  readonly used: number | null;
  readonly resetsAt: Date | null;
  /** Calls that may start now by rate and quota; null without either. */
  readonly free: number | null;
  /** Until when its lane waits for room or for the other side; null = it was never parked. */
  readonly parkedUntil: Date | null;
}

export function accountView({ provider, lane }: Account, now: Date): ProviderView {
  const { credentials, family, position, renewingUntil: _, ...shown } = provider;
  const { quota, rate } = lane;
  const used = quota === null ? null : quota.count - roomIn({ ...lane, rate: null }, now).free;
  return {
    ...shown,
    notifier: family,
    lane: lane.notifier,
    order: position,
    hasCredentials: credentials !== null,
    rate,
    quota,
    used,
    resetsAt: quota === null || quota.per === "24h" ? null : new Date(spanAt(quota.per, now).end),
    free: isMetered(lane) ? roomIn(lane, now).free : null,
    parkedUntil: lane.notBefore,
  };
}
