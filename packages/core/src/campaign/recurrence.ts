import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "../json.js";
import type { NewRecurrence } from "../store/recurrence-repository.js";
import { type Occurrence, occurrences } from "./timetable.js";

export interface RecurrenceKey {
  readonly tenant: string;
  readonly id: string;
}

/** A campaign that is sent again and again, as it is stored: each of its dates makes a campaign of its own. */
export interface Recurrence extends RecurrenceKey {
  readonly state: "active" | "paused";
  /** The definition in code that it sends; `''` where the data says all. */
  readonly code: string;
  /** What its campaigns are made of; `{}` where the code says it. */
  readonly definition: JsonObject;
  /** Five fields of cron, as times of a wall clock. */
  readonly cron: string;
  /** Whose wall clock: an IANA name, or `"recipient"`. */
  readonly zone: string;
  /** With `"recipient"`: for those who have no zone; null = UTC. */
  readonly otherwise: string | null;
  /** Milliseconds after its time for which one that was missed is still sent. */
  readonly catchUp: number;
  /** When the next one is due; null = never again. */
  readonly nextAt: Date | null;
  /** The last one that was sent or skipped: `2026-11-21T09:00`; null = none yet. */
  readonly last: string | null;
  readonly createdAt: Date;
}

/** Why a date of a recurrence was not sent: it was too late, or a later one was due as well. */
export const skipReasons = ["missed", "superseded"] as const;
export type SkipReason = (typeof skipReasons)[number];

/** A date of a recurrence that was not sent. */
export interface Skip {
  readonly occurrence: string;
  /** When it was due. */
  readonly at: Date;
  readonly reason: SkipReason;
}

/** What is due of a recurrence. */
export interface DueOccurrences {
  /** What is sent; null: nothing. */
  readonly run: Occurrence | null;
  readonly skipped: readonly Skip[];
  readonly nextAt: Date | null;
  readonly last: string | null;
}

type Times = Pick<Recurrence, "cron" | "zone" | "catchUp">;

/**
 * Of several that are due the last one is sent, if it is not too late for it; all others are skipped. At most `most` are
 * looked at: the rest is due again at once. Milliseconds since the epoch.
 */
export function dueAt(
  recurrence: Times & Pick<Recurrence, "nextAt" | "last">,
  now: number,
  most = 1_000,
): DueOccurrences {
  const { catchUp, nextAt, last } = recurrence;
  const due: Occurrence[] = [];
  let next: Occurrence | undefined;
  for (const occurrence of from(recurrence, nextAt === null ? now : nextAt.getTime() - 1)) {
    if (occurrence.at > now || due.length === most) {
      next = occurrence;
      break;
    }
    due.push(occurrence);
  }
  const latest = due.at(-1);
  // one that is not the last of all that are due is superseded, also where only so many are looked at
  const isLast = next === undefined || next.at > now;
  const run = latest !== undefined && isLast && now - latest.at <= catchUp ? latest : null;
  const skipped = due
    .filter((occurrence) => occurrence !== run)
    .map(({ key, at }): Skip => {
      const late = now - at > catchUp;
      return { occurrence: key, at: new Date(at), reason: late ? "missed" : "superseded" };
    });
  return { run, skipped, nextAt: next === undefined ? null : new Date(next.at), last: latest?.key ?? last };
}

/** When the first one after `after` is due; null = never. */
export function firstAfter(recurrence: Times, after: number): Date | null {
  const [first] = from(recurrence, after);
  return first === undefined ? null : new Date(first.at);
}

/** By the recipients' clocks a campaign begins with the earliest of them, those of UTC+14. */
function from({ cron, zone }: Times, after: number): Iterable<Occurrence> {
  const clocks = zone === "recipient" ? "Etc/GMT-14" : zone;
  return occurrences({ cron, zone: clocks }, { after, until: latestDate });
}

/** The year 9999, the last that stores can write. */
const latestDate = Date.UTC(9999, 11, 31);

/**
 * A recurrence as it is stored, by what is given; null where that changes nothing. When it is due next stays while its
 * times do: what was missed is not forgotten by a new text.
 */
export function putMove(existing: Recurrence | null, given: NewRecurrence, now: Date): Recurrence | null {
  if (existing === null) return { ...given, state: "active", last: null, createdAt: now };
  const sameTimes = existing.cron === given.cron && existing.zone === given.zone;
  const next = { ...existing, ...given, nextAt: sameTimes ? existing.nextAt : given.nextAt };
  return isDeepStrictEqual(existing, next) ? null : next;
}
