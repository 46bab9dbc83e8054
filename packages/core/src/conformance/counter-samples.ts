import assert from "node:assert/strict";
import type { AddResult, CounterKey, DueCounter, RecordedEvent, RecordingRules } from "../store/counter-repository.js";
import type { Band, CounterBirth, InstalledDefinition, InstalledMilestone } from "../store/definition-repository.js";
import type { Store } from "../store/store.js";
import { compareCounterKeys } from "../store/tally.js";
import { at, max, start } from "./samples.js";

// Definitions, events and counters with sensible defaults, and the steps that bring a counter to where a case begins.

export const about = "counters";

/** Never due. */
export const quiet: Band = { below: null, above: null };
/** Due after every batch: no safe integer lies above it. */
export const restless: Band = { below: max, above: null };

/** How a counter is born: the lifetime one, quiet, unless said. */
export function birth(fields: Partial<CounterBirth> = {}): CounterBirth {
  return { period: "lifetime", ...quiet, due: false, ...fields };
}

export function installedMilestone(fields: Partial<InstalledMilestone> = {}): InstalledMilestone {
  return {
    name: "emails-delivered",
    fingerprint: "fingerprint-1",
    added: 1,
    changed: 1,
    birth: birth(),
    ...fields,
  };
}

/** The first definition of a metric, unless said. */
export function definition(fields: Partial<InstalledDefinition> = {}): InstalledDefinition {
  return {
    metric: "email.delivered",
    generation: 1,
    decrements: true,
    gauge: false,
    retain: "ids",
    eventRetention: null,
    rememberedSince: null,
    births: [birth()],
    milestones: [installedMilestone()],
    former: [],
    removed: [],
    adopted: 0,
    ...fields,
  };
}

/** The same rules for each of these metrics: those of their first definition, unless said. */
export function rules(
  metrics: string | readonly string[] = "email.delivered",
  fields: Partial<RecordingRules> = {},
): Record<string, RecordingRules> {
  const each: RecordingRules = {
    ...{ generation: 1, bandsSince: 0, gauge: false, retain: "ids", purged: false },
    ...fields,
  };
  return Object.fromEntries([metrics].flat().map((metric) => [metric, each]));
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
export async function record(
  store: Store,
  events: readonly RecordedEvent[],
  now: Date = start,
  fields: Partial<RecordingRules> = {},
): Promise<AddResult> {
  const metrics = [...new Set(events.map((e) => e.metric))];
  for (const metric of metrics) await store.definitions.install({ definitions: [definition({ metric })] });
  const result = await store.counters.add({ events, rules: rules(metrics, fields), now });
  assert.deepEqual(result.stale, []);
  return result;
}

/** What waits for evaluation on one counter; undefined when it is not due. */
export async function dueCounter(store: Store, fields: Partial<CounterKey> = {}): Promise<DueCounter | undefined> {
  const key = counterKey(fields);
  const due = await store.counters.due({ metrics: [key.metric], keys: [key], limit: 10, trailLimit: 10_000 });
  assert.ok(due.length <= 1, "one key, one counter");
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

/** One event per amount, with the ids `prefix-0`, `prefix-1` … */
export function events(
  prefix: string,
  amounts: readonly number[],
  fields: Partial<RecordedEvent> = {},
): RecordedEvent[] {
  return amounts.map((amount, i) => event({ id: `${prefix}-${i}`, amount, occurredAt: at(i), ...fields }));
}

export function sorted<T extends CounterKey>(counters: readonly T[]): T[] {
  return [...counters].sort(compareCounterKeys);
}
