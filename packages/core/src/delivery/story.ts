import * as z from "zod";
import { type CampaignReport, reportOf } from "../campaign/campaign-report.js";
import type { Crossing } from "../milestone/crossing.js";
import type { Milestone } from "../milestone/milestone.js";
import type { Notice } from "../milestone/notice.js";
import type { Registry } from "../milestone/registry.js";
import { defaultTenant } from "../recording/event.js";
import type { Act } from "../store/act-repository.js";
import type { StoredLevels } from "../store/levels-repository.js";
import type { Limit } from "../store/limit-repository.js";
import type { Store } from "../store/store.js";
import { type Agrees, keySchema, parseInput } from "../validation.js";
import { levelsOfCrossing } from "./levels-of-crossing.js";
import type { Attempt, Notification, NotificationSource } from "./notification.js";
import { campaignLines, storyLines } from "./story-lines.js";

/** The crossing or the notification whose story is asked for. */
export type ExplainQuery = { readonly tenant?: string } & (
  | { readonly crossing: string; readonly notification?: never }
  | { readonly notification: string; readonly crossing?: never }
);

/** Why a crossing is there, and what became of it. */
export interface Story {
  readonly crossing: Crossing;
  /**
   * An event passed the level; or it was behind the value when a limit came into force, or when the counter met the
   * milestone or its levels; or it came to the value by itself as time passed.
   */
  readonly cause: "event" | "limit" | "adoption" | "time";
  /** The event that passed the level; null for another cause. */
  readonly event: StoryEvent | null;
  /** The version it was measured against; null without one. */
  readonly limit: Limit | null;
  /** The version of stored levels that it is one of, of the subject or (`subject: ""`) of the tenant; null for another. */
  readonly levels: StoredLevels | null;
  /** The milestone's other levels that were passed at the same time, in the order they were passed; the first 10,000. */
  readonly together: readonly Pick<Crossing, "id" | "threshold" | "at" | "state" | "reason">[];
  /** Those of the crossing, in the order of their ids, the first 100; of a notification's story that one alone. */
  readonly notifications: readonly NotificationStory[];
  /** Whether the crossing has more notifications than are told of. */
  readonly more: boolean;
  /** What was said of it later, the first 100; of the story of a notification that belongs to one, that one alone. */
  readonly notices: readonly NoticeStory[];
  /** Whether the crossing has more notices than are told of. */
  readonly moreNotices: boolean;
  /** The same in plain English. Wording may change; programs read the data. */
  readonly lines: readonly string[];
}

/** Of a message that no crossing caused but a campaign, and what became of it. */
export interface CampaignStory {
  readonly campaign: CampaignReport;
  /** What was done to the campaign, in the order it was; the first 100. */
  readonly acts: readonly Act[];
  /** The one that was asked for. */
  readonly notifications: readonly NotificationStory[];
  readonly lines: readonly string[];
}

/** What is told of what is asked for. */
export type Explained<Query extends ExplainQuery> = Query extends { readonly crossing: string }
  ? Story
  : Story | CampaignStory;

export interface StoryEvent {
  readonly id: string;
  readonly occurredAt: Date;
  /** What it added to the counter: the value after it less the one before. */
  readonly amount: number;
}

/** A reminder of the crossing, or that its level was armed again. */
export interface NoticeStory {
  readonly notice: Notice;
  /** In the order of their ids; a story has 100 notifications at most. */
  readonly notifications: readonly NotificationStory[];
  /** Whether the notice has more notifications than are told of. */
  readonly more: boolean;
}

