import assert from "node:assert/strict";
import type { Attempt, ClaimedNotification, NewNotification, Notification } from "../delivery/notification.js";
import type { DecideAct, Fenced, Mark, NotificationRepository, Settlement } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import { crossed, crossing, template } from "./crossing-samples.js";
import { at, hour, minute, start } from "./samples.js";

// Notifications with sensible defaults, and the steps that bring one to where a case begins.

export const about = "notifications";

export function notification(fields: Partial<NewNotification> = {}): NewNotification {
  const id = fields.id ?? "ntf-1";
  return {
    tenant: "default",
    id,
    source: { kind: "crossing", id: "cro-1" },
    channel: "email",
    recipientKey: `${id.slice(0, 40)}@example.com`,
    itemKey: "",
    notifier: "smtp",
    mode: "at-most-once",
    keyLifetime: null,
    recipient: { address: "Ada@example.com", name: "Ada" },
    template: "tpl-1",
    data: { name: "Ada" },
    maxAttempts: 5,
    scope: "default",
    needsConsent: false,
    notBefore: null,
    expiresAt: null,
    hours: null,
    sender: null,
    openUntil: null,
    ...fields,
  };
}

/** As many notifications, with ids that rise: `ntf-0001`, `ntf-0002` … */
export function notifications(count: number, fields: Partial<NewNotification> = {}): NewNotification[] {
  return Array.from({ length: count }, (_, i) =>
    notification({ id: `ntf-${String(i + 1).padStart(4, "0")}`, ...fields }),
  );
}

