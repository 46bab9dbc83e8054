import { suppressMove } from "../../delivery/moves.js";
import {
  type AddressEvent,
  forbiddenBy,
  type SoftBounceLimit,
  suppressionByEvents,
  whyForbidden,
} from "../../tracking/address-events.js";
import type { AddressKey } from "../suppression-repository.js";
import { refusalIn } from "./refusal.js";
import { keyOf, type Tables } from "./tables.js";

// What forbids an address, whoever says so: a person, or what was heard of messages to it.

export function addressAct(
  tables: Tables,
  { tenant, recipientKey }: AddressKey,
  act: string,
  { by, why, at }: { readonly by: string; readonly why: string; readonly at: Date },
): void {
  tables.acts.push({ tenant, entity: "recipient", entityId: recipientKey, act, by, why, at });
}

/** Ends what is now forbidden to an address; answers how many. */
export function stopForbidden(tables: Tables, { tenant, recipientKey }: AddressKey, now: Date): number {
  let stopped = 0;
  for (const [id, row] of tables.notifications) {
    const open = row.state === "pending" || row.state === "leased";
    if (!open || row.tenant !== tenant || row.recipientKey !== recipientKey) continue;
    const refusal = refusalIn(tables, row);
    if (refusal === null) continue;
    tables.notifications.set(id, { ...row, ...suppressMove(row, refusal, now) });
    stopped++;
  }
  return stopped;
}

/** Keeps what was said of an address; what is there already stays. */
export function keepAddressEvent(tables: Tables, { tenant, recipientKey }: AddressKey, event: AddressEvent): void {
  const key = keyOf(tenant, recipientKey);
  const before = tables.addressEvents.get(key) ?? [];
  if (before.some(({ source, id }) => source === event.source && id === event.id)) return;
  tables.addressEvents.set(key, [...before, event]);
}

/** Forbids an address what all that is known of it says; whether it was forbidden anything by that. */
export function forbidByEvents(tables: Tables, address: AddressKey, limit: SoftBounceLimit, now: Date): boolean {
  const { tenant, recipientKey } = address;
  let forbids = false;
  for (const forbidding of forbiddenBy(tables.addressEvents.get(keyOf(tenant, recipientKey)) ?? [], limit)) {
    const key = keyOf(tenant, recipientKey, forbidding.scope);
    const next = suppressionByEvents(tables.suppressions.get(key), forbidding, address, now);
    if (next === null) continue;
    tables.suppressions.set(key, next.suppression);
    if (!next.forbids) continue;
    const { by, reason } = next.suppression;
    addressAct(tables, address, "suppress", { by, why: whyForbidden[reason], at: now });
    forbids = true;
  }
  if (forbids) stopForbidden(tables, address, now);
  return forbids;
}
