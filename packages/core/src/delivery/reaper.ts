import { openingAt } from "../campaign/hours.js";
import type { Runtime } from "../runtime.js";
import type { Opened, Release, Settlement } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import type { Notification } from "./notification.js";
import { settlementOf } from "./settlement.js";
import type { DeliveryTiming } from "./timing.js";

/**
 * What becomes of rows whose lease was over at `now`. Pure.
 *
 * A leased row was never handed to anybody and goes back; too often, and it is poisoned. A sending one may have been
 * accepted: that is for its mode to judge.
 */
export function endsOfLeases(
  rows: readonly Notification[],
  at: { readonly now: Date; readonly random: () => number; readonly timing: DeliveryTiming },
): { readonly releases: readonly Release[]; readonly settlements: readonly Settlement[] } {
  const releases = rows
    .filter((row) => row.state === "leased")
    .map(({ tenant, id, fence, claims }): Release => {
      const poisoned = claims >= at.timing.maxClaims;
      const end = poisoned
        ? ({ to: "failed", reason: "poison_claim" } as const)
        : ({ to: "pending", reason: null } as const);
      return { tenant, id, fence, ...end, retryIn: 0, refund: false };
    });
  const settlements = rows
    .filter((row) => row.state === "sending")
    .map((row) => {
      const lost = { kind: "ambiguous", why: "its worker did not come back", reason: "lease_over" } as const;
      // its place in the quota stays taken: it may have been accepted
      return settlementOf({ ...row, slot: null }, lost, { ...at, random: at.random(), payload: null });
    });
  return { releases, settlements };
}

/** When the hours of rows open next that were closed at `now`; a row's own time may come later still. Pure. */
export function nextOpenings(rows: readonly Notification[], now: Date): readonly Opened[] {
  return rows.map(({ tenant, id, hours, openUntil, notBefore }) => {
    const { opens, closes } = openingAt(hours!, hours!.zone, Math.max(now.getTime(), notBefore.getTime()));
    return { tenant, id, closed: openUntil!, notBefore: new Date(opens), openUntil: new Date(closes) };
  });
}

/**
 * Takes back what dead workers held, ends what time has ended and opens hours anew, up to `limit` rows each; answers how
 * many moved.
 */
export async function reap(store: Store, runtime: Runtime, timing: DeliveryTiming, limit: number): Promise<number> {
  const { now, rows } = await store.notifications.overdue({ limit, ...storeNow(runtime) });
  const { releases, settlements } = endsOfLeases(rows, { now, random: runtime.random, timing });
  const released = releases.length === 0 ? [] : await store.notifications.release({ releases, ...storeNow(runtime) });
  const settled =
    settlements.length === 0 ? [] : await store.notifications.settle({ settlements, ...storeNow(runtime) });
  const { expired, unknown } = await store.notifications.expire({ limit, ...storeNow(runtime) });
  const closed = await store.notifications.closed({ limit, ...storeNow(runtime) });
  const openings = nextOpenings(closed.rows, closed.now);
  const opened = openings.length === 0 ? [] : await store.notifications.reopen({ openings });
  const settlementsMade = settled.filter((result) => result === "settled").length;
  return count(released) + settlementsMade + expired + unknown + count(opened);
}

const count = (done: readonly boolean[]): number => done.filter(Boolean).length;
