import {
  type Campaign,
  type CampaignCount,
  type CampaignKey,
  type CampaignPatch,
  type CampaignRepository,
  campaignMove,
  campaignNotFound,
  editMove,
  leasable,
  leaseMove,
  newCampaign,
} from "@milepost/core/store";
import { addressLock } from "./address-lock.js";
import type { Database, Run } from "./driver.js";
import { type NotificationRow, notificationColumns, notificationOf } from "./notification-row.js";
import { queuedNotifications } from "./queued-notifications.js";
import { textArray, time } from "./values.js";

const columns = `c.tenant, c.id, c.name, c.kind, c.state, c.detail, c.definition, c.audience, c.code,
  c.revision,
  c.scheduled_at AS "scheduledAt", c.recurrence, c.occurrence, c.chunks, c.cursor, c.loaded,
  c.look_at AS "lookAt", c.rejected, c.changing,
  c.changed_after AS "changedAfter", c.rate, c.not_before AS "notBefore", c.usage, c.fence, c.tries, c.lease_until AS "leaseUntil",
  c.created_at AS "createdAt", c.started_at AS "startedAt", c.ended_at AS "endedAt"`;

const clock = (parameter: string) =>
  `date_trunc('milliseconds', coalesce(${parameter}::timestamptz, clock_timestamp()))`;

/** Parameters of a step that stores a campaign: it, null for none, as jsonb; who did it and why; the step's time. */
export interface CampaignParameters {
  readonly campaign: string;
  readonly by: string;
  readonly why: string;
  readonly now: string;
  /** What has to have a row. */
  readonly from: string;
}

/** Two CTEs: `created`, the campaign that is new, and its act. */
export const campaignInsert = ({ campaign, by, why, now, from }: CampaignParameters): string => `created AS (
  INSERT INTO {campaigns} AS c (tenant, id, name, kind, state, definition, audience, code, scheduled_at, rate, recurrence,
    occurrence, created_at)
  SELECT p.tenant, p.id, p.name, p.kind, p.state, p.definition, p.audience, p.code, p."scheduledAt",
    nullif(p.rate, 'null'), p.recurrence, p.occurrence, ${clock(now)}
  FROM ${from}, jsonb_to_record(nullif(${campaign}::jsonb, 'null')) AS p (tenant text, id text, name text, kind text,
    state text, definition jsonb, audience text, code text, "scheduledAt" timestamptz, rate jsonb, recurrence text,
    occurrence text)
  WHERE p.id IS NOT NULL
  ON CONFLICT DO NOTHING
  RETURNING c.*
), act AS (
  INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
  SELECT c.tenant, 'campaign', c.id, 'create', ${by}, ${why}, c.created_at FROM created c
)`;

const createText = `
WITH ${campaignInsert({ campaign: "$1", by: "$2", why: "$3", now: "$4", from: "(SELECT 1) always" })}
SELECT ${columns} FROM created c`;

const sameText = `
SELECT ${columns} FROM {campaigns} c
WHERE c.tenant = $1 AND (c.id = $2 OR ($3 <> '' AND c.recurrence = $3 AND c.occurrence = $4))
ORDER BY c.id = $2 DESC LIMIT 1`;

// A mark holds its campaign FOR SHARE until it commits: this waits for it, and later marks wait for this one.
const lockText = `SELECT ${columns}, ${clock("$3")} AS now FROM {campaigns} c WHERE c.tenant = $1 AND c.id = $2 FOR UPDATE`;

// Every field that a move may change, so that a new rule in core needs nothing here.
const patchText = `
UPDATE {campaigns} c SET name = p.name, kind = p.kind, state = p.state, detail = p.detail, definition = p.definition,
  revision = p.revision, scheduled_at = p."scheduledAt", chunks = p.chunks, cursor = p.cursor, loaded = p.loaded,
  look_at = p."lookAt", fence = p.fence, tries = p.tries, changing = p.changing, changed_after = p."changedAfter", rate = nullif(p.rate, 'null'), not_before = p."notBefore",
  usage = p.usage, lease_until = p."leaseUntil", started_at = p."startedAt", ended_at = p."endedAt"
FROM jsonb_to_record($3) AS p (name text, kind text, state text, detail text, definition jsonb, revision bigint,
  "scheduledAt" timestamptz, chunks bigint, cursor text, loaded boolean, "lookAt" timestamptz, fence bigint, tries integer, changing text, "changedAfter" text, rate jsonb,
  "notBefore" timestamptz, usage jsonb, "leaseUntil" timestamptz, "startedAt" timestamptz, "endedAt" timestamptz)
WHERE c.tenant = $1 AND c.id = $2
RETURNING ${columns}`;

const live = "n.state IN ('pending', 'leased', 'sending', 'ambiguous')";

