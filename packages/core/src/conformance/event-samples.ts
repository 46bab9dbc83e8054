import assert from "node:assert/strict";
import type { AddResult, RecordedEvent, RecordingRules } from "../store/counter-repository.js";
import type { EventRepository, RetainedEvent } from "../store/event-repository.js";
import type { Store } from "../store/store.js";
import { record } from "./counter-samples.js";
import { start } from "./samples.js";

// Steps that retain events or make them purgeable, and what is kept of them.

export const about = "events";

/** Adds a batch whose metrics retain events, unless said. */
export async function keep(
  store: Store,
  batch: readonly RecordedEvent[],
  fields: Partial<RecordingRules> = {},
): Promise<AddResult> {
  return record(store, batch, start, { retain: "events", ...fields });
}

type Listing = Parameters<EventRepository["list"]>[0];
/** Everything that is retained of the sample subject, unless said. */
export async function kept(store: Store, fields: Partial<Listing> = {}): Promise<readonly RetainedEvent[]> {
  return store.events.list({
    tenant: "default",
    metric: "email.delivered",
    subject: "acme",
    limit: 10_000,
    ...fields,
  });
}

/** A retained event as it is listed. */
export function retained(event: RecordedEvent, effect: { value: number; rev: number; place: number }): RetainedEvent {
  const { tenant, metric, id, subject, amount, occurredAt } = event;
  return { tenant, metric, id, subject, amount, occurredAt, ...effect };
}

/** Which of these ids are remembered, told by adding them anew; those that are not are remembered afterwards. */
export async function remembered(store: Store, batch: readonly RecordedEvent[]): Promise<readonly string[]> {
  const { duplicates } = await record(store, batch);
  return duplicates.map((i) => batch[i]!.id);
}

/** Purges until nothing is left; answers what each call did but the last. */
export async function purgeAll(
  store: Store,
  input: Parameters<EventRepository["purge"]>[0],
): Promise<readonly number[]> {
  const answers: number[] = [];
  for (;;) {
    const purged = await store.events.purge(input);
    if (purged === 0) return answers;
    answers.push(purged);
    assert.ok(answers.length < 1_000, "a purge comes to an end");
  }
}
