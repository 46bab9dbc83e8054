import {
  type Campaign,
  type CampaignCount,
  type CampaignKey,
  type CampaignPatch,
  type CampaignRepository,
  campaignMove,
  campaignNotFound,
  decideMove,
  editMove,
  type FencedCampaign,
  leasable,
  leaseMove,
  loadMove,
  newCampaign,
  rewriteMove,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import { allOf, later, list } from "./conditions.js";
import type { Driver, Step } from "./driver.js";
import { findNotification, notificationOf, patchNotification } from "./notification-row.js";
import { keepTemplates, queueNotifications } from "./queue-notifications.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<Campaign> = rowCodec<Campaign>({
  tenant: "plain",
  id: "plain",
  name: "plain",
  kind: "plain",
  state: "plain",
  detail: "plain",
  definition: "json",
  audience: "plain",
  code: "plain",
  revision: "plain",
  scheduledAt: "time",
  recurrence: "plain",
  occurrence: "plain",
  chunks: "plain",
  cursor: "plain",
  loaded: "flag",
  lookAt: "time",
  rejected: "plain",
  changing: "plain",
  changedAfter: "plain",
  rate: "json",
  notBefore: "time",
  usage: "json",
  fence: "plain",
  tries: "plain",
  leaseUntil: "time",
  createdAt: "time",
  startedAt: "time",
  endedAt: "time",
});

const byKey = "WHERE tenant = ? AND id = ?";
const live = "n.state IN ('pending', 'leased', 'sending', 'ambiguous')";

// Core's wants(), in the order in which they wait. Two searches: what wants something whatever its notifications are, and
// what may be complete.
const wanting = `SELECT * FROM {campaigns} c
  WHERE (c.state IN ('scheduled', 'sending', 'paused') OR c.changing IS NOT NULL)
    AND (c.lease_until IS NULL OR c.lease_until <= @now)
    AND (c.changing IS NOT NULL OR (c.loaded = 1 AND c.state = 'scheduled' AND c.scheduled_at <= @now)
      OR ((c.loaded = 0 OR c.look_at <= @now) AND (c.code = '' OR c.code IN (SELECT value FROM json_each(@codes))))
      OR (c.loaded = 1 AND c.look_at IS NULL AND c.state = 'sending' AND NOT EXISTS (
        SELECT 1 FROM {notifications} n WHERE n.tenant = c.tenant AND n.campaign = c.id AND n.campaign <> '' AND ${live})))
  ORDER BY coalesce(c.scheduled_at, c.created_at), c.tenant, c.id LIMIT @limit`;

