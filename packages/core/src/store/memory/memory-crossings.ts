import { queuedNotification } from "../../delivery/moves.js";
import type { NewNotification } from "../../delivery/notification.js";
import {
  type ClaimedCrossing,
  type CrossingKey,
  crossingOf,
  recordedCrossing,
  type StoredCrossing,
} from "../../milestone/crossing.js";
import { compareKeys } from "../../text-key.js";
import type { CrossingRepository } from "../crossing-repository.js";
import { counterKeyText } from "../tally.js";
import { limitsOf } from "./memory-limits.js";
import { notificationKeyText } from "./memory-notifications.js";
import { reasonCounts } from "./reason-counts.js";
import { keyOf, later, type Tables } from "./tables.js";

export function memoryCrossings(tables: Tables): CrossingRepository {
  function leasedRow(input: { tenant: string; id: string; fence: number }): StoredCrossing | undefined {
    const row = tables.crossings.get(keyOf(input.tenant, input.id));
    return row?.state === "leased" && row.fence === input.fence ? row : undefined;
  }
  function store(row: StoredCrossing): void {
    tables.crossings.set(keyOf(row.tenant, row.id), row);
  }
  function insertNotification(input: NewNotification, now: Date): void {
    const key = notificationKeyText({ ...input, redrive: 0 });
    if (tables.notificationKeys.has(key)) return;
    tables.notificationKeys.add(key);
    tables.notifications.set(keyOf(input.tenant, input.id), queuedNotification(input, now));
  }

  return {
    async commitEvaluation({ evaluations, now = tables.clock() }) {
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

        for (const crossing of evaluation.crossings) {
          if (tables.crossingKeys.has(crossingKeyText(crossing))) continue;
          tables.crossingKeys.add(crossingKeyText(crossing));
          store(recordedCrossing(crossing, now));
        }
        tables.counters.set(key, {
          ...row,
          ...evaluation.band,
          state: evaluation.state,
          generation: evaluation.reached,
          folded: evaluation.upTo,
          due: row.rev > evaluation.upTo,
          trail: row.trail.filter((trail) => trail.rev > evaluation.upTo),
        });
        return "committed";
      });
    },

    async claim({ milestones, limit, lease, now = tables.clock() }) {
      const ready = (row: StoredCrossing) =>
        (row.state === "pending" && row.notBefore <= now) ||
        (row.state === "leased" && row.leaseUntil !== null && row.leaseUntil <= now);
      return [...tables.crossings.values()]
        .filter((row) => milestones.includes(row.milestone) && ready(row))
        .sort((a, b) => a.notBefore.getTime() - b.notBefore.getTime() || compareKeys(a.id, b.id))
        .slice(0, limit)
        .map((row): ClaimedCrossing => {
          const leased: StoredCrossing = {
            ...row,
            state: "leased",
            fence: row.fence + 1,
            attempts: row.attempts + 1,
            leaseUntil: later(now, lease),
          };
          store(leased);
          return { ...crossingOf(leased), fence: leased.fence };
        });
    },

    async announce({ notifications, templates, last, lease, now = tables.clock(), ...input }) {
      const row = leasedRow(input);
      if (row === undefined) return { result: "lost", notifications: 0 };
      for (const [hash, template] of Object.entries(templates)) {
        const key = keyOf(row.tenant, hash);
        if (!tables.templates.has(key)) tables.templates.set(key, template);
      }
      for (const notification of notifications) {
        const lane = keyOf(notification.tenant, notification.notifier);
        if (!tables.lanes.has(lane)) {
          const { tenant, notifier } = notification;
          tables.lanes.set(lane, { tenant, notifier, paused: false, notBefore: null });
        }
        insertNotification(notification, now);
      }
      const count = [...tables.notifications.values()].filter(
        (n) => n.tenant === row.tenant && n.source.kind === "crossing" && n.source.id === row.id && n.redrive === 0,
      ).length;
      if (!last) {
        store({ ...row, notifications: count, leaseUntil: later(now, lease) });
        return { result: "continued", notifications: count };
      }
      const state = count > 0 ? "announced" : "unaddressed";
      const reason = count > 0 ? null : "unaddressed";
      store({ ...row, notifications: count, state, reason, detail: null, leaseUntil: null });
      return { result: state, notifications: count };
    },

    async release({ to, retryIn, refund, reason, detail, now = tables.clock(), ...input }) {
      const row = leasedRow(input);
      if (row === undefined) return false;
      store({
        ...row,
        state: to,
        detail,
        leaseUntil: null,
        reason: to === "failed" ? reason : null,
        notBefore: later(now, retryIn),
        attempts: refund ? row.attempts - 1 : row.attempts,
      });
      return true;
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

export function crossingKeyText(key: CrossingKey): string {
  return keyOf(key.tenant, key.milestone, key.subject, key.period, key.threshold, key.limitVersion, key.arming);
}
