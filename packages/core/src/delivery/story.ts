import * as z from "zod";
import type { Crossing } from "../milestone/crossing.js";
import { defaultTenant } from "../recording/event.js";
import type { Act } from "../store/lane-repository.js";
import type { Limit } from "../store/limit-repository.js";
import type { Store } from "../store/store.js";
import { type Agrees, keySchema, parseInput } from "../validation.js";
import type { Attempt, Notification } from "./notification.js";
import { storyLines } from "./story-lines.js";

/** The crossing or the notification whose story is asked for. */
export type ExplainQuery = { readonly tenant?: string } & (
  | { readonly crossing: string; readonly notification?: never }
  | { readonly notification: string; readonly crossing?: never }
);

/** Why a crossing is there, and what became of it. */
export interface Story {
  readonly crossing: Crossing;
  /** An event passed the level; or it was behind the value when a limit came into force, or when its milestone was met. */
  readonly cause: "event" | "limit" | "adoption";
  /** The event that passed the level; null for another cause. */
  readonly event: StoryEvent | null;
  /** The version it was measured against; null without one. */
  readonly limit: Limit | null;
  /** The milestone's other levels that were passed at the same time, in the order they were passed; the first 10,000. */
  readonly together: readonly Pick<Crossing, "id" | "threshold" | "at" | "state" | "reason">[];
  /** Those of the crossing, in the order of their ids, the first 100; of a notification's story that one alone. */
  readonly notifications: readonly NotificationStory[];
  /** Whether the crossing has more notifications than are told of. */
  readonly more: boolean;
  /** The same in plain English. Wording may change; programs read the data. */
  readonly lines: readonly string[];
}

export interface StoryEvent {
  readonly id: string;
  readonly occurredAt: Date;
  /** What it added to the counter: the value after it less the one before. */
  readonly amount: number;
}

export interface NotificationStory {
  readonly notification: Notification;
  /** By number. */
  readonly attempts: readonly Attempt[];
  /** What people did to it, in the order they did. */
  readonly acts: readonly Act[];
  /** Its lane is paused: nothing of it is sent meanwhile. */
  readonly paused: boolean;
}

const querySchema = z
  .strictObject({
    tenant: keySchema.default(defaultTenant),
    crossing: keySchema.optional(),
    notification: keySchema.optional(),
  })
  .refine(({ crossing, notification }) => (crossing === undefined) !== (notification === undefined), {
    error: "the id of a crossing or of a notification, one of the two",
    path: ["crossing"],
  });

true satisfies Agrees<
  typeof querySchema,
  { readonly tenant?: string; readonly crossing?: string; readonly notification?: string }
>;

const mostNotifications = 100;
const mostTogether = 10_000;

/** Reads a story, row by row as they are when they are read; null for an unknown id. */
export function storyTeller(store: Store): (query: ExplainQuery) => Promise<Story | null> {
  return async (query) => {
    const { tenant, crossing: id, notification: of } = parseInput(querySchema, query, "invalid_options");
    const asked = of === undefined ? [] : await store.notifications.list({ tenant, ids: [of], limit: 1 });
    const source = id ?? asked[0]?.source.id;
    if (source === undefined) return null;
    const [crossing] = await store.crossings.list({ tenant, ids: [source], limit: 1 });
    if (crossing === undefined) return null;
    const ofCrossing = { tenant, source: { kind: "crossing", id: source }, limit: mostNotifications + 1 } as const;
    const listed = of === undefined ? await store.notifications.list(ofCrossing) : asked;
    const shown = listed.slice(0, mostNotifications);
    const limit = await limitOf(store, crossing);
    const story = {
      crossing,
      cause: causeOf(crossing, limit),
      event: eventOf(crossing),
      limit,
      together: (await passedWith(store, crossing)).map(({ id, threshold, at, state, reason }) => {
        return { id, threshold, at, state, reason };
      }),
      notifications: await withHistory(store, tenant, shown),
      more: listed.length > shown.length,
    };
    return { ...story, lines: storyLines(story) };
  };
}

function eventOf({ eventId, reachedAt, value, previous }: Crossing): StoryEvent | null {
  return eventId === "" ? null : { id: eventId, occurredAt: reachedAt, amount: value - previous };
}

async function limitOf(store: Store, crossing: Crossing): Promise<Story["limit"]> {
  const { tenant, metric, subject, limitVersion } = crossing;
  if (limitVersion === 0) return null;
  const versions = await store.limits.of({ subjects: [{ tenant, metric, subject }] });
  return versions.find(({ version }) => version === limitVersion) ?? null;
}

/** A limit passes levels at the moment it comes into force. */
function causeOf({ eventId, reachedAt }: Crossing, limit: Limit | null): Story["cause"] {
  if (eventId !== "") return "event";
  const inForce = limit === null ? null : Math.max(limit.effectiveFrom.getTime(), limit.createdAt.getTime());
  return reachedAt.getTime() === inForce ? "limit" : "adoption";
}

/** By one event, or by one limit or adoption: those have no event, and are told apart by their moment. */
async function passedWith(store: Store, crossing: Crossing): Promise<readonly Crossing[]> {
  const { tenant, subject, milestone, metric, period, eventId, limitVersion, value, reachedAt } = crossing;
  const caused = { tenant, subject, milestone, metric, period, eventIds: [eventId], limit: mostTogether };
  return (await store.crossings.list(caused)).filter(
    (other) =>
      other.id !== crossing.id &&
      other.limitVersion === limitVersion &&
      other.value === value &&
      other.reachedAt.getTime() === reachedAt.getTime(),
  );
}

async function withHistory(
  store: Store,
  tenant: string,
  notifications: readonly Notification[],
): Promise<readonly NotificationStory[]> {
  const lanes = notifications.length === 0 ? [] : await store.lanes.list({ tenant });
  const paused = new Set(lanes.flatMap((lane) => (lane.paused ? lane.notifier : [])));
  const stories: NotificationStory[] = [];
  for (const notification of notifications) {
    const { id, notifier } = notification;
    const attempts = await store.notifications.attempts({ tenant, notification: id });
    const acts = await store.lanes.acts({ tenant, entity: "notification", entityId: id });
    stories.push({ notification, attempts, acts, paused: paused.has(notifier) });
  }
  return stories;
}
