import type { ClaimedNotification, Notification } from "../delivery/notification.js";
import type { CallResult } from "../delivery/settlement.js";
import { type DeliveryTiming, deliveryTiming } from "../delivery/timing.js";
import type { Mark } from "../store/notification-repository.js";
import type { ModelRow } from "./delivery-model.js";
import { ModelAddresses } from "./delivery-model-address.js";
import { type ModelLane, newLane } from "./delivery-model-lane.js";
import { Outside, type OutsideCall } from "./delivery-outside.js";
import { start } from "./samples.js";

/** What a worker has in its hands from its claim on, and keeps although others may have taken the row over. */
export interface Hand {
  readonly worker: number;
  readonly row: ClaimedNotification;
  mark: Mark | null;
  marked: {
    readonly attempt: number;
    readonly keyUntil: Date | null;
    readonly slot: string | null;
    readonly at: number;
  } | null;
  called: { readonly result: CallResult; readonly taken: boolean; readonly call: OutsideCall | null } | null;
  settled: boolean;
}

export const walkTiming: DeliveryTiming = deliveryTiming({
  retryCap: 40_000,
  ambiguousHorizon: 600_000,
  maxClaims: 2,
  outageCap: 20_000,
  outageLimit: 100_000,
});

export const walkTenant = "default";
export const walkNotifiers: readonly string[] = ["smtp", "push"];
export const walkAddresses: readonly string[] = ["ada@example.com", "bob@example.com", "eve@example.com"];
export const walkScopes: readonly string[] = ["default", "news"];

/** The model, the workers' hands and the outside world: everything about a walk but the store. */
export class DeliveryWorld {
  now: number = start.getTime();
  /** In the order in which they were added. */
  readonly rows: Map<string, ModelRow> = new Map();
  readonly lanes: ReadonlyMap<string, ModelLane> = new Map(walkNotifiers.map((name) => [name, newLane()]));
  readonly addresses: ModelAddresses = new ModelAddresses();
  readonly outside: Outside = new Outside(walkTiming.callDeadline);
  hands: Hand[] = [];
  /** What a slow sweeper found overdue, and has not done anything about yet. */
  found: { readonly now: Date; readonly rows: readonly Notification[] } | null = null;
  /** The same of rows whose hours had closed. */
  closed: DeliveryWorld["found"] = null;
  /** The stored rows as they were seen last, and all of each that was compared, as text. */
  readonly last: Map<string, Notification> = new Map();
  readonly agreed: Map<string, string> = new Map();
  /** Moves between states that were seen, such as `pending > leased`. */
  readonly moves: Set<string> = new Set();
  /** What was done, step by step. */
  readonly log: string[] = [];
  sources = 0;

  date(): Date {
    return new Date(this.now);
  }

  lane(notifier: string): ModelLane {
    return this.lanes.get(notifier)!;
  }

  row(id: string): ModelRow {
    return this.rows.get(id)!;
  }
}
