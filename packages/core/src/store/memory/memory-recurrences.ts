import { newCampaign } from "../../campaign/campaign-moves.js";
import { putMove, type Recurrence, type RecurrenceKey } from "../../campaign/recurrence.js";
import { compareKeys } from "../../text-key.js";
import type { RecurrenceRepository } from "../recurrence-repository.js";
import { recurrenceNotFound } from "../refusals.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryRecurrences(tables: Tables): RecurrenceRepository {
  const find = ({ tenant, id }: RecurrenceKey) => tables.recurrences.get(keyOf(tenant, id));
  const store = (recurrence: Recurrence): Recurrence => {
    tables.recurrences.set(keyOf(recurrence.tenant, recurrence.id), recurrence);
    return recurrence;
  };
  const record = (
    { tenant, id }: RecurrenceKey,
    act: string,
    { by, why }: { readonly by: string; readonly why: string },
    at: Date,
  ) => void tables.acts.push({ tenant, entity: "recurrence", entityId: id, act, by, why, at });

  return {
    async put({ recurrence: given, by, why, now = tables.clock() }) {
      const existing = find(given);
      const recurrence = putMove(existing ?? null, given, now);
      if (recurrence === null) return existing!;
      record(given, existing === undefined ? "create" : "edit", { by, why }, now);
      return store(recurrence);
    },

    async get(key) {
      return find(key) ?? null;
    },

    async list({ tenant, after, limit }) {
      return [...tables.recurrences.values()]
        .filter((recurrence) => recurrence.tenant === tenant)
        .filter(({ id }) => after === undefined || compareKeys(id, after) > 0)
        .sort((a, b) => compareKeys(a.id, b.id))
        .slice(0, limit);
    },

    async setPaused({ paused, nextAt, by, why, now = tables.clock(), ...key }) {
      const recurrence = find(key);
      if (recurrence === undefined) throw recurrenceNotFound(key.id);
      const state = paused ? "paused" : "active";
      if (recurrence.state === state) return recurrence;
      record(key, paused ? "pause" : "resume", { by, why }, now);
      return store({ ...recurrence, state, ...(!paused && { nextAt }) });
    },

    async remove({ by, why, now = tables.clock(), ...key }) {
      if (!tables.recurrences.delete(keyOf(key.tenant, key.id))) return false;
      record(key, "remove", { by, why }, now);
      return true;
    },

    async due({ codes, limit, now = tables.clock() }) {
      const recurrences = [...tables.recurrences.values()]
        .filter(({ state, nextAt }) => state === "active" && nextAt !== null && nextAt <= now)
        .filter(({ code }) => code === "" || codes.includes(code))
        .sort(
          (a, b) =>
            a.nextAt!.getTime() - b.nextAt!.getTime() || compareKeys(a.tenant, b.tenant) || compareKeys(a.id, b.id),
        )
        .slice(0, limit);
      return { now, recurrences };
    },

    async occur({ was, campaign, skipped, nextAt, last, by, why, now = tables.clock(), ...key }) {
      const recurrence = find(key);
      if (recurrence?.state !== "active" || recurrence.nextAt?.getTime() !== was.getTime()) return false;
      const { tenant, id } = recurrence;
      if (campaign !== null && !tables.campaigns.has(keyOf(tenant, campaign.id))) {
        tables.campaigns.set(keyOf(tenant, campaign.id), newCampaign(campaign, now));
        tables.acts.push({ tenant, entity: "campaign", entityId: campaign.id, act: "create", by, why, at: now });
        tables.wakeUps.wake();
      }
      for (const skip of skipped) {
        const at = keyOf(tenant, id, skip.occurrence);
        if (!tables.skips.has(at)) tables.skips.set(at, { ...skip, tenant, id });
      }
      store({ ...recurrence, nextAt, last });
      return true;
    },

    async skips({ tenant, id, before, limit }) {
      return [...tables.skips.values()]
        .filter((skip) => skip.tenant === tenant && skip.id === id)
        .filter(({ occurrence }) => before === undefined || compareKeys(occurrence, before) < 0)
        .sort((a, b) => compareKeys(b.occurrence, a.occurrence))
        .slice(0, limit)
        .map(({ occurrence, at, reason }) => ({ occurrence, at, reason }));
    },
  };
}
