import type { ClaimedNotification, Notification } from "../delivery/notification.js";
import type { CallResult } from "../delivery/settlement.js";
import { type DeliveryTiming, deliveryTiming } from "../delivery/timing.js";
import type { Mark } from "../store/notification-repository.js";
import type { ModelRow } from "./delivery-model.js";
import { Outside, type OutsideCall } from "./delivery-outside.js";
import { start } from "./samples.js";

/** What a worker has in its hands from its claim on, and keeps although others may have taken the row over. */
export interface Hand {
  readonly worker: number;
  readonly row: ClaimedNotification;
  mark: Mark | null;
  marked: { readonly attempt: number; readonly keyUntil: Date | null; readonly at: number } | null;
  called: { readonly result: CallResult; readonly taken: boolean; readonly call: OutsideCall | null } | null;
  settled: boolean;
}

export const walkTiming: DeliveryTiming = deliveryTiming({
  retryCap: 40_000,
  ambiguousHorizon: 600_000,
  maxClaims: 2,
});

export const walkTenant = "default";
export const walkNotifiers: readonly string[] = ["smtp", "push"];

/** The model, the workers' hands and the outside world: everything about a walk but the store. */
export class DeliveryWorld {
  now: number = start.getTime();
  /** In the order in which they were added. */
  readonly rows: Map<string, ModelRow> = new Map();
  readonly paused: Set<string> = new Set();
  /** What persons did to each lane. */
  readonly laneActs: Map<string, string[]> = new Map();
  readonly outside: Outside = new Outside(walkTiming.callDeadline);
  hands: Hand[] = [];
  /** What a slow sweeper found overdue, and has not done anything about yet. */
  found: { readonly now: Date; readonly rows: readonly Notification[] } | null = null;
  /** The stored rows as they were seen last, and all of each that was compared, as text. */
  readonly last: Map<string, Notification> = new Map();
  readonly agreed: Map<string, string> = new Map();
  /** Moves between states that were seen, such as `pending > leased`. */
  readonly moves: Set<string> = new Set();
  sources = 0;

  date(): Date {
    return new Date(this.now);
  }

  row(id: string): ModelRow {
    return this.rows.get(id)!;
  }
}