export interface NotificationStory {
  readonly notification: Notification;
  /** By number. */
  readonly attempts: readonly Attempt[];
  /** What people did to it, in the order they did. */
  readonly acts: readonly Act[];
  /** Its lane is paused: nothing of it is sent meanwhile. */
  readonly paused: boolean;
  /** Until when its lane was parked last, for want of room or because the other side was out of service; null = never. */
  readonly parkedUntil: Date | null;
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
const mostNotices = 100;
const mostTogether = 10_000;

/** Reads a story, row by row as they are when they are read; null for an unknown id. */
export function storyTeller(
  store: Store,
  registry: Registry,
): <Query extends ExplainQuery>(query: Query) => Promise<Explained<Query> | null> {
  return async <Query extends ExplainQuery>(query: Query) => {
    const { tenant, crossing: id, notification: of } = parseInput(querySchema, query, "invalid_options");
    if (id !== undefined) return (await storyOf({ crossing: id }, tenant)) as Explained<Query> | null;
    const [notification] = await store.notifications.list({ tenant, ids: [of!], limit: 1 });
    if (notification?.source.kind === "campaign") {
      return (await campaignStory(store, notification)) as Explained<Query> | null;
    }
    const source = notification && (await sourceOf(store, tenant, notification));
    return (source === undefined ? null : await storyOf(source, tenant)) as Explained<Query> | null;
  };

  async function storyOf(source: Source, tenant: string): Promise<Story | null> {
    const [crossing] = await store.crossings.list({ tenant, ids: [source.crossing], limit: 1 });
    if (crossing === undefined) return null;
    const limit = await limitOf(store, crossing);
    const told = await toldOf(store, tenant, source);
    const story = {
      crossing,
      cause: causeOf(crossing, limit, registry.milestone(crossing.milestone)),
      event: eventOf(crossing),
      limit,
      levels: await levelsBehind(store, crossing),
      together: (await passedWith(store, crossing)).map(({ id, threshold, at, state, reason }) => {
        return { id, threshold, at, state, reason };
      }),
      ...told,
    };
    return { ...story, lines: storyLines(story) };
  }
}

async function campaignStory(store: Store, notification: Notification): Promise<CampaignStory | null> {
  const { tenant, source } = notification;
  const campaign = await store.campaigns.get({ tenant, id: source.id });
  if (campaign === null) return null;
  const counts = await store.campaigns.counts({ tenant, ids: [source.id] });
  const story = {
    campaign: reportOf(campaign, counts),
    acts: await store.acts.list({ tenant, entity: "campaign", entityId: source.id, limit: mostNotifications }),
    notifications: await withHistory(store, tenant, [notification]),
  };
  return { ...story, lines: campaignLines(story) };
}

/** What a story is asked of: a crossing, or of it one notification alone, which may be a notice's. */
interface Source {
  readonly crossing: string;
  readonly notice?: Notice;
  readonly notification?: Notification;
}

async function sourceOf(store: Store, tenant: string, notification: Notification): Promise<Source | undefined> {
  if (notification.source.kind === "crossing") return { crossing: notification.source.id, notification };
  const [notice] = await store.notices.list({ tenant, ids: [notification.source.id], limit: 1 });
  return notice && { crossing: notice.crossing, notice, notification };
}

type Told = Pick<Story, "notifications" | "more" | "notices" | "moreNotices">;

/** What was said of a crossing, at once and later, and to whom. */
async function toldOf(store: Store, tenant: string, { crossing, notice, notification }: Source): Promise<Told> {
  const nothing = { notifications: [], more: false, notices: [], moreNotices: false };
  if (notification !== undefined) {
    const notifications = await withHistory(store, tenant, [notification]);
    if (notice === undefined) return { ...nothing, notifications };
    return { ...nothing, notices: [{ notice, notifications, more: notice.notifications > 1 }] };
  }
  const first = await listed(store, tenant, { kind: "crossing", id: crossing }, mostNotifications);
  const all = await store.notices.list({ tenant, crossings: [crossing], limit: mostNotices + 1 });
  let left = mostNotifications - first.notifications.length;
  const notices: NoticeStory[] = [];
  for (const each of all.slice(0, mostNotices)) {
    const own = each.notifications === 0 ? nothing : await listed(store, tenant, { kind: "notice", id: each.id }, left);
    left -= own.notifications.length;
    notices.push({ notice: each, notifications: own.notifications, more: own.more });
  }
  return { ...first, notices, moreNotices: all.length > notices.length };
}

async function listed(
  store: Store,
  tenant: string,
  source: NotificationSource,
  most: number,
): Promise<Pick<Told, "notifications" | "more">> {
  const rows = await store.notifications.list({ tenant, source, limit: most + 1 });
  return { notifications: await withHistory(store, tenant, rows.slice(0, most)), more: rows.length > most };
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

async function levelsBehind(store: Store, crossing: Crossing): Promise<Story["levels"]> {
  const { tenant, milestone, subject } = crossing;
  const owners = [subject, ""].map((each) => ({ tenant, milestone, subject: each }));
  return levelsOfCrossing(await store.levels.of({ owners }), crossing);
}

/** A limit passes levels at the moment it comes into force, time those of a milestone whose levels move. */
function causeOf(
  { eventId, reachedAt, state }: Crossing,
  limit: Limit | null,
  milestone: Pick<Milestone, "policy"> | undefined,
): Story["cause"] {
  if (eventId !== "") return "event";
  const inForce = limit === null ? null : Math.max(limit.effectiveFrom.getTime(), limit.createdAt.getTime());
  if (reachedAt.getTime() === inForce) return "limit";
  return milestone?.policy.moving && state !== "adopted" ? "time" : "adoption";
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
  const lanesByName = new Map(lanes.map((lane) => [lane.notifier, lane]));
  const stories: NotificationStory[] = [];
  for (const notification of notifications) {
    const { id, notifier } = notification;
    const attempts = await store.notifications.attempts({ tenant, notification: id });
    const acts = await store.acts.list({ limit: 100, tenant, entity: "notification", entityId: id });
    const lane = lanesByName.get(notifier);
    stories.push({ notification, attempts, acts, paused: lane?.paused ?? false, parkedUntil: lane?.notBefore ?? null });
  }
  return stories;
}
