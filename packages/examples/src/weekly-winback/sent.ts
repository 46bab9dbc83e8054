import type { CampaignReport, Milepost, Notification } from "@milepost/core";
import { pages } from "../pages.js";
import { type Week, weeksAfter } from "./weeks.js";
import { winback } from "./winback.js";

/** What one customer was told, and how far that is. */
export interface Told {
  /** The paused week that it is about. */
  readonly week: Week;
  readonly customer: string;
  readonly email: string;
  readonly segment: string;
  readonly state: Notification["state"];
}

/** Whom the mails of a week went to, of all weeks unless one is named; by week, in the order in which they were queued. */
export async function toldIn(milepost: Milepost, week?: Week): Promise<readonly Told[]> {
  const told: Told[] = [];
  // an id has the date in it, so they come by week
  for await (const campaign of pages((page) => milepost.campaigns.list({ kind: winback, ...page }))) {
    if (week !== undefined && week !== weekOfCampaign(campaign)) continue;
    const source = { kind: "campaign", id: campaign.id } as const;
    for await (const notification of pages((page) => milepost.notifications.list({ source, ...page }))) {
      const { itemKey: customer, recipient, data, state } = notification;
      const { segment } = data as { segment: string };
      told.push({ week: weekOfCampaign(campaign), customer, email: recipient.address, segment, state });
    }
  }
  return told;
}

/** The week after the Saturday of a campaign. */
export function weekOfCampaign({ scheduledAt }: Pick<CampaignReport, "scheduledAt">): Week {
  return weeksAfter(scheduledAt!, 1)[0]!;
}
