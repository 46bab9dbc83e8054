import type { Notification } from "../delivery/notification.js";
import type { RetainedEvent } from "../store/event-repository.js";
import type { Store } from "../store/store.js";
import { compareCounterKeys } from "../store/tally.js";

/** Whose rows are looked at. */
export interface Contents {
  readonly metrics: readonly string[];
  readonly subjects: readonly string[];
  readonly eventIds: readonly string[];
}

const tenant = "default";
const limit = 10_000;

/** All that the contract tells of what a store holds for one tenant: equal before and after what writes nothing. */
export async function contentsOf(store: Store, { metrics, subjects, eventIds }: Contents): Promise<unknown> {
  const keys = await store.counters.list({ tenant, limit });
  const retained: RetainedEvent[] = [];
  const known: string[][] = [];
  for (const metric of metrics) {
    known.push([...(await store.events.known({ tenant, metric, ids: eventIds }))].sort());
    for (const subject of subjects) retained.push(...(await store.events.list({ tenant, metric, subject, limit })));
  }
  const notifications = await store.notifications.list({ tenant, limit });
  return {
    definitions: await store.definitions.list(),
    counters: [...(await store.counters.read({ keys, trailLimit: limit }))].sort(compareCounterKeys),
    limits: await store.limits.of({
      subjects: metrics.flatMap((metric) => subjects.map((subject) => ({ tenant, metric, subject }))),
    }),
    retained,
    known,
    crossings: await store.crossings.list({ tenant, limit }),
    notifications: notifications.map((row: Notification) => ({ ...row })),
    lanes: await store.lanes.list({ tenant }),
    suppressions: await store.suppressions.list({ tenant, limit }),
    consents: await store.suppressions.consents({ tenant, limit }),
    subjects: await store.subjects.list({ tenant, limit }),
  };
}