/** Stores notifications as the announcement of their crossings does, creating those. */
export async function queued(store: Store, all: readonly NewNotification[], now: Date = start): Promise<void> {
  const groups = new Map<string, NewNotification[]>();
  for (const each of all) {
    const key = JSON.stringify([each.tenant, each.source.id]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  for (const group of groups.values()) {
    const { tenant, source } = group[0]!;
    await crossed(store, [crossing({ tenant, id: source.id, milestone: source.id })], now);
    const [leased] = await store.crossings.claim({ milestones: [source.id], limit: 1, lease: minute, now });
    const templates = Object.fromEntries(group.map((each) => [each.template, template]));
    const { result } = await store.crossings.announce({
      tenant,
      id: source.id,
      fence: leased!.fence,
      notifications: group,
      templates,
      last: true,
      lease: minute,
      now,
    });
    assert.equal(result, "announced");
  }
}

/** Claims whatever of the notifier can start now, for a minute. */
export async function claimed(
  store: Store,
  now: Date = start,
  notifier = "smtp",
): Promise<readonly ClaimedNotification[]> {
  return store.notifications.claim({
    notifiers: [notifier],
    limit: 10_000,
    served: [],
    lease: minute,
    now,
  });
}

/** Queues notifications and claims them, in the order of their ids. */
export async function leased(
  store: Store,
  all: readonly NewNotification[],
  now: Date = start,
): Promise<readonly ClaimedNotification[]> {
  await queued(store, all, now);
  return claimed(store, now);
}

export function mark(row: Fenced, fields: Partial<Mark> = {}): Mark {
  return {
    tenant: row.tenant,
    id: row.id,
    fence: row.fence,
    messageId: `<${row.id}@milepost.example>`,
    idempotencyKey: `key-${row.id}`,
    payloadHash: "hash-1",
    payload: null,
    ...fields,
  };
}

export function settlement(row: Fenced, fields: Partial<Settlement> = {}): Settlement {
  return {
    tenant: row.tenant,
    id: row.id,
    fence: row.fence,
    notifier: "smtp",
    attempt: 1,
    slot: null,
    excused: false,
    parkIn: null,
    to: "sent",
    outcome: "accepted",
    reason: null,
    detail: null,
    receipt: null,
    retryIn: 0,
    horizonIn: hour,
    payload: null,
    ...fields,
  };
}

/** Claims and marks the one notification that can start now; answers its row. */
export async function marked(store: Store, now: Date = start): Promise<Notification> {
  const rows = await claimed(store, now);
  assert.equal(rows.length, 1);
  const [result] = await store.notifications.mark({ marks: [mark(rows[0]!)], lease: minute, now });
  assert.equal(result!.result, "marked");
  return row(store, rows[0]!.id, rows[0]!.tenant);
}

/** Queues one notification and brings it to `sending`, its first attempt. */
export async function sending(
  store: Store,
  fields: Partial<NewNotification> = {},
  now: Date = start,
): Promise<Notification> {
  await queued(store, [notification(fields)], now);
  return marked(store, now);
}

/** Queues one notification, marks it and settles its first attempt; answers the row as it is then. */
export async function settled(
  store: Store,
  how: Partial<Settlement>,
  fields: Partial<NewNotification> = {},
  now: Date = start,
): Promise<Notification> {
  const before = await sending(store, fields, now);
  assert.deepEqual(await store.notifications.settle({ settlements: [settlement(before, how)], now }), ["settled"]);
  return row(store, before.id, before.tenant);
}

/** How an attempt without a definite answer is settled. */
export const noAnswer: Partial<Settlement> = { to: "ambiguous", outcome: "ambiguous", reason: "no_answer" };
/** How an attempt that was refused for good is settled. */
export const refused: Partial<Settlement> = { to: "failed", outcome: "refused_permanent", reason: "refused" };

/** One notification as it is stored. */
export async function row(store: Store, id = "ntf-1", tenant = "default"): Promise<Notification> {
  const [found] = await store.notifications.list({ tenant, ids: [id], limit: 2 });
  assert.ok(found, `there is no notification ${id}`);
  return found;
}

type Claim = Parameters<NotificationRepository["claim"]>[0];
/** Claims for a minute, as many as there are, unless said; answers their ids. */
export async function claim(store: Store, fields: Partial<Claim> = {}): Promise<string[]> {
  const input = { notifiers: ["smtp"], limit: 100, served: [], lease: minute, now: start, ...fields };
  return (await store.notifications.claim(input)).map((each) => each.id);
}

type Decide = Parameters<NotificationRepository["decide"]>[0];
export function decision(act: DecideAct, fields: Partial<Decide> = {}): Decide {
  return {
    tenant: "default",
    id: "ntf-1",
    act,
    by: "ada",
    why: "she asked",
    newId: "ntf-new",
    acceptDuplicate: false,
    margin: 0,
    now: start,
    ...fields,
  };
}

export async function attempts(store: Store, id = "ntf-1", tenant = "default"): Promise<readonly Attempt[]> {
  return store.notifications.attempts({ tenant, notification: id });
}

export function attempt(fields: Partial<Attempt> = {}): Attempt {
  return {
    tenant: "default",
    notification: "ntf-1",
    number: 1,
    fence: 1,
    startedAt: start,
    endedAt: null,
    outcome: null,
    detail: null,
    slot: null,
    ...fields,
  };
}

export async function pause(store: Store, paused = true): Promise<void> {
  await store.lanes.setPaused({
    tenant: "default",
    notifier: "smtp",
    paused,
    by: "ada",
    why: "outage",
    now: start,
  });
}

/** That a step changed exactly these fields of a row and its attempts are these. */
export async function assertRow(
  store: Store,
  before: Notification,
  changes: Partial<Notification>,
  tries?: readonly Attempt[],
): Promise<void> {
  assert.deepEqual(await row(store, before.id, before.tenant), { ...before, ...changes });
  if (tries !== undefined) assert.deepEqual(await attempts(store, before.id, before.tenant), tries);
}

/** The repeating mode, whose ambiguous outcomes go straight back to pending. */
export const repeating: Partial<NewNotification> = { mode: "idempotent", keyLifetime: hour };
export const ambiguousRetry: Partial<Settlement> = {
  to: "pending",
  outcome: "ambiguous",
  reason: null,
  retryIn: 1000,
};
export const transient: Partial<Settlement> = { to: "pending", outcome: "refused_transient", retryIn: 1000 };

/** Queues the notification `ntf-1` and lets it expire. */
export async function expired(store: Store): Promise<void> {
  await queued(store, [notification({ expiresAt: at(1) })]);
  await store.notifications.expire({ limit: 1, now: at(1) });
}
