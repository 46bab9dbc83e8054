import { type CrossingKey, crossingOf, recordedCrossing, type StoredCrossing } from "../../milestone/crossing.js";
import { recordedNotice } from "../../milestone/notice.js";
import { compareKeys } from "../../text-key.js";
import type { CrossingRepository } from "../crossing-repository.js";
import { noEffects } from "../refusals.js";
import { counterKeyText } from "../tally.js";
import { announcementSteps } from "./announcement-steps.js";
import { appliedLevels } from "./memory-levels.js";
import { limitsOf } from "./memory-limits.js";
import { noticeKeyText } from "./memory-notices.js";
import { reasonCounts } from "./reason-counts.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryCrossings(tables: Tables): CrossingRepository {
  const steps = announcementSteps(tables, tables.crossings, "crossing");
  function stored({ tenant, id }: { tenant: string; id: string }): boolean {
    return tables.crossings.has(keyOf(tenant, id));
  }
  function store(row: StoredCrossing): void {
    tables.crossings.set(keyOf(row.tenant, row.id), row);
  }

  return {
    async commitEvaluation({ evaluations, now = tables.clock() }) {
      const { noted } = tables;
      if (noted === undefined && evaluations.some(({ effects = [] }) => effects.length > 0)) throw noEffects();
      return evaluations.map((evaluation) => {
        const key = counterKeyText(evaluation);
        const row = tables.counters.get(key);
        const generation = tables.definitions.get(evaluation.metric)?.generation;
        if (row?.folded !== evaluation.from || generation !== evaluation.generation) return "lost";
        // An idle counter's `folded` may stay where it is, so only its generation shows that another was first.
        const idle = evaluation.rev !== undefined;
        if (idle && (row.rev !== evaluation.rev || row.generation >= evaluation.reached)) return "lost";

        const { witness } = evaluation;
        const seen = row.trail.find(({ rev }) => rev === witness?.rev)?.ids.at(-1);
        if (witness !== undefined && seen !== witness.id) return "lost";

        const applied = limitsOf(tables, evaluation)?.filter((limit) => limit.applied).length ?? 0;
        if ((evaluation.limitsSeen ?? applied) !== applied) return "lost";
        const { tenant, levelsSeen = [] } = evaluation;
        if (levelsSeen.some((seen) => appliedLevels(tables, { tenant, ...seen }) !== seen.applied)) return "lost";

        for (const crossing of evaluation.crossings) {
          if (tables.crossingKeys.has(crossingKeyText(crossing))) continue;
          tables.crossingKeys.add(crossingKeyText(crossing));
          const row = recordedCrossing(crossing, now);
          store(row);
          if (row.state === "pending") tables.wakeUps.wake();
        }
        const isNew = (id: string) => evaluation.crossings.some((crossing) => crossing.id === id && stored(crossing));
        noted?.push(...(evaluation.effects ?? []).filter(({ crossing }) => crossing === null || isNew(crossing)));
        for (const notice of evaluation.notices ?? []) {
          const once = noticeKeyText(notice);
          if (tables.noticeKeys.has(once)) continue;
          tables.noticeKeys.add(once);
          tables.notices.set(keyOf(notice.tenant, notice.id), recordedNotice(notice, now));
          tables.wakeUps.wake();
        }
        tables.counters.set(key, {
          ...row,
          ...evaluation.band,
          state: evaluation.state,
          wakeAt: evaluation.wakeAt ?? null,
          generation: evaluation.reached,
          folded: evaluation.upTo,
          due: row.rev > evaluation.upTo,
          trail: row.trail.filter((trail) => trail.rev > evaluation.upTo),
        });
        tables.parked.delete(key);
        return "committed";
      });
    },

    claim: async (input) => steps.claim(input).map((row) => ({ ...crossingOf(row), fence: row.fence })),
    announce: async (input) => steps.announce(input),
    release: async (input) => steps.release(input),

    async get({ keys }) {
      return keys.flatMap(({ tenant, id }) => tables.crossings.get(keyOf(tenant, id)) ?? []).map(crossingOf);
    },

    async list({ tenant, subject, milestone, metric, period, ids, eventIds, states, after, limit }) {
      return [...tables.crossings.values()]
        .filter((row) => row.tenant === tenant)
        .filter((row) => subject === undefined || row.subject === subject)
        .filter((row) => milestone === undefined || row.milestone === milestone)
        .filter((row) => metric === undefined || row.metric === metric)
        .filter((row) => period === undefined || row.period === period)
        .filter((row) => ids === undefined || ids.includes(row.id))
        .filter((row) => eventIds === undefined || eventIds.includes(row.eventId))
        .filter((row) => states === undefined || states.includes(row.state))
        .filter((row) => after === undefined || compareKeys(row.id, after) > 0)
        .sort((a, b) => compareKeys(a.id, b.id))
        .slice(0, limit)
        .map(crossingOf);
    },

    async reasons({ tenant, milestone, since, until }) {
      const rows = [...tables.crossings.values()]
        .filter((row) => row.tenant === tenant && (milestone ?? row.milestone) === row.milestone)
        .filter(({ createdAt }) => (since ?? createdAt) <= createdAt && (until === undefined || createdAt < until));
      return reasonCounts(rows);
    },
  };
}

/** What makes a crossing unique, as one text. */
export function crossingKeyText(key: CrossingKey): string {
  return keyOf(key.tenant, key.milestone, key.subject, key.period, key.threshold, key.limitVersion, key.arming);
}
