import { withLimits } from "../../delivery/gate.js";
import { type Lane, openLane } from "../../delivery/lane.js";
import { isOpen } from "../../delivery/moves.js";
import type { Notification } from "../../delivery/notification.js";
import { laneOfAccount, type Provider, type ProviderKey, type ProviderState } from "../../provider/provider.js";
import {
  isLanePaused,
  newProvider,
  providerMove,
  shareChannel,
  unrecordedActs,
} from "../../provider/provider-moves.js";
import { type Account, moverName, standInFor, whyMoved } from "../../provider/stand-in.js";
import { compareKeys } from "../../text-key.js";
import type { AccountLimits, ProviderRepository, StrandedLane } from "../provider-repository.js";
import { providerNotFound } from "../refusals.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryProviders(tables: Tables): ProviderRepository {
  const find = ({ tenant, id }: ProviderKey) => tables.providers.get(keyOf(tenant, id));
  const laneOf = (provider: Provider): Lane => {
    const notifier = laneOfAccount(provider);
    return tables.lanes.get(keyOf(provider.tenant, notifier)) ?? openLane(provider.tenant, notifier);
  };
  const accountsOf = (tenant: string): Account[] =>
    [...tables.providers.values()]
      .filter((provider) => provider.tenant === tenant)
      .sort((a, b) => compareKeys(a.id, b.id))
      .map((provider) => ({ provider, lane: laneOf(provider) }));

  const record = (tenant: string, entity: string, entityId: string, act: string, person: Person, at: Date) =>
    tables.acts.push({ tenant, entity, entityId, act, by: person.by, why: person.why, at });

  /** Stores an account, and its lane as its state and the given limits have it. */
  function store(
    stateBefore: ProviderState | null,
    provider: Provider,
    limits: AccountLimits,
    person: Person,
    now: Date,
  ): Account {
    const { tenant } = provider;
    if (provider.primary) {
      for (const other of tables.providers.values()) {
        if (other.id === provider.id || !other.primary || !shareChannel(other, provider)) continue;
        tables.providers.set(keyOf(tenant, other.id), { ...other, primary: false });
      }
    }
    tables.providers.set(keyOf(tenant, provider.id), provider);
    const before = laneOf(provider);
    const limited = limits.rate !== undefined || limits.quota !== undefined;
    const paused = isLanePaused(stateBefore, provider.state, before.paused);
    const lane = { ...(limited ? withLimits(before, limits) : before), paused };
    tables.lanes.set(keyOf(tenant, lane.notifier), lane);
    if (limited) record(tenant, "lane", lane.notifier, "limit", person, now);
    if (paused !== before.paused) record(tenant, "lane", lane.notifier, paused ? "pause" : "resume", person, now);
    tables.wakeUps.wake();
    return { provider, lane };
  }

  return {
    async add({ provider: given, rate, quota, by, why, now = tables.clock() }) {
      const removed = find(given);
      const hasPrimary = [...tables.providers.values()].some((each) => each.primary && shareChannel(each, given));
      const provider = newProvider(given, { removed, hasPrimary }, now);
      record(given.tenant, "provider", given.id, "add", { by, why }, now);
      return store(removed?.state ?? null, provider, { rate, quota }, { by, why }, now);
    },

    async act({ tenant, id, move, rate, quota, by, why, now = tables.clock() }) {
      const provider = find({ tenant, id });
      if (provider === undefined) throw providerNotFound(id);
      const patch = providerMove(provider, move, now);
      if (patch === null) return null;
      if (!unrecordedActs.has(move.act)) record(tenant, "provider", id, move.act, { by, why }, now);
      return store(provider.state, { ...provider, ...patch }, { rate, quota }, { by, why }, now);
    },

    get: async (key) => find(key) ?? null,

    async list({ tenant, removed = false, after, limit }) {
      return accountsOf(tenant)
        .filter(({ provider }) => removed || provider.state !== "removed")
        .filter(({ provider }) => after === undefined || compareKeys(provider.id, after) > 0)
        .slice(0, limit);
    },

    async sealed({ after, limit }) {
      return [...tables.providers.values()]
        .filter(({ credentials }) => credentials !== null)
        .sort((a, b) => compareKeys(a.tenant, b.tenant) || compareKeys(a.id, b.id))
        .filter(
          ({ tenant, id }) =>
            after === null || compareKeys(tenant, after.tenant) > 0 || (tenant === after.tenant && id > after.id),
        )
        .slice(0, limit);
    },

    async reseal({ from, to, ...key }) {
      const provider = find(key);
      if (provider?.credentials !== from) return false;
      tables.providers.set(keyOf(key.tenant, key.id), { ...provider, credentials: to });
      return true;
    },

    async stranded({ after, limit, now = tables.clock() }) {
      const pending = new Map<string, StrandedLane>();
      for (const { tenant, notifier, state } of tables.notifications.values()) {
        if (state === "pending") pending.set(keyOf(tenant, notifier), { tenant, notifier });
      }
      return [...pending.values()]
        .filter(({ tenant, notifier }) => {
          const accounts = accountsOf(tenant);
          const held = accounts.some(
            ({ provider, lane }) =>
              laneOfAccount(provider) === notifier &&
              (provider.state !== "active" || (lane.quota !== null && lane.notBefore !== null && lane.notBefore > now)),
          );
          return held || accounts.some(({ provider }) => provider.family === notifier && provider.state === "active");
        })
        .sort((a, b) => compareKeys(a.tenant, b.tenant) || compareKeys(a.notifier, b.notifier))
        .filter(
          ({ tenant, notifier }) =>
            after === null ||
            compareKeys(tenant, after.tenant) > 0 ||
            (tenant === after.tenant && compareKeys(notifier, after.notifier) > 0),
        )
        .slice(0, limit);
    },

    async failover({ tenant, notifier, limit, now = tables.clock() }) {
      const next = standInFor(notifier, accountsOf(tenant), now);
      if (next === null) return { moved: 0, to: null };
      const rows = [...tables.notifications.values()].filter((row) => row.tenant === tenant && row.state === "pending");
      const waiting = rows.filter((row) => row.notifier === next.to).length;
      const moving = rows
        .filter((row) => row.notifier === notifier && isOpen(row, now))
        .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
        .filter((row) => next.first || mayMove(tables, row))
        .sort((a, b) => a.notBefore.getTime() - b.notBefore.getTime() || compareKeys(a.id, b.id))
        .slice(0, Math.max(0, Math.min(limit, next.room - waiting)));
      for (const row of moving) {
        tables.notifications.set(keyOf(tenant, row.id), { ...row, notifier: next.to });
        const why = whyMoved(notifier, next);
        record(tenant, "notification", row.id, "failover", { by: moverName, why }, now);
      }
      if (moving.length > 0) tables.wakeUps.wake();
      return { moved: moving.length, to: next.to };
    },
  };
}

interface Person {
  readonly by: string;
  readonly why: string;
}

function mayMove(tables: Tables, { tenant, source, mode, wasAmbiguous }: Notification): boolean {
  const campaign = source.kind === "campaign" ? tables.campaigns.get(keyOf(tenant, source.id)) : undefined;
  return mode !== "idempotent" && !wasAmbiguous && campaign?.definition.failover !== false;
}
