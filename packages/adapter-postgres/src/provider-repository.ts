import { createHash } from "node:crypto";
import {
  type Account,
  type AccountLimits,
  isLanePaused,
  type Lane,
  laneOfAccount,
  moverName,
  newProvider,
  openLane,
  type Provider,
  type ProviderRepository,
  type ProviderState,
  providerMove,
  providerNotFound,
  type StrandedLane,
  standInFor,
  unrecordedActs,
  whyMoved,
  withLimits,
} from "@milepost/core/store";
import type { Database, Run, Statement } from "./driver.js";
import { laneColumns, laneLock } from "./gate-lock.js";
import { time } from "./values.js";

const columns = `p.tenant, p.id, p.family, p.channel, p.kind, p.name, p.sender, p.reply_to AS "replyTo", p.settings,
  p.credentials, p.state, p.detail, p.is_primary AS "primary", p.position, p.revision,
  p.renewing_until AS "renewingUntil", p.validated_at AS "validatedAt", p.validation_error AS "validationError",
  p.created_at AS "createdAt"`;

const clock = (parameter: string) =>
  `date_trunc('milliseconds', coalesce(${parameter}::timestamptz, clock_timestamp()))`;

/** The lane of an account `p`. */
const lane = `p.family || '/'::text || p.id`;

// Every field that a move may change, so that a new rule in core needs nothing here.
const storeText = `
INSERT INTO {providers} AS p (tenant, id, family, channel, kind, name, sender, reply_to, settings, credentials, state,
  detail, is_primary, position, revision, renewing_until, validated_at, validation_error, created_at)
SELECT s.tenant, s.id, s.family, s.channel, s.kind, s.name, s.sender, nullif(s."replyTo", 'null'), s.settings,
  s.credentials, s.state, s.detail, s."primary", s.position, s.revision, s."renewingUntil", s."validatedAt",
  s."validationError", s."createdAt"
FROM jsonb_to_record($1) AS s (tenant text, id text, family text, channel text, kind text, name text, sender jsonb,
  "replyTo" jsonb, settings jsonb, credentials text, state text, detail text, "primary" boolean, position integer,
  revision bigint, "renewingUntil" timestamptz, "validatedAt" timestamptz, "validationError" text,
  "createdAt" timestamptz)
ON CONFLICT (tenant, id) DO UPDATE SET family = excluded.family, channel = excluded.channel, kind = excluded.kind,
  name = excluded.name, sender = excluded.sender, reply_to = excluded.reply_to, settings = excluded.settings,
  credentials = excluded.credentials, state = excluded.state, detail = excluded.detail, is_primary = excluded.is_primary,
  position = excluded.position, revision = excluded.revision, renewing_until = excluded.renewing_until,
  validated_at = excluded.validated_at, validation_error = excluded.validation_error, created_at = excluded.created_at`;

// Every account is looked at, which is few rows beside the notifications: of those only whether a lane has any pending.
const strandedText = `
WITH step AS MATERIALIZED (
  SELECT ${clock("$4")} AS now
)
SELECT s.tenant, s.notifier FROM (
  SELECT p.tenant, ${lane} AS notifier FROM {providers} p
  LEFT JOIN {lanes} l ON l.tenant = p.tenant AND l.notifier = ${lane}
  WHERE p.state <> 'active' OR (l.quota IS NOT NULL AND l.not_before > (SELECT now FROM step))
  UNION
  SELECT p.tenant, p.family FROM {providers} p WHERE p.state = 'active'
) s
WHERE (s.tenant, s.notifier COLLATE "C") > ($1, $2) AND EXISTS (
  SELECT FROM {notifications} r WHERE r.state = 'pending' AND r.tenant = s.tenant AND r.notifier = s.notifier)
ORDER BY s.tenant, s.notifier COLLATE "C" LIMIT $3`;

// Line by line, as a claim walks them: the rows whose time has not come are behind, and are not looked at.
const moveText = (woken: string) => `
WITH RECURSIVE step AS MATERIALIZED (
  SELECT $5::timestamptz AS now
), line AS (
  (SELECT r.campaign FROM {notifications} r WHERE r.state = 'pending' AND r.tenant = $1 AND r.notifier = $2
    ORDER BY r.campaign LIMIT 1)
  UNION ALL
  SELECT next.campaign FROM line, LATERAL (
    SELECT r.campaign FROM {notifications} r
    WHERE r.state = 'pending' AND r.tenant = $1 AND r.notifier = $2 AND r.campaign > line.campaign
    ORDER BY r.campaign LIMIT 1) next
), leaving AS MATERIALIZED (
  SELECT line.campaign FROM line LEFT JOIN {campaigns} c ON c.tenant = $1 AND c.id = line.campaign
  WHERE $6::boolean OR (c.definition -> 'failover'::text) IS DISTINCT FROM 'false'::jsonb
), moving AS MATERIALIZED (
  SELECT t.id FROM leaving, LATERAL (
    SELECT r.id FROM {notifications} r
    WHERE r.tenant = $1 AND r.notifier = $2 AND r.campaign = leaving.campaign
      AND r.state = 'pending' AND r.not_before <= (SELECT now FROM step)
      AND (r.expires_at IS NULL OR r.expires_at > (SELECT now FROM step))
      AND (r.open_until IS NULL OR r.open_until > (SELECT now FROM step))
      AND ($6::boolean OR (r.mode <> 'idempotent' AND NOT r.was_ambiguous))
    ORDER BY r.not_before, r.id LIMIT $4::integer FOR UPDATE SKIP LOCKED) t
  LIMIT $4::integer
), moved AS (
  UPDATE {notifications} r SET notifier = $3
  FROM unnest(ARRAY(SELECT m.id FROM moving m)) AS m (id)
  WHERE r.tenant = $1 AND r.id = m.id
  RETURNING r.id
), act AS (
  INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
  SELECT $1, 'notification', m.id, 'failover', $7, $8, step.now FROM moved m CROSS JOIN step
)
SELECT count(*) AS moved, ${woken} AS woken FROM moved`;

