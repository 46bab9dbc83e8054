import { everything, heavierOf, nextBounces, type Suppression } from "../../recipient/suppression.js";
import { compareKeys } from "../../text-key.js";
import { releaseEvent } from "../../tracking/address-events.js";
import type { AddressKey, SuppressionRepository } from "../suppression-repository.js";
import { addressAct, keepAddressEvent, stopForbidden } from "./suppression-steps.js";
import { keyOf, type Tables } from "./tables.js";

export function memorySuppressions(tables: Tables): SuppressionRepository {
  const key = ({ tenant, recipientKey }: AddressKey, scope: string) => keyOf(tenant, recipientKey, scope);

  const act = (address: AddressKey, name: string, by: string, why: string, at: Date) =>
    addressAct(tables, address, name, { by, why, at });
  const stop = (address: AddressKey, now: Date) => stopForbidden(tables, address, now);

  function suppress(given: Suppression): Suppression {
    const suppression = heavierOf(tables.suppressions.get(key(given, given.scope)), given);
    tables.suppressions.set(key(given, given.scope), suppression);
    return suppression;
  }

  type Placed = AddressKey & { readonly scope: string };
  function page<Row extends Placed>(
    rows: Iterable<Row>,
    wanted: { readonly tenant: string; readonly recipientKeys?: readonly string[]; readonly scope?: string },
    after: Omit<Placed, "tenant"> | undefined,
    limit: number,
  ): readonly Row[] {
    const order = (a: Omit<Placed, "tenant">, b: Omit<Placed, "tenant">) =>
      compareKeys(a.recipientKey, b.recipientKey) || compareKeys(a.scope, b.scope);
    return [...rows]
      .filter((row) => row.tenant === wanted.tenant)
      .filter((row) => wanted.recipientKeys === undefined || wanted.recipientKeys.includes(row.recipientKey))
      .filter((row) => wanted.scope === undefined || row.scope === wanted.scope)
      .filter((row) => after === undefined || order(row, after) > 0)
      .sort(order)
      .slice(0, limit);
  }

  return {
    async add({ tenant, recipientKey, scope, reason, detail, by, why, now = tables.clock() }) {
      const suppression = suppress({ tenant, recipientKey, scope, reason, detail, by, at: now });
      act(suppression, "suppress", by, why, now);
      return { suppression, stopped: stop(suppression, now) };
    },

    async bounced({ tenant, recipientKey, limit, within, detail, by, why, now = tables.clock() }) {
      const address = { tenant, recipientKey };
      const bounces = nextBounces(tables.bounces.get(keyOf(tenant, recipientKey)), within, now);
      if (bounces.count < limit) {
        tables.bounces.set(keyOf(tenant, recipientKey), bounces);
        const standing = tables.suppressions.get(key(address, everything)) ?? null;
        return { bounces: bounces.count, suppression: standing, stopped: 0 };
      }
      tables.bounces.delete(keyOf(tenant, recipientKey));
      const suppression = suppress({ ...address, scope: everything, reason: "soft_bounces", detail, by, at: now });
      act(address, "suppress", by, why, now);
      return { bounces: bounces.count, suppression, stopped: stop(address, now) };
    },

    async release({ tenant, recipientKey, scope, by, why, now = tables.clock() }) {
      const address = { tenant, recipientKey };
      if (!tables.suppressions.delete(key(address, scope))) return false;
      tables.bounces.delete(keyOf(tenant, recipientKey));
      keepAddressEvent(tables, address, releaseEvent(scope, now));
      act(address, "release", by, why, now);
      return true;
    },

    async list({ reason, after, limit, ...wanted }) {
      const rows = [...tables.suppressions.values()].filter((row) => reason === undefined || row.reason === reason);
      return page(rows, wanted, after, limit);
    },

    async consent({ tenant, recipientKey, scope, granted, source, by, why, now = tables.clock() }) {
      const consent = { tenant, recipientKey, scope, granted, source, by, at: now };
      tables.consents.set(key(consent, scope), consent);
      act(consent, granted ? "consent" : "withdraw", by, why, now);
      return { consent, stopped: stop(consent, now) };
    },

    async consents({ after, limit, ...wanted }) {
      return page(tables.consents.values(), wanted, after, limit);
    },
  };
}