// Core's wants(), in the order in which they wait.
const claimText = `
WITH step AS MATERIALIZED (
  SELECT ${clock("$3")} AS now
), wanting AS MATERIALIZED (
  SELECT c.tenant, c.id FROM {campaigns} c
  WHERE (c.state IN ('scheduled', 'sending', 'paused') OR c.changing IS NOT NULL)
    AND (c.lease_until IS NULL OR c.lease_until <= (SELECT now FROM step))
    AND (c.changing IS NOT NULL
      OR (c.loaded AND c.state = 'scheduled' AND c.scheduled_at <= (SELECT now FROM step))
      OR ((NOT c.loaded OR c.look_at <= (SELECT now FROM step)) AND (c.code = '' OR c.code = ANY ($4::text[])))
      OR (c.loaded AND c.look_at IS NULL AND c.state = 'sending' AND NOT EXISTS (
        SELECT FROM {notifications} n WHERE n.tenant = c.tenant AND n.campaign = c.id AND n.campaign <> '' AND ${live})))
  ORDER BY coalesce(c.scheduled_at, c.created_at), c.tenant, c.id LIMIT $1 FOR UPDATE OF c SKIP LOCKED
), claimed AS (
  UPDATE {campaigns} c SET fence = c.fence + 1, tries = c.tries + 1,
    lease_until = (SELECT now FROM step) + $2::float8 * interval '1 millisecond'
  FROM wanting w WHERE c.tenant = w.tenant AND c.id = w.id
  RETURNING c.*
)
SELECT ${columns} FROM claimed c ORDER BY coalesce(c.scheduled_at, c.created_at), c.tenant, c.id`;

/** The campaign where it is leased under a fence, locked, and the clock after that. */
const leased = `locked AS MATERIALIZED (
  SELECT c.tenant, c.id, c.lease_until, c.changing, c.ended_at FROM {campaigns} c
  WHERE c.tenant = $1 AND c.id = $2 AND c.fence = $3 FOR UPDATE
), step AS MATERIALIZED (
  SELECT ${clock("$4")} AS now FROM (SELECT count(*) FROM locked) after_the_lock
)`;

// Core's loadMove.
const loadText = (woken: string) => `
WITH held AS MATERIALIZED (
  SELECT c.tenant, c.id, c.lease_until, c.ended_at FROM {campaigns} c
  WHERE c.tenant = $1 AND c.id = $2 AND c.fence = $3 FOR UPDATE
), step AS MATERIALIZED (
  SELECT ${clock("$4")} AS now FROM (SELECT count(*) FROM held) after_the_lock
), locked AS MATERIALIZED (
  SELECT h.tenant, h.id FROM held h, step WHERE h.lease_until > step.now AND h.ended_at IS NULL
), ${queuedNotifications({ notifications: "$5", templates: "$6", addressLock: "$7" })}
)
UPDATE {campaigns} c SET chunks = c.chunks + 1, tries = 0, cursor = $8, loaded = c.loaded OR $9::boolean, rejected = c.rejected + $11,
  look_at = $12::timestamptz, lease_until = CASE WHEN NOT $9 THEN step.now + $10::float8 * interval '1 millisecond' END
FROM locked l, step WHERE c.tenant = l.tenant AND c.id = l.id
RETURNING (SELECT count(*) FROM added) AS added, ${woken}`;

// Core's rewriteMove.
const rewriteText = (woken: string) => `
WITH ${leased}, rewritten AS (
  SELECT * FROM jsonb_to_recordset($5) AS p (id text, template text, data jsonb, "notBefore" timestamptz,
    "expiresAt" timestamptz, hours jsonb, "openUntil" timestamptz, sender jsonb)
), template AS (
  INSERT INTO {templates} (tenant, hash, content, created_at)
  SELECT l.tenant, t.key, t.value, step.now FROM locked l, step, jsonb_each($9::jsonb) t
  WHERE l.lease_until > step.now AND l.changing = 'edit' ORDER BY t.key COLLATE "C"
  ON CONFLICT DO NOTHING
), open AS MATERIALIZED (
  SELECT n.id FROM locked l, step, rewritten p JOIN {notifications} n ON n.tenant = $1 AND n.id = p.id
  WHERE l.lease_until > step.now AND l.changing = 'edit'
  ORDER BY n.id FOR UPDATE OF n
), brought AS (
  UPDATE {notifications} n SET state = 'pending', template = p.template, data = p.data,
    fence = n.fence + CASE n.state WHEN 'leased' THEN 1 ELSE 0 END,
    claims = n.claims - CASE n.state WHEN 'leased' THEN 1 ELSE 0 END, lease_until = NULL,
    not_before = coalesce(p."notBefore", (SELECT now FROM step)), expires_at = p."expiresAt",
    hours = nullif(p.hours, 'null'), open_until = p."openUntil", sender = nullif(p.sender, 'null')
  FROM rewritten p
  WHERE n.tenant = $1 AND n.id = p.id AND n.id IN (SELECT o.id FROM open o)
    AND n.state IN ('pending', 'leased') AND n.attempts = 0
)
UPDATE {campaigns} c SET tries = 0, changing = CASE WHEN NOT $7::boolean THEN c.changing END, changed_after = CASE WHEN NOT $7 THEN $6 END,
  lease_until = CASE WHEN NOT $7 THEN step.now + $8::float8 * interval '1 millisecond' END
FROM locked l, step
WHERE c.tenant = l.tenant AND c.id = l.id AND l.lease_until > step.now AND l.changing = 'edit'
RETURNING ${woken}`;

