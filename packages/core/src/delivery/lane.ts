import { type Gate, openGate } from "./gate.js";

/** A tenant's way through one notifier. It exists from its first notification, or a person's first act on it, on. */
export interface Lane extends Gate {
  readonly tenant: string;
  readonly notifier: string;
}

export function openLane(tenant: string, notifier: string): Lane {
  return { tenant, notifier, ...openGate };
}
