import { instantOf, shownAt } from "../campaign/wall-clock.js";
import type { NotificationState } from "../delivery/notification.js";
import { compareKeys } from "../text-key.js";
import { factMarks } from "./facts.js";
import { arrived, mayBeRead, wentOut } from "./standing.js";

/** So many notifications of one group are in this state. */
export interface StateCount {
  readonly key: string;
  readonly state: NotificationState;
  /** Whether a person sent them again: another try at a recipient that is counted already. */
  readonly redriven: boolean;
  readonly count: number;
}

/** Of so many notifications of one group, in this state, these facts are known. */
export interface FactCount {
  readonly key: string;
  readonly state: NotificationState;
  readonly marks: number;
  readonly count: number;
  readonly opens: number;
  readonly clicks: number;
}

/** What a store counts, at one moment: every notification by its state, and those of which there are facts by these too. */
export interface EngagementCounts {
  readonly states: readonly StateCount[];
  readonly facts: readonly FactCount[];
}

/** Figures of a set of notifications. Each says how many notifications, unless it says otherwise. */
export interface EngagementFigures {
  /** All, without those that a person's redrive added. */
  readonly recipients: number;
  /** Not ended, and not known to have gone out. */
  readonly queued: number;
  /** Went out: accepted by the notifier, or an event says so. */
  readonly sent: number;
  /** Known to have arrived: by a `delivered` event, or because somebody did something with it. */
  readonly delivered: number;
  readonly opened: number;
  readonly clicked: number;
  /** Refused by the notifier for good, or `failed` by the provider afterwards. */
  readonly failed: number;
  readonly bounced: number;
  readonly hardBounced: number;
  readonly softBounced: number;
  readonly complained: number;
  readonly unsubscribed: number;
  readonly suppressed: number;
  readonly expired: number;
  readonly cancelled: number;
  /** May have gone out, and nothing says whether. */
  readonly unknown: number;
  /** `opened` and `clicked` events, each counted. */
  readonly opens: number;
  readonly clicks: number;
  /** Went out, and nothing says that it did not arrive: what the rates of opens and clicks are of. */
  readonly readable: number;
  /** `delivered` of `sent`, from 0 to 1; null without any `sent`. */
  readonly deliveryRate: number | null;
  /** `opened` of `readable`; null without any. */
  readonly openRate: number | null;
  /** `clicked` of `readable`; null without any. */
  readonly clickRate: number | null;
}

type Sums = Omit<EngagementFigures, "deliveryRate" | "openRate" | "clickRate">;
type Part = { -readonly [Name in keyof Sums]: number };

const none: Sums = {
  ...{ recipients: 0, queued: 0, sent: 0, delivered: 0, opened: 0, clicked: 0, failed: 0 },
  ...{ bounced: 0, hardBounced: 0, softBounced: 0, complained: 0, unsubscribed: 0 },
  ...{ suppressed: 0, expired: 0, cancelled: 0, unknown: 0, opens: 0, clicks: 0, readable: 0 },
};

/** Adds `count` notifications in one state with the same facts. */
function add(part: Part, state: NotificationState, marks: number, count: number): void {
  const has = (which: number) => (marks & which) !== 0;
  const out = wentOut(state, marks);
  if (out) part.sent += count;
  else if (state === "pending" || state === "leased" || state === "sending" || state === "ambiguous") {
    part.queued += count;
  } else if (state !== "sent" && state !== "failed") part[state] += count;
  if (has(factMarks.failed) || (state === "failed" && !out)) part.failed += count;
  if (arrived(marks)) part.delivered += count;
  if (has(factMarks.opened)) part.opened += count;
  if (has(factMarks.clicked)) part.clicked += count;
  if (has(factMarks.hardBounced)) part.hardBounced += count;
  if (has(factMarks.softBounced)) part.softBounced += count;
  if (has(factMarks.hardBounced | factMarks.softBounced)) part.bounced += count;
  if (has(factMarks.complained)) part.complained += count;
  if (has(factMarks.unsubscribed)) part.unsubscribed += count;
  if (mayBeRead(state, marks)) part.readable += count;
}

/** Figures by group, ordered by its key. */
export function figuresOf({ states, facts }: EngagementCounts): ReadonlyMap<string, EngagementFigures> {
  const parts = new Map<string, Part>();
  const partOf = (key: string) => {
    const part = parts.get(key) ?? { ...none };
    parts.set(key, part);
    return part;
  };
  const withFacts = new Map<string, number>();
  for (const { key, state, marks, count, opens, clicks } of facts) {
    const part = partOf(key);
    add(part, state, marks, count);
    part.opens += opens;
    part.clicks += clicks;
    const place = `${key}\0${state}`;
    withFacts.set(place, (withFacts.get(place) ?? 0) + count);
  }
  const all = new Map<string, { key: string; state: NotificationState; count: number }>();
  for (const { key, state, redriven, count } of states) {
    if (!redriven) partOf(key).recipients += count;
    const place = `${key}\0${state}`;
    all.set(place, { key, state, count: (all.get(place)?.count ?? 0) + count });
  }
  for (const [place, { key, state, count }] of all) add(partOf(key), state, 0, count - (withFacts.get(place) ?? 0));
  return new Map([...parts].sort(([a], [b]) => compareKeys(a, b)).map(([key, part]) => [key, withRates(part)]));
}

function withRates(part: Sums): EngagementFigures {
  const rate = (count: number, base: number) => (base === 0 ? null : count / base);
  return {
    ...part,
    deliveryRate: rate(part.delivered, part.sent),
    openRate: rate(part.opened, part.readable),
    clickRate: rate(part.clicked, part.readable),
  };
}

/** The figures of several groups together. */
export function totalOf(figures: Iterable<EngagementFigures>): EngagementFigures {
  const total: Part = { ...none };
  for (const each of figures) {
    for (const name of Object.keys(none) as (keyof Sums)[]) total[name] += each[name];
  }
  return withRates(total);
}

/**
 * Milliseconds of the steps that stores count times in. Every zone's hours and days begin with one: offsets from UTC have
 * been multiples of it since 1972.
 */
export const timeStep: number = 15 * 60_000;

/** The first instant of the hour or day of `zone` that a time is in. */
export function bucketOf(instant: number, bucket: "hour" | "day", zone: string): Date {
  const shown = shownAt(instant, zone);
  if (bucket === "day") return new Date(instantOf(shown.toPlainDate().toPlainDateTime(), zone));
  // by what the clocks show, and not by `instantOf`: an hour that is shown twice is two
  const into = (shown.minute * 60 + shown.second) * 1_000 + shown.millisecond;
  return new Date(instant - into);
}

/** Counts by {@link timeStep}, its number since the epoch as the key, become counts by hour or day, its ISO time as the key. */
export function byBucket(counts: EngagementCounts, bucket: "hour" | "day", zone: string): EngagementCounts {
  const known = new Map<string, string>();
  const keyOf = (key: string) => {
    let at = known.get(key);
    if (at === undefined) {
      at = bucketOf(Number(key) * timeStep, bucket, zone).toISOString();
      known.set(key, at);
    }
    return at;
  };
  return {
    states: counts.states.map((each) => ({ ...each, key: keyOf(each.key) })),
    facts: counts.facts.map((each) => ({ ...each, key: keyOf(each.key) })),
  };
}