// Core's decideMove of a cancel, for many.
const cancelText = `
WITH ${leased}, next AS MATERIALIZED (
  SELECT n.id FROM locked l, step, {notifications} n
  WHERE l.lease_until > step.now AND l.changing = 'cancel' AND n.tenant = l.tenant AND n.campaign = l.id
    AND n.campaign <> '' AND ${live} AND NOT n.cancel_requested
  ORDER BY n.id LIMIT $5 FOR UPDATE OF n
), cancelled AS (
  UPDATE {notifications} n SET
    state = CASE WHEN n.state NOT IN ('pending', 'leased') THEN n.state WHEN n.was_ambiguous THEN 'unknown' ELSE 'cancelled' END,
    reason = CASE WHEN n.state IN ('pending', 'leased') THEN 'cancelled' ELSE n.reason END,
    lease_until = CASE WHEN n.state NOT IN ('pending', 'leased') THEN n.lease_until END,
    settled_at = CASE WHEN n.state IN ('pending', 'leased') THEN (SELECT now FROM step) END,
    cancel_requested = n.cancel_requested OR n.state NOT IN ('pending', 'leased')
  WHERE n.tenant = $1 AND n.id IN (SELECT x.id FROM next x)
  RETURNING 1
), total AS (
  SELECT count(*) AS cancelled FROM cancelled
)
UPDATE {campaigns} c SET changing = CASE WHEN t.cancelled = $5 THEN c.changing END,
  lease_until = CASE WHEN t.cancelled = $5 THEN step.now + $6::float8 * interval '1 millisecond' END
FROM locked l, step, total t
WHERE c.tenant = l.tenant AND c.id = l.id AND l.lease_until > step.now AND l.changing = 'cancel'
RETURNING t.cancelled`;

