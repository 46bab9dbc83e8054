import assert from "node:assert/strict";
import type { ClaimedNotification, NewNotification, Notification } from "../delivery/notification.js";
import { type ErrorCode, MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { MessageTemplate } from "../message/message.js";
import type { NewCrossing } from "../milestone/crossing.js";
import type { AddResult, CounterKey, DueCounter, RecordedEvent } from "../store/counter-repository.js";
import type { CounterEvaluation } from "../store/crossing-repository.js";
import type { Band, CounterBirth, MetricDefinition } from "../store/definition-repository.js";
import type { Fenced, Mark, Settlement } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import type { OpenedStore } from "./case.js";

// Sample data with sensible defaults, and the few steps that bring a store to where a case begins.

// time

/** Where the cases' own time starts; its milliseconds are what a coarser column would lose. */
export const start: Date = new Date("2026-11-05T12:00:00.123Z");
export const minute = 60_000;
export const hour = 3_600_000;

/** `milliseconds` after the start. */
export function at(milliseconds: number): Date {
  return new Date(start.getTime() + milliseconds);
}

/** That a store's own clock said `time` during `step`, give or take a minute. */
export async function assertOwnClock(step: () => Promise<Date | null>, ahead = 0): Promise<void> {
  const before = Date.now();
  const time = (await step())?.getTime() ?? Number.NaN;
  const after = Date.now();
  assert.ok(time >= before + ahead - minute && time <= after + ahead + minute, `${time} is not now + ${ahead}`);
}

// text and JSON that a careless store changes

/** Valid text keys, each awkward for some quoting, collation, pattern or driver. */
export const awkwardKeys: readonly string[] = [
  ...[" ", " around ", "it's", '"quoted"', "back\\slash\\", "100%_done", "line\nbreak\ttab\r", "\u0001", "%"],
  ...["null", "NULL", "true", "0", "00", "1e3", "$1", "?", ":name", "-- no", "'; drop", '{"a":[1]}', "{a,b}", "a,b"],
  ...["__proto__", "constructor", "{counters}", "{#counters}", "a", "B", "ä", "Z", "é", "e\u0301", "ß", "\ufeffbom"],
  ...["\uffff", "\uff5e", "\u{1f389}", "\u{10ffff}", "x".repeat(200), "é".repeat(100), "\u{1f389}".repeat(50)],
];

/** Ordered by their UTF-8 bytes. */
export function bytewise(keys: readonly string[]): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export const awkwardJson: JsonObject = {
  "": "",
  unicode: "é e\u0301 \u{1f389} \u2028 \ufeff \uffff",
  quotes: "'\"\\%_{counters}$1?",
  "ke'y \"\u{1f389}": {
    nested: { list: [1, [2, [], {}], { deeper: [[[["x"]]]] }], empty: {}, nothing: null },
  },
  numbers: [0, -1, 0.1, 1e21, 1e-7, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER],
  booleans: [true, false],
  date: "2026-11-05T12:00:00.123Z",
  long: "x".repeat(20_000),
};

// definitions and counters

/** Never due. */
export const quiet: Band = { below: null, above: null };
/** Due after every batch: no safe integer lies above it. */
export const restless: Band = { below: Number.MAX_SAFE_INTEGER, above: null };

/** How a counter is born: the lifetime one, quiet, unless said. */
export function birth(fields: Partial<CounterBirth> = {}): CounterBirth {
  return { period: "lifetime", ...quiet, due: false, ...fields };
}

export function definition(fields: Partial<MetricDefinition> = {}): MetricDefinition {
  return {
    metric: "email.delivered",
    decrements: true,
    births: [birth()],
    milestones: ["emails-delivered"],
    fingerprint: "fingerprint-1",
    ...fields,
  };
}

export function event(fields: Partial<RecordedEvent> = {}): RecordedEvent {
  return {
    tenant: "default",
    metric: "email.delivered",
    id: "evt-1",
    subject: "acme",
    amount: 1,
    occurredAt: start,
    feeds: [birth()],
    ...fields,
  };
}

export function counterKey(fields: Partial<CounterKey> = {}): CounterKey {
  return { tenant: "default", metric: "email.delivered", subject: "acme", period: "lifetime", ...fields };
}

/** Adds a batch whose metrics are of generation 1, installed on the way where they are missing. */
export async function record(store: Store, events: readonly RecordedEvent[], now: Date = start): Promise<AddResult> {
  const metrics = [...new Set(events.map((e) => e.metric))];
  await store.definitions.install({ definitions: metrics.map((metric) => definition({ metric })) });
  const generations = Object.fromEntries(metrics.map((metric) => [metric, 1]));
  const result = await store.counters.add({ events, generations, now });
  assert.deepEqual(result.stale, []);
  return result;
}

/** What waits for evaluation on one counter; undefined when it is not due. */
export async function dueCounter(store: Store, fields: Partial<CounterKey> = {}): Promise<DueCounter | undefined> {
  const key = counterKey(fields);
  const due = await store.counters.due({ metrics: [key.metric], keys: [key], limit: 10, trailLimit: 10_000 });
  assert.ok(due.length <= 1);
  return due[0];
}

/** A counter's value and rev, and whether it is due; undefined when there is none. */
export async function counter(
  store: Store,
  fields: Partial<CounterKey> = {},
): Promise<{ value: number; rev: number; due: boolean } | undefined> {
  const [found] = await store.counters.get({ keys: [counterKey(fields)] });
  return found && { value: found.value, rev: found.rev, due: found.due };
}

// crossings

export function crossing(fields: Partial<NewCrossing> = {}): NewCrossing {
  return {
    ...counterKey(),
    id: "cro-1",
    milestone: "emails-delivered",
    threshold: "1000",
    limitVersion: 0,
    arming: 1,
    at: 1000,
    direction: "rising",
    previous: 999,
    value: 1000,
    eventId: "evt-1",
    reachedAt: at(-7),
    state: "pending",
    ...fields,
  };
}

/** The evaluation of a counter's first batch, without crossings, unless said. */
export function evaluation(fields: Partial<CounterEvaluation> = {}): CounterEvaluation {
  return {
    ...counterKey(),
    generation: 1,
    from: 0,
    upTo: 1,
    band: quiet,
    state: {},
    crossings: [],
    ...fields,
  };
}

/** Stores crossings as the evaluation of an event of their counters does. */
export async function crossed(store: Store, crossings: readonly NewCrossing[], now: Date = start): Promise<void> {
  for (const each of crossings) {
    const { tenant, metric, subject, period } = each;
    const feeds = [birth({ period, ...restless, due: true })];
    const { counters } = await record(store, [event({ tenant, metric, subject, feeds, id: each.id })], now);
    const upTo = counters[0]!.rev;
    const span = { from: upTo - 1, upTo, band: restless };
    const evaluations = [evaluation({ tenant, metric, subject, period, ...span, crossings: [each] })];
    assert.deepEqual(await store.crossings.commitEvaluation({ evaluations, now }), ["committed"]);
  }
}

// notifications

export const template: MessageTemplate = { subject: "Hello {{name}}", text: "You reached {{threshold}}" };

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
    notBefore: null,
    expiresAt: null,
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
    perLane: 10_000,
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
    attempt: 1,
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

// stores and refusals

/** Two callers: two independent stores over the same data where that can be, else one twice. */
export async function twoStores(opened: OpenedStore): Promise<readonly [Store, Store]> {
  return [opened.store, opened.reopen === undefined ? opened.store : await opened.reopen()];
}

/** That the step throws a `MilepostError` with this code. */
export async function assertRefused(step: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(step, (error) => {
    assert.ok(MilepostError.is(error), `${String(error)} is no MilepostError`);
    assert.equal(error.code, code);
    return true;
  });
}
