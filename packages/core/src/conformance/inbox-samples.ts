import assert from "node:assert/strict";
import type { AddResult, RecordedEvent, RecordingRules } from "../store/counter-repository.js";
import type { CounterBirth } from "../store/definition-repository.js";
import type { InboxEvent, InboxRepository, InboxRow } from "../store/inbox-repository.js";
import type { Store } from "../store/store.js";
import type { HostTransaction, OpenedStore } from "./case.js";
import { birth, definition, rules } from "./counter-samples.js";
import { at, start } from "./samples.js";

// Transactions of a host that records, what waits afterwards, and what draining does with it.

export const about = "inbox";

export function inboxEvent(fields: Partial<InboxEvent> = {}): InboxEvent {
  return {
    tenant: "default",
    metric: "email.delivered",
    id: "evt-1",
    subject: "acme",
    amount: 1,
    observed: false,
    occurredAt: start,
    ...fields,
  };
}

/** One event per amount, with the ids `prefix-0`, `prefix-1` … */
export function inboxEvents(
  prefix: string,
  amounts: readonly number[],
  fields: Partial<InboxEvent> = {},
): InboxEvent[] {
  return amounts.map((amount, i) => inboxEvent({ id: `${prefix}-${i}`, amount, occurredAt: at(i), ...fields }));
}

/** Records inside the host's transaction, whether the store's driver is synchronous or not. */
export async function enqueue(store: Store, host: HostTransaction, events: readonly InboxEvent[]): Promise<void> {
  await store.inbox.enqueue(host.tx, events);
}

/** One transaction of the host in which these are recorded, committed or rolled back at its end. */
export async function hosted(
  opened: OpenedStore,
  events: readonly InboxEvent[],
  end: "commit" | "rollback" = "commit",
): Promise<void> {
  const host = await opened.hostTransaction!();
  try {
    await enqueue(opened.store, host, events);
  } catch (error) {
    await host.rollback();
    throw error;
  }
  await host[end]();
}

type Listing = Parameters<InboxRepository["list"]>[0];
/** What waits, unless said. */
export async function waiting(store: Store, fields: Partial<Listing> = {}): Promise<readonly InboxRow[]> {
  return store.inbox.list({ refused: false, limit: 10_000, ...fields });
}

/** What was refused. */
export async function refusedRows(store: Store, fields: Partial<Listing> = {}): Promise<readonly InboxRow[]> {
  return waiting(store, { refused: true, ...fields });
}

/** Why a row cannot be counted. */
export const because: NonNullable<InboxRow["refusal"]> = {
  code: "counter_overflow",
  message: 'it\'s "too" much: é\u{1f389}\n{counters} $1 ?',
};

export const ids = (rows: readonly InboxRow[]): string[] => rows.map((row) => row.id);

/** Records these in one transaction and answers their rows, in order. */
export async function inboxed(opened: OpenedStore, events: readonly InboxEvent[]): Promise<readonly InboxRow[]> {
  const last = (await waiting(opened.store)).at(-1)?.number;
  await hosted(opened, events);
  const rows = await waiting(opened.store, last === undefined ? {} : { after: last });
  assert.equal(rows.length, events.length);
  return rows;
}

/** The event of a row as it is counted, feeding the lifetime counter unless said. */
export function counted(row: InboxRow, feeds: readonly CounterBirth[] = [birth()]): RecordedEvent {
  const { tenant, metric, id, subject, amount, occurredAt } = row;
  return { tenant, metric, id, subject, amount, occurredAt, feeds };
}

/** Counts rows of metrics of generation 1, installed on the way where they are missing, as the engine drains them. */
export async function drain(
  store: Store,
  rows: readonly InboxRow[],
  fields: Partial<RecordingRules> = {},
  feeds?: readonly CounterBirth[],
): Promise<AddResult> {
  const metrics = [...new Set(rows.map((row) => row.metric))];
  for (const metric of metrics) await store.definitions.install({ definitions: [definition({ metric })] });
  const events = rows.map((row) => counted(row, feeds));
  const drained = rows.map((row) => row.number);
  return store.counters.add({ events, rules: rules(metrics, fields), drained, now: start });
}