export function campaignRepository(driver: Driver): CampaignRepository {
  /** What one person, or the engine, does: the row, what becomes of it, and the act. */
  function acted(
    step: Step,
    { tenant, id, act, by, why }: CampaignKey & { readonly act: string; readonly by: string; readonly why: string },
    at: Date,
    move: (campaign: Campaign) => CampaignPatch,
  ): Campaign {
    const campaign = find(step, { tenant, id });
    if (campaign === undefined) throw campaignNotFound(id);
    const change = move(campaign);
    insertAct(step, { tenant, entity: "campaign", entityId: id, act, by, why, at });
    return patch(step, campaign, change);
  }

  return {
    create({ campaign: given, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const { tenant, id, recurrence, occurrence } = given;
        const same =
          find(step, given) ??
          (recurrence === "" ? undefined : findOccurrence(step, { tenant, recurrence, occurrence }));
        if (same !== undefined) return { created: false, campaign: same };
        const campaign = newCampaign(given, at);
        insertCampaign(step, campaign);
        insertAct(step, { tenant, entity: "campaign", entityId: id, act: "create", by, why, at });
        return { created: true, campaign };
      });
    },

    get: (key) => driver.read((step) => find(step, key) ?? null),

    list({ tenant, states, kind, recurrence, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["state IN (SELECT value FROM json_each(?))", list(states)],
        ["kind = ?", kind],
        ["recurrence = ?", recurrence],
        ["id > ?", after],
      ]);
      const sql = `SELECT * FROM {campaigns} WHERE ${where} ORDER BY id LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(codec.decode));
    },

    act({ now, ...input }) {
      // BEGIN IMMEDIATE is what makes it wait for marks; Postgres locks the campaign's row.
      return driver.write((step) => {
        const at = step.now(now);
        return acted(step, input, at, (campaign) => campaignMove(campaign, input, at));
      });
    },

    edit({ now, ...input }) {
      return driver.write((step) =>
        acted(step, { ...input, act: "edit" }, step.now(now), (campaign) => editMove(campaign, input)),
      );
    },

    claim({ codes, limit, lease, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const found = step.all(wanting, { now: at.toISOString(), limit, codes: list(codes) }).map(codec.decode);
        return found.map((campaign) => patch(step, campaign, leaseMove(campaign, lease, at)));
      });
    },

    lease({ lease, now, ...key }) {
      return driver.write((step) => {
        const at = step.now(now);
        const campaign = find(step, key);
        if (campaign === undefined) throw campaignNotFound(key.id);
        if (!leasable(campaign, at)) return null;
        return patch(step, campaign, leaseMove(campaign, lease, at));
      });
    },

    load({ notifications, templates, now, ...chunk }) {
      return driver.write((step) => {
        const at = step.now(now);
        const campaign = leased(step, chunk, at);
        if (campaign === undefined || campaign.endedAt !== null) return null;
        const added = queueNotifications(step, campaign.tenant, { notifications, templates }, at);
        patch(step, campaign, loadMove(campaign, chunk, at));
        return added;
      });
    },

    open({ tenant, id, after, limit }) {
      const sql = `SELECT * FROM {notifications} n WHERE n.tenant = ? AND n.campaign = ? AND n.campaign <> '' AND ${live}
        AND n.state IN ('pending', 'leased') AND n.attempts = 0 AND n.id > ? ORDER BY n.id LIMIT ?`;
      return driver.read((step) => step.all(sql, tenant, id, after ?? "", limit).map(notificationOf));
    },

    rewrite({ notifications, templates, after, last, lease, now, ...fenced }) {
      return driver.write((step) => {
        const at = step.now(now);
        const campaign = leased(step, fenced, at);
        if (campaign?.changing !== "edit") return false;
        keepTemplates(step, campaign.tenant, templates, at);
        for (const rewritten of notifications) {
          const key = { tenant: fenced.tenant, id: rewritten.id };
          const row = findNotification(step, key);
          const change = row && rewriteMove(row, rewritten, at);
          if (change) patchNotification(step, key, change);
        }
        patch(step, campaign, {
          ...(last ? { changing: null, changedAfter: null } : { changedAfter: after }),
          tries: 0,
          leaseUntil: last ? null : later(at, lease),
        });
        return true;
      });
    },

    cancelNext({ limit, lease, now, ...fenced }) {
      return driver.write((step) => {
        const at = step.now(now);
        const campaign = leased(step, fenced, at);
        if (campaign?.changing !== "cancel") return null;
        const sql = `SELECT * FROM {notifications} n WHERE n.tenant = ? AND n.campaign = ? AND n.campaign <> '' AND ${live}
          AND n.cancel_requested = 0 ORDER BY n.id LIMIT ?`;
        const rows = step.all(sql, fenced.tenant, fenced.id, limit).map(notificationOf);
        for (const row of rows) {
          const decision = decideMove(
            row,
            { act: "cancel", why: "", newId: "", acceptDuplicate: false, margin: 0 },
            at,
          );
          if ("patch" in decision) patchNotification(step, row, decision.patch);
        }
        const done = rows.length < limit;
        patch(step, campaign, done ? { changing: null, leaseUntil: null } : { leaseUntil: later(at, lease) });
        return rows.length;
      });
    },

    release({ tenant, id, fence, retryIn, now }) {
      const sql = `UPDATE {campaigns} SET lease_until = ? ${byKey} AND fence = ?`;
      return driver.write((step) => {
        const until = retryIn > 0 ? later(step.now(now), retryIn).toISOString() : null;
        step.run(sql, until, tenant, id, fence);
      });
    },

    counts({ tenant, ids }) {
      const sql = `SELECT n.tenant, n.campaign AS id, n.state, n.reason, count(*) AS count FROM {notifications} n
        WHERE n.tenant = ? AND n.campaign <> '' AND n.campaign IN (SELECT value FROM json_each(?))
        GROUP BY n.campaign, n.state, n.reason ORDER BY n.campaign, n.state, n.reason NULLS FIRST`;
      return driver.read((step) => step.all(sql, tenant, list(ids)) as unknown as CampaignCount[]);
    },
  };
}

/** False where its id, or its recurrence's occurrence, exists. */
export function insertCampaign(step: Step, campaign: Campaign): boolean {
  const sql = `INSERT INTO {campaigns} (${codec.columns}) VALUES (${codec.marks}) ON CONFLICT DO NOTHING`;
  return step.run(sql, ...codec.values(campaign)) > 0;
}

function find(step: Step, { tenant, id }: CampaignKey): Campaign | undefined {
  const row = step.get(`SELECT * FROM {campaigns} ${byKey}`, tenant, id);
  return row && codec.decode(row);
}

function findOccurrence(
  step: Step,
  { tenant, recurrence, occurrence }: Pick<Campaign, "tenant" | "recurrence" | "occurrence">,
): Campaign | undefined {
  const sql = "SELECT * FROM {campaigns} WHERE tenant = ? AND recurrence = ? AND occurrence = ? AND recurrence <> ''";
  const row = step.get(sql, tenant, recurrence, occurrence);
  return row && codec.decode(row);
}

function leased(step: Step, { fence, ...key }: FencedCampaign, now: Date): Campaign | undefined {
  const campaign = find(step, key);
  return campaign?.fence === fence && campaign.leaseUntil !== null && campaign.leaseUntil > now ? campaign : undefined;
}

function patch(step: Step, campaign: Campaign, change: CampaignPatch): Campaign {
  const { set, values } = codec.assignments(change);
  step.run(`UPDATE {campaigns} SET ${set} ${byKey}`, ...values, campaign.tenant, campaign.id);
  return { ...campaign, ...change };
}