interface Person {
  readonly by: string;
  readonly why: string;
}

export function providerRepository(database: Database): ProviderRepository {
  const lockLanes = laneLock(database);
  // Acts on a tenant's accounts come one after another, as only one of them may be primary; a failover holds it shared, so
  // that what it goes by stays so until its commit.
  const lockNumber = (tenant: string): string => {
    const text = `milepost providers ${database.fill("{providers}")} ${tenant}`;
    return createHash("sha256").update(text).digest().readBigInt64BE().toString();
  };
  const lock = database.statement("providers_lock", "SELECT pg_advisory_xact_lock($1::bigint)");
  const lockShared = database.statement("providers_lock_shared", "SELECT pg_advisory_xact_lock_shared($1::bigint)");

  const all = database.statement(
    "providers_of_tenant",
    `WITH step AS (SELECT ${clock("$2")} AS now)
     SELECT step.now, ${columns} FROM step LEFT JOIN {providers} p ON p.tenant = $1 ORDER BY p.id`,
  );
  const store = database.statement("providers_store", storeText);
  const demote = database.statement(
    "providers_demote",
    "UPDATE {providers} SET is_primary = false WHERE tenant = $1 AND channel = $2 AND is_primary AND id <> $3",
  );
  const createLane = database.statement(
    "providers_create_lane",
    "INSERT INTO {lanes} (tenant, notifier) VALUES ($1, $2) ON CONFLICT DO NOTHING",
  );
  const storeLane = database.statement(
    "providers_store_lane",
    `UPDATE {lanes} SET paused = $3, rate = $4, quota = $5, usage = $6, not_before = $7 WHERE tenant = $1 AND notifier = $2
     RETURNING ${database.wakeIfAny("(SELECT 1) stored")} AS woken`,
  );
  const act = database.statement(
    "providers_act",
    "INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
  );
  const get = database.statement(
    "providers_get",
    `SELECT ${columns} FROM {providers} p WHERE p.tenant = $1 AND p.id = $2`,
  );
  const list = database.statement(
    "providers_list",
    `SELECT ${columns} FROM {providers} p WHERE p.tenant = $1 AND p.id > $2 AND ($3::boolean OR p.state <> 'removed')
     ORDER BY p.id LIMIT $4`,
  );
  const lanes = database.statement("providers_lanes", `SELECT ${laneColumns} FROM {lanes} l WHERE l.tenant = $1`);
  const sealed = database.statement(
    "providers_sealed",
    `SELECT ${columns} FROM {providers} p WHERE p.credentials IS NOT NULL AND (p.tenant, p.id) > ($1, $2)
     ORDER BY p.tenant, p.id LIMIT $3`,
  );
  const reseal = database.statement(
    "providers_reseal",
    `UPDATE {providers} SET credentials = $4 WHERE tenant = $1 AND id = $2 AND credentials = $3 RETURNING id`,
  );
  const stranded = database.statement("providers_stranded", strandedText);
  const waiting = database.statement(
    "providers_waiting",
    `SELECT count(*) AS count FROM (
       SELECT FROM {notifications} r WHERE r.state = 'pending' AND r.tenant = $1 AND r.notifier = $2 LIMIT $3) w`,
  );
  const move = database.statement("providers_failover", moveText(database.wakeIfAny("moved")));

  async function ofTenant(
    run: Run,
    tenant: string,
    given: Date | undefined,
  ): Promise<{ readonly now: Date; readonly providers: readonly Provider[] }> {
    const rows = await run<Provider & { readonly now: Date }>(all, [tenant, time(given)]);
    const providers = rows.filter(({ id }) => id !== null).map(({ now: _, ...provider }) => provider);
    return { now: rows[0]!.now, providers };
  }

  async function withLanes(run: Run, tenant: string, providers: readonly Provider[]): Promise<Account[]> {
    const rows = providers.length === 0 ? [] : await run<Lane>(lanes, [tenant]);
    const byName = new Map(rows.map((row) => [row.notifier, row]));
    return providers.map((provider) => {
      const notifier = laneOfAccount(provider);
      return { provider, lane: byName.get(notifier) ?? openLane(tenant, notifier) };
    });
  }

  /** Writes an account, and its lane as its state and the given limits have it. */
  async function stored(
    run: Run,
    before: ProviderState | null,
    provider: Provider,
    { rate, quota }: AccountLimits,
    { by, why }: Person,
    given: Date | undefined,
  ): Promise<Account> {
    const { tenant, id, channel } = provider;
    if (provider.primary) await run(demote, [tenant, channel, id]);
    await run(store, [JSON.stringify(provider)]);
    const notifier = laneOfAccount(provider);
    await run(createLane, [tenant, notifier]);
    // the clock after the lock: a mark that it waited for started before the pause
    const lockedLanes = await lockLanes(run, [{ tenant, notifier }], given);
    const { now } = lockedLanes;
    const locked = lockedLanes.of({ tenant, notifier });
    const limited = rate !== undefined || quota !== undefined;
    const paused = isLanePaused(before, provider.state, locked.paused);
    const lane = { ...(limited ? withLimits(locked, { rate, quota }) : locked), paused };
    const json = (value: object | null) => (value === null ? null : JSON.stringify(value));
    const values = [paused, json(lane.rate), json(lane.quota), json(lane.usage), time(lane.notBefore)];
    if (limited || paused !== locked.paused) await run(storeLane, [tenant, notifier, ...values]);
    const acts = [...(limited ? ["limit"] : []), ...(paused === locked.paused ? [] : [paused ? "pause" : "resume"])];
    for (const name of acts) await run(act, [tenant, "lane", notifier, name, by, why, time(now)]);
    return { provider, lane };
  }

  return {
    add: ({ provider: given, rate, quota, by, why, now: at }) =>
      database.transaction(async (run) => {
        const { tenant, id, channel } = given;
        await run(lock, [lockNumber(tenant)]);
        const { now, providers } = await ofTenant(run, tenant, at);
        const hasPrimary = providers.some((each) => each.primary && each.channel === channel);
        const removed = providers.find((each) => each.id === id);
        const provider = newProvider(given, { removed, hasPrimary }, now);
        await run(act, [tenant, "provider", id, "add", by, why, time(now)]);
        return stored(run, removed?.state ?? null, provider, { rate, quota }, { by, why }, at);
      }),

    act: ({ tenant, id, move: input, rate, quota, by, why, now: at }) =>
      database.transaction(async (run) => {
        await run(lock, [lockNumber(tenant)]);
        const { now, providers } = await ofTenant(run, tenant, at);
        const provider = providers.find((each) => each.id === id);
        if (provider === undefined) throw providerNotFound(id);
        const patch = providerMove(provider, input, now);
        if (patch === null) return null;
        if (!unrecordedActs.has(input.act)) await run(act, [tenant, "provider", id, input.act, by, why, time(now)]);
        return stored(run, provider.state, { ...provider, ...patch }, { rate, quota }, { by, why }, at);
      }),

    async get({ tenant, id }) {
      const [provider] = await database.run<Provider>(get, [tenant, id]);
      return provider ?? null;
    },

    async list({ tenant, removed = false, after = "", limit }) {
      const providers = await database.run<Provider>(list, [tenant, after, removed, limit]);
      return withLanes(database.run, tenant, providers);
    },

    sealed: ({ after, limit }) => database.run<Provider>(sealed, [after?.tenant ?? "", after?.id ?? "", limit]),

    async reseal({ tenant, id, from, to }) {
      return (await database.run(reseal, [tenant, id, from, to])).length > 0;
    },

    stranded: ({ after, limit, now }) =>
      database.run<StrandedLane>(stranded, [after?.tenant ?? "", after?.notifier ?? "", limit, time(now)]),

    failover: ({ tenant, notifier, limit, now: at }) =>
      database.transaction(async (run) => {
        await run(lockShared, [lockNumber(tenant)]);
        const { now, providers } = await ofTenant(run, tenant, at);
        const next = standInFor(notifier, await withLanes(run, tenant, providers), now);
        if (next === null) return { moved: 0, to: null };
        const taken = await waitingIn(run, waiting, tenant, next);
        const room = Math.min(limit, next.room - taken);
        if (room < 1) return { moved: 0, to: next.to };
        const why = whyMoved(notifier, next);
        const values = [tenant, notifier, next.to, room, time(now), next.first, moverName, why];
        const [row] = await run<{ readonly moved: number }>(move, values);
        return { moved: row!.moved, to: next.to };
      }),
  };
}

/** How many rows wait in the lane of the account that stands in, as far as that matters. */
async function waitingIn(
  run: Run,
  statement: Statement,
  tenant: string,
  { to, room }: { readonly to: string; readonly room: number },
): Promise<number> {
  if (room === Number.POSITIVE_INFINITY) return 0;
  const [row] = await run<{ readonly count: number }>(statement, [tenant, to, room]);
  return row!.count;
}
