import assert from "node:assert/strict";
import type { Lane } from "../delivery/lane.js";
import type { ClaimedNotification, NewNotification } from "../delivery/notification.js";
import type { LaneRepository } from "../store/lane-repository.js";
import type { MarkResult } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import { claimed, mark, notifications, queued } from "./notification-samples.js";
import { minute, start } from "./samples.js";

// Lanes with a rate or a quota, and what is taken of them.

type Limit = Parameters<LaneRepository["limit"]>[0];

/** Limits the lane of `smtp`. */
export async function limit(store: Store, fields: Partial<Limit> = {}): Promise<Lane> {
  const act = { by: "ada", why: "warming up", now: start };
  return store.lanes.limit({ tenant: "default", notifier: "smtp", ...act, ...fields });
}

/** A lane as it is listed. */
export async function laneOf(store: Store, notifier = "smtp", tenant = "default"): Promise<Lane> {
  const lane = (await store.lanes.list({ tenant })).find((each) => each.notifier === notifier);
  assert.ok(lane, `there is no lane ${notifier} of ${tenant}`);
  return lane;
}

/** How much of its quota is taken. */
export async function taken(store: Store, of: "rate" | "quota" = "quota", notifier?: string): Promise<number> {
  return Object.values((await laneOf(store, notifier)).usage[of]).reduce((sum, each) => sum + each, 0);
}

/** Marks rows in one step, for a minute. */
export async function markAll(
  store: Store,
  rows: readonly ClaimedNotification[],
  now: Date = start,
): Promise<readonly MarkResult[]> {
  return store.notifications.mark({ marks: rows.map((row) => mark(row)), lease: minute, now });
}

export const resultsOf = (answers: readonly MarkResult[]): readonly string[] => answers.map(({ result }) => result);

/** Queues as many notifications, limits their lane and claims them, in the order of their ids. */
export async function leasedUnder(
  store: Store,
  count: number,
  limits: Pick<Partial<Limit>, "rate" | "quota">,
  fields: Partial<NewNotification> = {},
): Promise<readonly ClaimedNotification[]> {
  await queued(store, notifications(count, fields));
  await limit(store, limits);
  return claimed(store);
}
