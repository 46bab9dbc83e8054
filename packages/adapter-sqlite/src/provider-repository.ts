import {
  type Account,
  type AccountLimits,
  isLanePaused,
  laneOfAccount,
  moverName,
  newProvider,
  type Provider,
  type ProviderKey,
  type ProviderRepository,
  type ProviderState,
  providerMove,
  providerNotFound,
  type StandIn,
  type StrandedLane,
  standInFor,
  unrecordedActs,
  whyMoved,
  withLimits,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import type { Driver, SqlRow, Step } from "./driver.js";
import { findLane, storeLane } from "./lane-repository.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

type ProviderRow = Omit<Provider, "primary"> & { readonly isPrimary: boolean };

const codec: RowCodec<ProviderRow> = rowCodec<ProviderRow>({
  tenant: "plain",
  id: "plain",
  family: "plain",
  channel: "plain",
  kind: "plain",
  name: "plain",
  sender: "json",
  replyTo: "json",
  settings: "json",
  credentials: "plain",
  state: "plain",
  detail: "plain",
  isPrimary: "flag",
  position: "plain",
  revision: "plain",
  renewingUntil: "time",
  validatedAt: "time",
  validationError: "plain",
  createdAt: "time",
});

interface Person {
  readonly by: string;
  readonly why: string;
}

export function providerRepository(driver: Driver): ProviderRepository {
  return {
    add({ provider: given, rate, quota, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const { tenant, id, channel } = given;
        const primary = "SELECT 1 FROM {providers} WHERE tenant = ? AND channel = ? AND is_primary = 1";
        const hasPrimary = step.get(primary, tenant, channel) !== undefined;
        const removed = find(step, given);
        const provider = newProvider(given, { removed, hasPrimary }, at);
        insertAct(step, { tenant, entity: "provider", entityId: id, act: "add", by, why, at });
        return store(step, removed?.state ?? null, provider, { rate, quota }, { by, why }, at);
      });
    },

    act({ tenant, id, move, rate, quota, by, why, now }) {
      // BEGIN IMMEDIATE is what makes it wait for marks; Postgres locks the lane's row.
      return driver.write((step) => {
        const at = step.now(now);
        const provider = find(step, { tenant, id });
        if (provider === undefined) throw providerNotFound(id);
        const patch = providerMove(provider, move, at);
        if (patch === null) return null;
        if (!unrecordedActs.has(move.act)) {
          insertAct(step, { tenant, entity: "provider", entityId: id, act: move.act, by, why, at });
        }
        return store(step, provider.state, { ...provider, ...patch }, { rate, quota }, { by, why }, at);
      });
    },

    get: (key) => driver.read((step) => find(step, key) ?? null),

    list({ tenant, removed = false, after = "", limit }) {
      const sql = `SELECT * FROM {providers} WHERE tenant = ? AND id > ? ${removed ? "" : "AND state <> 'removed'"}
        ORDER BY id LIMIT ?`;
      return driver.snapshot((step) => step.all(sql, tenant, after, limit).map((row) => accountOf(step, row)));
    },

    sealed({ after, limit }) {
      const sql = `SELECT * FROM {providers} WHERE credentials IS NOT NULL AND (tenant, id) > (?, ?)
        ORDER BY tenant, id LIMIT ?`;
      return driver.read((step) => step.all(sql, after?.tenant ?? "", after?.id ?? "", limit).map(decode));
    },

    reseal({ tenant, id, from, to }) {
      const sql = "UPDATE {providers} SET credentials = ? WHERE tenant = ? AND id = ? AND credentials = ?";
      return driver.write((step) => step.run(sql, to, tenant, id, from) > 0);
    },

    stranded({ after, limit, now }) {
      return driver.snapshot((step) => {
        const at = step.now(now).toISOString();
        const values = [at, after?.tenant ?? "", after?.notifier ?? "", limit];
        return step.all(stranded, ...values) as unknown as StrandedLane[];
      });
    },

    failover({ tenant, notifier, limit, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const accounts = step.all("SELECT * FROM {providers} WHERE tenant = ?", tenant);
        const next = standInFor(
          notifier,
          accounts.map((row) => accountOf(step, row)),
          at,
        );
        if (next === null) return { moved: 0, to: null };
        const room = Math.min(limit, next.room - waiting(step, tenant, next));
        const rows = room > 0 ? movable(step, { tenant, notifier }, next, room, at) : [];
        for (const { id } of rows) {
          step.run("UPDATE {notifications} SET notifier = ? WHERE tenant = ? AND id = ?", next.to, tenant, id);
          const about = { tenant, entity: "notification", entityId: id, act: "failover" };
          insertAct(step, { ...about, by: moverName, why: whyMoved(notifier, next), at });
        }
        return { moved: rows.length, to: next.to };
      });
    },
  };
}

