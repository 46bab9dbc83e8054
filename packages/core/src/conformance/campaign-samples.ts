import assert from "node:assert/strict";
import type { Campaign } from "../campaign/campaign.js";
import type { CampaignAct } from "../campaign/campaign-moves.js";
import type { NewNotification } from "../delivery/notification.js";
import type { CampaignRepository, NewCampaign } from "../store/campaign-repository.js";
import type { Store } from "../store/store.js";
import { template } from "./crossing-samples.js";
import { notifications } from "./notification-samples.js";
import { at, minute, start } from "./samples.js";

// Campaigns with sensible defaults, and the steps that bring one to where a case begins.

export const key = { tenant: "default", id: "spring" } as const;
export const person = { by: "ada", why: "spring sale" } as const;

/** So many minutes after the start. */
export const after = (minutes: number): Date => at(minutes * minute);

export function campaign(fields: Partial<NewCampaign> = {}): NewCampaign {
  return {
    ...key,
    name: "Spring sale",
    kind: "news",
    definition: { message: "tpl-1" },
    audience: "contacts",
    code: "",
    scheduledAt: null,
    rate: null,
    recurrence: "",
    occurrence: "",
    ...fields,
  };
}

export async function created(store: Store, fields: Partial<NewCampaign> = {}, now: Date = start): Promise<Campaign> {
  const { created, campaign: stored } = await store.campaigns.create({ campaign: campaign(fields), ...person, now });
  assert.equal(created, true);
  return stored;
}

export function act(
  store: Store,
  name: CampaignAct,
  fields: Partial<Parameters<CampaignRepository["act"]>[0]> = {},
): Promise<Campaign> {
  return store.campaigns.act({ ...key, ...person, act: name, at: null, detail: null, now: start, ...fields });
}

/** So many notifications of a campaign, with ids that rise. */
export function audience(count: number, fields: Partial<NewNotification> = {}): NewNotification[] {
  return notifications(count, { source: { kind: "campaign", id: key.id }, ...fields });
}

/** Leases the campaign; there must be no other that wants something. */
export async function held(store: Store, now: Date = start): Promise<Campaign> {
  const [campaign, ...others] = await store.campaigns.claim({ codes: [], limit: 10, lease: minute, now });
  assert.deepEqual([campaign?.id, others], [key.id, []]);
  return campaign!;
}

/** Of a load: the last chunk, of which nobody was refused. */
export const wholeChunk: Omit<
  Parameters<CampaignRepository["load"]>[0],
  "tenant" | "id" | "fence" | "notifications" | "templates"
> = { cursor: null, last: true, rejected: 0, lookAt: null, lease: minute, now: start };

/** A campaign that is sending, with all of its notifications loaded. */
export async function sending(
  store: Store,
  all: readonly NewNotification[],
  fields: Partial<NewCampaign> = {},
): Promise<Campaign> {
  await created(store, fields);
  await act(store, "start");
  const { fence } = await held(store);
  const templates = { "tpl-1": template };
  const chunk = { ...wholeChunk, notifications: all, templates };
  assert.equal(await store.campaigns.load({ ...key, fence, ...chunk }), all.length);
  return (await store.campaigns.get(key))!;
}
