import type { Rate } from "../delivery/gate.js";
import type { NotificationState } from "../delivery/notification.js";
import type { CampaignCount } from "../store/campaign-repository.js";
import type { Campaign } from "./campaign.js";
import { type CampaignContent, contentOf } from "./content.js";

/** How many notifications of a campaign there are, of the rows and so always true. */
export interface CampaignCounts {
  /** All of them. */
  readonly recipients: number;
  /** Those that wait, or are claimed and not handed to their notifier yet. */
  readonly queued: number;
  readonly sending: number;
  readonly ambiguous: number;
  readonly sent: number;
  readonly failed: number;
  readonly unknown: number;
  readonly expired: number;
  readonly cancelled: number;
  readonly suppressed: number;
}

/** A campaign as a person sees it. */
export interface CampaignReport
  extends Pick<
    Campaign,
    | "tenant"
    | "id"
    | "name"
    | "kind"
    | "state"
    | "detail"
    | "revision"
    | "audience"
    | "loaded"
    | "rejected"
    | "recurrence"
    | "occurrence"
    | "scheduledAt"
    | "createdAt"
    | "startedAt"
    | "endedAt"
  > {
  /** The campaign of the code that it was made of; null: of none. */
  readonly definition: string | null;
  readonly content: Omit<CampaignContent, "keyLifetime">;
  readonly rate: Rate | null;
  /** An edit or a cancel is being brought along: nothing of it goes out meanwhile. */
  readonly changing: Campaign["changing"];
  readonly counts: CampaignCounts;
}

export function reportOf(campaign: Campaign, counts: readonly CampaignCount[]): CampaignReport {
  const { tenant, id, name, kind, state, detail, revision, audience, loaded, rejected, recurrence, occurrence } =
    campaign;
  const { scheduledAt, createdAt, startedAt, endedAt, code, rate, changing } = campaign;
  const { keyLifetime: _, ...content } = contentOf(campaign);
  return {
    ...{ tenant, id, name, kind, state, detail, revision, audience, loaded, rejected, recurrence, occurrence },
    ...{ scheduledAt, createdAt, startedAt, endedAt, rate, changing, content },
    definition: code === "" ? null : code,
    counts: countsOf(counts.filter((count) => count.id === id)),
  };
}

function countsOf(counts: readonly CampaignCount[]): CampaignCounts {
  const of = (...states: readonly NotificationState[]) =>
    counts.filter(({ state }) => states.includes(state)).reduce((sum, { count }) => sum + count, 0);
  return {
    recipients: counts.reduce((sum, { count }) => sum + count, 0),
    queued: of("pending", "leased"),
    sending: of("sending"),
    ambiguous: of("ambiguous"),
    sent: of("sent"),
    failed: of("failed"),
    unknown: of("unknown"),
    expired: of("expired"),
    cancelled: of("cancelled"),
    suppressed: of("suppressed"),
  };
}