export function campaignRepository(database: Database): CampaignRepository {
  const create = database.statement("campaigns_create", createText);
  const same = database.statement("campaigns_same", sameText);
  const get = database.statement(
    "campaigns_get",
    `SELECT ${columns} FROM {campaigns} c WHERE c.tenant = $1 AND c.id = $2`,
  );
  const lock = database.statement("campaigns_act_lock", lockText);
  const patch = database.statement("campaigns_act_patch", patchText);
  const act = database.statement(
    "campaigns_act",
    `INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'campaign', $2, $3, $4, $5, $6)
     RETURNING ${database.wakeIfAny("(SELECT 1) moved")} AS woken`,
  );
  const list = database.statement(
    "campaigns_list",
    `SELECT ${columns} FROM {campaigns} c WHERE c.tenant = $1 AND ($2::text[] IS NULL OR c.state = ANY ($2))
       AND ($3::text IS NULL OR c.kind = $3) AND ($4::text IS NULL OR c.recurrence = $4) AND ($5::text IS NULL OR c.id > $5)
     ORDER BY c.id LIMIT $6`,
  );
  const claim = database.statement("campaigns_claim", claimText);
  const load = database.statement("campaigns_load", loadText(database.wakeIfAny("added")));
  const open = database.statement(
    "campaigns_open",
    `SELECT ${notificationColumns} FROM {notifications} n
     WHERE n.tenant = $1 AND n.campaign = $2 AND n.campaign <> '' AND ${live} AND n.state IN ('pending', 'leased')
       AND n.attempts = 0 AND n.id > $3 ORDER BY n.id LIMIT $4`,
  );
  const rewrite = database.statement("campaigns_rewrite", rewriteText(database.wakeIfAny("(SELECT 1) brought")));
  const cancel = database.statement("campaigns_cancel", cancelText);
  const release = database.statement(
    "campaigns_release",
    `UPDATE {campaigns} SET lease_until = CASE WHEN $4::float8 > 0::float8 THEN ${clock("$5")} + $4::float8 * interval '1 millisecond' END
     WHERE tenant = $1 AND id = $2 AND fence = $3`,
  );
  const counts = database.statement(
    "campaigns_counts",
    `SELECT n.tenant, n.campaign AS id, n.state, n.reason, count(*) AS count FROM {notifications} n
     WHERE n.tenant = $1 AND n.campaign <> '' AND n.campaign = ANY ($2::text[])
     GROUP BY n.tenant, n.campaign, n.state, n.reason
     ORDER BY n.campaign, n.state COLLATE "C", n.reason COLLATE "C" NULLS FIRST`,
  );

  /** What one person, or the engine, does: the row is read under its lock, what core decided written, and the act. */
  function acted(
    {
      tenant,
      id,
      act: name,
      by,
      why,
    }: CampaignKey & { readonly act: string; readonly by: string; readonly why: string },
    given: Date | undefined,
    move: (campaign: Campaign, now: Date) => CampaignPatch,
  ): Promise<Campaign> {
    return locked({ tenant, id }, given, async (run, campaign, now) => {
      const stored = await patched(run, campaign, move(campaign, now));
      await run(act, [tenant, id, name, by, why, time(now)]);
      return stored;
    });
  }

  async function patched(run: Run, campaign: Campaign, change: CampaignPatch): Promise<Campaign> {
    const changed = JSON.stringify({ ...campaign, ...change });
    const [stored] = await run<Campaign>(patch, [campaign.tenant, campaign.id, changed]);
    return stored!;
  }

  function locked<T>(
    { tenant, id }: CampaignKey,
    given: Date | undefined,
    work: (run: Run, campaign: Campaign, now: Date) => Promise<T>,
  ): Promise<T> {
    return database.transaction(async (run: Run) => {
      const [found] = await run<Campaign & { readonly now: Date }>(lock, [tenant, id, time(given)]);
      if (found === undefined) throw campaignNotFound(id);
      const { now, ...campaign } = found;
      return work(run, campaign, now);
    });
  }

  return {
    async create({ campaign, by, why, now }) {
      const { tenant, id, recurrence, occurrence } = campaign;
      const { state } = newCampaign(campaign, new Date(0));
      const given = JSON.stringify({ ...campaign, state });
      const [created] = await database.run<Campaign>(create, [given, by, why, time(now)]);
      if (created !== undefined) return { created: true, campaign: created };
      const [existing] = await database.run<Campaign>(same, [tenant, id, recurrence, occurrence]);
      return { created: false, campaign: existing! };
    },

    async get({ tenant, id }) {
      const [campaign] = await database.run<Campaign>(get, [tenant, id]);
      return campaign ?? null;
    },

    list: ({ tenant, states, kind, recurrence, after, limit }) =>
      database.run<Campaign>(list, [
        ...[tenant, states === undefined ? null : textArray(states), kind ?? null, recurrence ?? null],
        ...[after ?? null, limit],
      ]),

    act: ({ now, ...input }) => acted(input, now, (campaign, at) => campaignMove(campaign, input, at)),

    edit: ({ now, ...input }) => acted({ ...input, act: "edit" }, now, (campaign) => editMove(campaign, input)),

    claim: ({ codes, limit, lease, now }) => database.run<Campaign>(claim, [limit, lease, time(now), textArray(codes)]),

    lease: ({ tenant, id, lease, now: given }) =>
      locked({ tenant, id }, given, async (run, campaign, now) => {
        if (!leasable(campaign, now)) return null;
        return patched(run, campaign, leaseMove(campaign, lease, now));
      }),

    async load({ tenant, id, fence, notifications, templates, cursor, last, rejected, lookAt, lease, now }) {
      const queued = [JSON.stringify(notifications), JSON.stringify(templates), addressLock(database, tenant)];
      const values = [
        tenant,
        id,
        fence,
        time(now),
        ...queued,
        cursor,
        last,
        lease,
        rejected,
        time(lookAt ?? undefined),
      ];
      const [row] = await database.run<{ readonly added: number }>(load, values);
      return row?.added ?? null;
    },

    async open({ tenant, id, after, limit }) {
      return (await database.run<NotificationRow>(open, [tenant, id, after ?? "", limit])).map(notificationOf);
    },

    async rewrite({ tenant, id, fence, notifications, templates, after, last, lease, now }) {
      const rows = JSON.stringify(notifications);
      const values = [tenant, id, fence, time(now), rows, after, last, lease, JSON.stringify(templates)];
      return (await database.run(rewrite, values)).length > 0;
    },

    async cancelNext({ tenant, id, fence, limit, lease, now }) {
      const values = [tenant, id, fence, time(now), limit, lease];
      const [row] = await database.run<{ readonly cancelled: number }>(cancel, values);
      return row?.cancelled ?? null;
    },

    async release({ tenant, id, fence, retryIn, now }) {
      await database.run(release, [tenant, id, fence, retryIn, time(now)]);
    },

    counts: ({ tenant, ids }) => database.run<CampaignCount>(counts, [tenant, textArray(ids)]),
  };
}
