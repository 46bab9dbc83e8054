import type { Fenced, Mark, NewCrossing, NewNotification, Settlement } from "@milepost/core/store";
import type { PostgresStore } from "./postgres-store.js";

// Imported by tests only: notifications on their way, put into a store as the engine puts them.

export const lease = 60_000;
const metric = "email.delivered";
const birth = { period: "lifetime", below: null, above: 1, due: false };

/** A crossing that is claimed, and what is to be announced of it. */
export type Announcing = (
  notifications: readonly NewNotification[],
) => ReturnType<PostgresStore["crossings"]["announce"]>;

/** Installs the metric that all crossings here are of. */
export async function installed(store: PostgresStore): Promise<void> {
  const settings = {
    decrements: false,
    gauge: false,
    retain: "ids",
    eventRetention: null,
    rememberedSince: null,
  } as const;
  const definition = { metric, generation: 1, births: [birth], milestones: [], former: [], removed: [], adopted: 0 };
  await store.definitions.install({ definitions: [{ ...definition, ...settings }] });
}

/** Stores and claims crossings of one subject, ready to be announced. */
export async function crossed(
  store: PostgresStore,
  subject: string,
  ids: readonly string[],
  tenant = "default",
): Promise<readonly Announcing[]> {
  const key = { tenant, metric, subject, period: "lifetime" };
  const events = [{ ...key, id: `of ${subject}`, amount: 1, occurredAt: new Date(), feeds: [birth] }];
  const rules = { [metric]: { generation: 1, bandsSince: 0, gauge: false, retain: "ids" as const, purged: false } };
  await store.counters.add({ events, rules });
  const crossings = ids.map(
    (id): NewCrossing => ({
      ...{ ...key, id, milestone: `of ${subject}`, threshold: id, limitVersion: 0, arming: 1, at: 1 },
      ...{ direction: "rising", code: null, severity: null, limitAmount: null, skipped: 0, previous: 0, value: 1 },
      ...{ eventId: `of ${subject}`, reachedAt: new Date(), state: "pending" },
    }),
  );
  const band = { below: null, above: null };
  const evaluation = { ...key, generation: 1, reached: 1, from: 0, upTo: 1, band, state: {}, crossings };
  await store.crossings.commitEvaluation({ evaluations: [evaluation] });
  const claimed = await store.crossings.claim({ milestones: [`of ${subject}`], limit: ids.length, lease });
  const fences = new Map(claimed.map(({ id, fence }) => [id, fence]));
  return ids.map((id): Announcing => {
    const held = { tenant, id, fence: fences.get(id) ?? 0, templates: { t: { text: "hello" } }, last: true, lease };
    return (notifications) => store.crossings.announce({ ...held, notifications });
  });
}

export function notificationOf(crossing: string, id: string, fields: Partial<NewNotification> = {}): NewNotification {
  return {
    ...{ tenant: "default", id, source: { kind: "crossing", id: crossing }, channel: "email", itemKey: id },
    ...{ recipientKey: `${id}@example.org`, recipient: { address: `${id}@example.org` }, notifier: "smtp" },
    ...{ mode: "at-most-once", keyLifetime: null, template: "t", data: {}, maxAttempts: 5, scope: "default" },
    ...{ needsConsent: false, notBefore: null, expiresAt: null, hours: null, openUntil: null, sender: null, ...fields },
  };
}

export const markOf = ({ tenant, id, fence }: Fenced): Mark => ({
  ...{ tenant, id, fence, messageId: `<${id}@x>`, idempotencyKey: id, payloadHash: "h", payload: null },
});

/** An accepted call's, unless said. */
export function settlementOf({ tenant, id, fence }: Fenced, fields: Partial<Settlement> = {}): Settlement {
  return {
    ...{ tenant, id, fence, notifier: "smtp", attempt: 1, slot: null, excused: false, parkIn: null },
    ...{ to: "sent", outcome: "accepted", reason: null, detail: null, receipt: null, retryIn: 0, horizonIn: 1_000 },
    ...{ payload: null, ...fields },
  };
}
