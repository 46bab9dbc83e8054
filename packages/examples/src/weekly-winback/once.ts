import type { CampaignReport, Milepost } from "@milepost/core";
import { Temporal } from "temporal-polyfill";
import { catchUp, winback } from "./winback.js";

/** What became of one run. */
export interface OnceResult {
  /** Null: no Saturday 09:00 GMT was within the last hours, so there was nothing to do. */
  readonly campaign: CampaignReport | null;
  /** Whether an earlier run, or the worker's own schedule, had made it. */
  readonly before: boolean;
}

/**
 * One run, for a scheduler from outside. It makes the campaign that the worker's schedule makes, under the same id: whoever
 * comes first makes it, and nobody makes it twice. A scheduler that is late is as good as one that is in time.
 */
export async function runOnce(milepost: Milepost, now: Date): Promise<OnceResult> {
  const due = lastSaturday(now);
  if (now.getTime() - due.getTime() > catchUp) {
    await milepost.runOnce();
    return { campaign: null, before: false };
  }
  const id = `${winback}:${due.toISOString().slice(0, 16)}`;
  const before = (await milepost.campaigns.get({ id })) !== null;
  await milepost.campaigns.create({
    ...{ id, name: winback, definition: winback, at: due },
    ...{ by: "weekly-winback --once", why: `due at ${id.slice(winback.length + 1)}` },
  });
  await milepost.runOnce();
  return { campaign: await milepost.campaigns.get({ id }), before };
}

/** The last Saturday 09:00 GMT at `now` or before. */
export function lastSaturday(now: Date): Date {
  const shown = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO("UTC");
  const saturday = shown.subtract({ days: (shown.dayOfWeek + 1) % 7 }).withPlainTime("09:00");
  const last = Temporal.ZonedDateTime.compare(saturday, shown) > 0 ? saturday.subtract({ weeks: 1 }) : saturday;
  return new Date(last.epochMilliseconds);
}
