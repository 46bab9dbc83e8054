import type { Campaign, CampaignKey } from "../../campaign/campaign.js";
import {
  campaignMove,
  editMove,
  knows,
  leasable,
  leaseMove,
  loadMove,
  newCampaign,
  wants,
} from "../../campaign/campaign-moves.js";
import { decideMove, rewriteMove } from "../../delivery/moves.js";
import { compareKeys } from "../../text-key.js";
import type { CampaignCount, CampaignRepository, FencedCampaign } from "../campaign-repository.js";
import { campaignNotFound } from "../refusals.js";
import { keepTemplates, queueNotifications } from "./queue-notifications.js";
import { keyOf, later, type Tables } from "./tables.js";

export function memoryCampaigns(tables: Tables): CampaignRepository {
  const find = ({ tenant, id }: CampaignKey) => tables.campaigns.get(keyOf(tenant, id));
  const existing = (key: CampaignKey): Campaign => {
    const campaign = find(key);
    if (campaign === undefined) throw campaignNotFound(key.id);
    return campaign;
  };
  const leased = ({ fence, ...key }: FencedCampaign, now: Date): Campaign | undefined => {
    const campaign = find(key);
    return campaign?.fence === fence && campaign.leaseUntil !== null && campaign.leaseUntil > now
      ? campaign
      : undefined;
  };
  const store = (campaign: Campaign): Campaign => {
    tables.campaigns.set(keyOf(campaign.tenant, campaign.id), campaign);
    tables.wakeUps.wake();
    return campaign;
  };
  const record = ({ tenant, id }: CampaignKey, act: string, { by, why }: { by: string; why: string }, at: Date) =>
    void tables.acts.push({ tenant, entity: "campaign", entityId: id, act, by, why, at });
  const notificationsOf = ({ tenant, id }: CampaignKey) =>
    [...tables.notifications.values()]
      .filter((row) => row.tenant === tenant && row.source.kind === "campaign" && row.source.id === id)
      .sort((a, b) => compareKeys(a.id, b.id));
  const isOpen = (row: { readonly state: string }) => ["pending", "leased", "sending", "ambiguous"].includes(row.state);

  return {
    async create({ campaign: given, by, why, now = tables.clock() }) {
      const { tenant, id, recurrence, occurrence } = given;
      const same = [...tables.campaigns.values()].find(
        (other) =>
          other.tenant === tenant &&
          (other.id === id ||
            (recurrence !== "" && other.recurrence === recurrence && other.occurrence === occurrence)),
      );
      if (same !== undefined) return { created: false, campaign: same };
      record(given, "create", { by, why }, now);
      return { created: true, campaign: store(newCampaign(given, now)) };
    },

    async get(key) {
      return find(key) ?? null;
    },

    async list({ tenant, states, kind, recurrence, after, limit }) {
      return [...tables.campaigns.values()]
        .filter((campaign) => campaign.tenant === tenant)
        .filter((campaign) => states === undefined || states.includes(campaign.state))
        .filter((campaign) => (kind ?? campaign.kind) === campaign.kind)
        .filter((campaign) => (recurrence ?? campaign.recurrence) === campaign.recurrence)
        .filter((campaign) => after === undefined || compareKeys(campaign.id, after) > 0)
        .sort((a, b) => compareKeys(a.id, b.id))
        .slice(0, limit);
    },

    async act({ now = tables.clock(), by, why, ...input }) {
      const campaign = existing(input);
      const patch = campaignMove(campaign, input, now);
      record(input, input.act, { by, why }, now);
      return store({ ...campaign, ...patch });
    },

    async edit({ now = tables.clock(), by, why, ...input }) {
      const campaign = existing(input);
      const patch = editMove(campaign, input);
      record(input, "edit", { by, why }, now);
      return store({ ...campaign, ...patch });
    },

    async claim({ codes, limit, lease, now = tables.clock() }) {
      return [...tables.campaigns.values()]
        .filter((campaign) => {
          const work = wants(campaign, () => notificationsOf(campaign).some(isOpen), now);
          return work !== null && knows(codes, campaign, work);
        })
        .filter(({ leaseUntil }) => leaseUntil === null || leaseUntil <= now)
        .sort((a, b) => waitsSince(a) - waitsSince(b) || compareKeys(a.tenant, b.tenant) || compareKeys(a.id, b.id))
        .slice(0, limit)
        .map((campaign) => store({ ...campaign, ...leaseMove(campaign, lease, now) }));
    },

    async lease({ lease, now = tables.clock(), ...key }) {
      const campaign = existing(key);
      if (!leasable(campaign, now)) return null;
      return store({ ...campaign, ...leaseMove(campaign, lease, now) });
    },

    async load({ notifications, templates, now = tables.clock(), ...chunk }) {
      const campaign = leased(chunk, now);
      if (campaign === undefined || campaign.endedAt !== null) return null;
      const added = queueNotifications(tables, campaign.tenant, { notifications, templates }, now);
      store({ ...campaign, ...loadMove(campaign, chunk, now) });
      return added;
    },

    async open({ after, limit, ...key }) {
      return notificationsOf(key)
        .filter(({ state, attempts }) => (state === "pending" || state === "leased") && attempts === 0)
        .filter(({ id }) => after === null || compareKeys(id, after) > 0)
        .slice(0, limit);
    },

    async rewrite({ notifications, templates, after, last, lease, now = tables.clock(), ...fenced }) {
      const campaign = leased(fenced, now);
      if (campaign?.changing !== "edit") return false;
      keepTemplates(tables, campaign.tenant, templates);
      for (const rewritten of notifications) {
        const key = keyOf(campaign.tenant, rewritten.id);
        const row = tables.notifications.get(key);
        const patch = row && rewriteMove(row, rewritten, now);
        if (row !== undefined && patch) tables.notifications.set(key, { ...row, ...patch });
      }
      const changing = last ? { changing: null, changedAfter: null } : { changedAfter: after };
      store({ ...campaign, ...changing, tries: 0, leaseUntil: last ? null : later(now, lease) });
      return true;
    },

    async cancelNext({ limit, lease, now = tables.clock(), ...fenced }) {
      const campaign = leased(fenced, now);
      if (campaign?.changing !== "cancel") return null;
      const rows = notificationsOf(campaign)
        .filter((row) => isOpen(row) && !row.cancelRequested)
        .slice(0, limit);
      for (const row of rows) {
        const decision = decideMove(row, { ...cancelling, newId: "", acceptDuplicate: false, margin: 0 }, now);
        if ("patch" in decision) tables.notifications.set(keyOf(row.tenant, row.id), { ...row, ...decision.patch });
      }
      const done = rows.length < limit;
      store({ ...campaign, ...(done ? { changing: null, leaseUntil: null } : { leaseUntil: later(now, lease) }) });
      return rows.length;
    },

    async release({ fence, retryIn, now = tables.clock(), ...key }) {
      const campaign = find(key);
      if (campaign?.fence === fence) store({ ...campaign, leaseUntil: retryIn > 0 ? later(now, retryIn) : null });
    },

    async counts({ tenant, ids }) {
      const counts = new Map<string, CampaignCount>();
      for (const id of ids) {
        for (const { state, reason } of notificationsOf({ tenant, id })) {
          const key = keyOf(id, state, reason ?? "");
          counts.set(key, { tenant, id, state, reason, count: (counts.get(key)?.count ?? 0) + 1 });
        }
      }
      return [...counts].sort(([a], [b]) => compareKeys(a, b)).map(([, count]) => count);
    },
  };
}

const cancelling = { act: "cancel", why: "" } as const;

/** Milliseconds since the epoch. */
function waitsSince({ scheduledAt, createdAt }: Campaign): number {
  return (scheduledAt ?? createdAt).getTime();
}