// Every account is looked at, which is few rows beside the notifications: of those only whether a lane has any pending.
const stranded = `
SELECT s.tenant, s.notifier FROM (
  SELECT p.tenant, p.family || '/' || p.id AS notifier FROM {providers} p
  LEFT JOIN {lanes} l ON l.tenant = p.tenant AND l.notifier = p.family || '/' || p.id
  WHERE p.state <> 'active' OR (l.quota IS NOT NULL AND l.not_before > ?)
  UNION
  SELECT p.tenant, p.family FROM {providers} p WHERE p.state = 'active'
) s
WHERE (s.tenant, s.notifier) > (?, ?) AND EXISTS (
  SELECT 1 FROM {notifications} r WHERE r.state = 'pending' AND r.tenant = s.tenant AND r.notifier = s.notifier)
ORDER BY s.tenant, s.notifier LIMIT ?`;

/** How many rows wait in the lane of the account that stands in, as far as that matters. */
function waiting(step: Step, tenant: string, { to, room }: StandIn): number {
  if (room === Number.POSITIVE_INFINITY) return 0;
  const sql = `SELECT count(*) AS count FROM (
    SELECT 1 FROM {notifications} WHERE state = 'pending' AND tenant = ? AND notifier = ? LIMIT ?)`;
  return Number(step.one(sql, tenant, to, room).count);
}

/** Line by line, as a claim walks them: the rows whose time has not come are behind, and are not looked at. */
function movable(
  step: Step,
  { tenant, notifier }: StrandedLane,
  { first }: StandIn,
  limit: number,
  now: Date,
): readonly { readonly id: string }[] {
  const iso = now.toISOString();
  const rows: { readonly id: string }[] = [];
  for (let campaign: string | undefined = firstCampaign(step, { tenant, notifier }, null); campaign !== undefined; ) {
    if (first || mayLeave(step, tenant, campaign)) {
      const sql = `SELECT id FROM {notifications}
        WHERE state = 'pending' AND tenant = ? AND notifier = ? AND campaign = ? AND not_before <= ?
          AND (expires_at IS NULL OR expires_at > ?) AND (open_until IS NULL OR open_until > ?)
          ${first ? "" : "AND mode <> 'idempotent' AND was_ambiguous = 0"}
        ORDER BY not_before, id LIMIT ?`;
      const values = [tenant, notifier, campaign, iso, iso, iso, limit - rows.length];
      rows.push(...(step.all(sql, ...values) as unknown as { readonly id: string }[]));
    }
    if (rows.length >= limit) break;
    campaign = firstCampaign(step, { tenant, notifier }, campaign);
  }
  return rows;
}

function firstCampaign(step: Step, { tenant, notifier }: StrandedLane, after: string | null): string | undefined {
  const beyond = after === null ? "" : "AND campaign > ?";
  const sql = `SELECT campaign FROM {notifications} WHERE state = 'pending' AND tenant = ? AND notifier = ? ${beyond}
    ORDER BY campaign LIMIT 1`;
  const row = step.get(sql, tenant, notifier, ...(after === null ? [] : [after]));
  return row === undefined ? undefined : String(row.campaign);
}

function mayLeave(step: Step, tenant: string, campaign: string): boolean {
  const sql = `SELECT 1 FROM {campaigns} WHERE tenant = ? AND id = ? AND json_type(definition, '$.failover') = 'false'`;
  return campaign === "" || step.get(sql, tenant, campaign) === undefined;
}

function decode(row: SqlRow): Provider {
  const { isPrimary, ...provider } = codec.decode(row);
  return { ...provider, primary: isPrimary };
}

function find(step: Step, { tenant, id }: ProviderKey): Provider | undefined {
  const row = step.get("SELECT * FROM {providers} WHERE tenant = ? AND id = ?", tenant, id);
  return row && decode(row);
}

function accountOf(step: Step, row: SqlRow): Account {
  const provider = decode(row);
  return { provider, lane: findLane(step, provider.tenant, laneOfAccount(provider)) };
}

/** Writes an account, and its lane as its state and the given limits have it. */
function store(
  step: Step,
  before: ProviderState | null,
  provider: Provider,
  limits: AccountLimits,
  { by, why }: Person,
  at: Date,
): Account {
  const { primary, ...row } = provider;
  const { tenant, id, channel } = provider;
  if (primary) {
    const others =
      "UPDATE {providers} SET is_primary = 0 WHERE tenant = ? AND channel = ? AND is_primary = 1 AND id <> ?";
    step.run(others, tenant, channel, id);
  }
  step.run(
    `INSERT INTO {providers} (${codec.columns}) VALUES (${codec.marks}) ON CONFLICT (tenant, id) DO UPDATE SET ${kept}`,
    ...codec.values({ ...row, isPrimary: primary }),
  );
  const stored = findLane(step, tenant, laneOfAccount(provider));
  const limited = limits.rate !== undefined || limits.quota !== undefined;
  const paused = isLanePaused(before, provider.state, stored.paused);
  const lane = { ...(limited ? withLimits(stored, limits) : stored), paused };
  storeLane(step, lane);
  const acts = [...(limited ? ["limit"] : []), ...(paused === stored.paused ? [] : [paused ? "pause" : "resume"])];
  for (const act of acts) insertAct(step, { tenant, entity: "lane", entityId: lane.notifier, act, by, why, at });
  return { provider, lane };
}

const kept: string = codec.columns
  .split(", ")
  .filter((column) => column !== "tenant" && column !== "id")
  .map((column) => `${column} = excluded.${column}`)
  .join(", ");
