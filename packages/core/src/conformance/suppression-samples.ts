import assert from "node:assert/strict";
import type { NewNotification } from "../delivery/notification.js";
import type { Consent, Suppression } from "../recipient/suppression.js";
import type { Act } from "../store/act-repository.js";
import type { Store } from "../store/store.js";
import type { SuppressionRepository } from "../store/suppression-repository.js";
import { actsOf } from "./acts-of.js";
import { notification, row } from "./notification-samples.js";
import { start } from "./samples.js";

// What is said of an address, Ada's unless said, and the steps that say it.

export const about = "suppressions";
export const ada = "ada@example.com";

type Input<Step extends keyof SuppressionRepository> = Parameters<SuppressionRepository[Step]>[0];
const acting = { tenant: "default", recipientKey: ada, by: "bob", why: "she asked", now: start };

export const suppressing = (fields: Partial<Input<"add">> = {}): Input<"add"> => {
  return { ...acting, scope: "*", reason: "manual", detail: null, ...fields };
};
export const releasing = (fields: Partial<Input<"release">> = {}): Input<"release"> => {
  return { ...acting, scope: "*", ...fields };
};
export const bouncing = (fields: Partial<Input<"bounced">> = {}): Input<"bounced"> => {
  return { ...acting, limit: 3, within: 1_000, detail: "452 full", ...fields };
};
export const consenting = (fields: Partial<Input<"consent">> = {}): Input<"consent"> => {
  return { ...acting, scope: "default", granted: true, source: "a form", ...fields };
};

export function suppression(fields: Partial<Suppression> = {}): Suppression {
  const { tenant, recipientKey, by } = acting;
  return { tenant, recipientKey, by, scope: "*", reason: "manual", detail: null, at: start, ...fields };
}

export function consent(fields: Partial<Consent> = {}): Consent {
  const { tenant, recipientKey, by } = acting;
  return { tenant, recipientKey, by, scope: "default", granted: true, source: "a form", at: start, ...fields };
}

export async function suppressions(store: Store, tenant = "default"): Promise<readonly Suppression[]> {
  return store.suppressions.list({ tenant, limit: 10_000 });
}

export async function consents(store: Store, tenant = "default"): Promise<readonly Consent[]> {
  return store.suppressions.consents({ tenant, limit: 10_000 });
}

export async function acts(store: Store, recipientKey: string = ada, tenant = "default"): Promise<readonly Act[]> {
  return actsOf(store, { tenant, entity: "recipient", entityId: recipientKey });
}

export function act(fields: Partial<Act> = {}): Act {
  const { tenant, by, why } = acting;
  return { tenant, entity: "recipient", entityId: ada, act: "suppress", by, why, at: start, ...fields };
}

/** A notification to Ada, of a crossing of its own. */
export function toAda(id: string, fields: Partial<NewNotification> = {}): NewNotification {
  return notification({ id, source: { kind: "crossing", id }, recipientKey: ada, ...fields });
}

/** That these notifications are in these states, by their ids. */
export async function assertStates(
  store: Store,
  states: Readonly<Record<string, string>>,
  tenant = "default",
): Promise<void> {
  const found: Record<string, string> = {};
  for (const id of Object.keys(states)) found[id] = (await row(store, id, tenant)).state;
  assert.deepEqual(found, states);
}
