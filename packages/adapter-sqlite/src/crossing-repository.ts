import {
  type AnnounceResult,
  type ClaimedCrossing,
  type CounterEvaluation,
  type CrossingRepository,
  compareKeys,
  crossingOf,
  queuedNotification,
  type ReasonCount,
  recordedCrossing,
  type StoredCrossing,
} from "@milepost/core/store";
import { allOf, later, list } from "./conditions.js";
import { byCounterKey, counterKeyValues } from "./counter-key.js";
import type { Driver, Step } from "./driver.js";
import { appliedLimits } from "./limit-repository.js";
import { insertNotification } from "./notification-row.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<StoredCrossing> = rowCodec<StoredCrossing>({
  tenant: "plain",
  id: "plain",
  milestone: "plain",
  metric: "plain",
  subject: "plain",
  period: "plain",
  threshold: "plain",
  limitVersion: "plain",
  arming: "plain",
  at: "plain",
  direction: "plain",
  code: "plain",
  severity: "plain",
  limitAmount: "plain",
  skipped: "plain",
  previous: "plain",
  value: "plain",
  eventId: "plain",
  reachedAt: "time",
  state: "plain",
  reason: "plain",
  detail: "plain",
  notifications: "plain",
  attempts: "plain",
  fence: "plain",
  leaseUntil: "time",
  notBefore: "time",
  createdAt: "time",
});

export function crossingRepository(driver: Driver): CrossingRepository {
  return {
    commitEvaluation({ evaluations, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        return evaluations.map((evaluation) => (commitOne(step, evaluation, at) ? "committed" : "lost"));
      });
    },

    claim({ milestones, limit, lease, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const rows = step.all(claimSql, {
          milestones: list(milestones),
          limit,
          now: at.toISOString(),
          leaseUntil: later(at, lease).toISOString(),
        });
        // RETURNING has no order of its own
        return rows
          .map(codec.decode)
          .sort((a, b) => a.notBefore.getTime() - b.notBefore.getTime() || compareKeys(a.id, b.id))
          .map((row): ClaimedCrossing => ({ ...crossingOf(row), fence: row.fence }));
      });
    },

    announce({ tenant, id, fence, notifications, templates, last, lease, now }) {
      return driver.write((step): AnnounceResult => {
        const held = "SELECT 1 FROM {crossings} WHERE tenant = ? AND id = ? AND fence = ? AND state = 'leased'";
        if (step.get(held, tenant, id, fence) === undefined) return { result: "lost", notifications: 0 };

        const at = step.now(now);
        for (const [hash, template] of Object.entries(templates)) {
          step.run(
            "INSERT INTO {templates} (tenant, hash, content, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            ...[tenant, hash, JSON.stringify(template), at.toISOString()],
          );
        }
        for (const notification of notifications) {
          step.run(
            "INSERT INTO {lanes} (tenant, notifier) VALUES (?, ?) ON CONFLICT DO NOTHING",
            ...[notification.tenant, notification.notifier],
          );
          insertNotification(step, queuedNotification(notification, at));
        }
        const counted = step.one(
          "SELECT count(*) AS stored FROM {notifications} " +
            "WHERE tenant = ? AND source_kind = 'crossing' AND source_id = ? AND redrive = 0",
          ...[tenant, id],
        );
        const stored = counted.stored as number;
        if (!last) {
          const leaseUntil = later(at, lease);
          patchCrossing(step, { tenant, id, patch: { notifications: stored, leaseUntil } });
          return { result: "continued", notifications: stored };
        }
        const state = stored > 0 ? "announced" : "unaddressed";
        const reason = stored > 0 ? null : "unaddressed";
        const ended = { state, reason, detail: null, leaseUntil: null } as const;
        patchCrossing(step, { tenant, id, patch: { ...ended, notifications: stored } });
        return { result: state, notifications: stored };
      });
    },

    release({ tenant, id, fence, to, retryIn, refund, reason, detail, now }) {
      return driver.write((step) => {
        const held = "SELECT attempts FROM {crossings} WHERE tenant = ? AND id = ? AND fence = ? AND state = 'leased'";
        const row = step.get(held, tenant, id, fence);
        if (row === undefined) return false;
        const attempts = (row.attempts as number) - (refund ? 1 : 0);
        const notBefore = later(step.now(now), retryIn);
        const why = { reason: to === "failed" ? reason : null, detail };
        patchCrossing(step, {
          tenant,
          id,
          patch: { state: to, ...why, leaseUntil: null, notBefore, attempts },
        });
        return true;
      });
    },

    list({ tenant, subject, milestone, metric, period, ids, eventIds, states, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["subject = ?", subject],
        ["milestone = ?", milestone],
        ["metric = ?", metric],
        ["period = ?", period],
        ["id IN (SELECT value FROM json_each(?))", list(ids)],
        ["event_id IN (SELECT value FROM json_each(?))", list(eventIds)],
        ["state IN (SELECT value FROM json_each(?))", list(states)],
        ["id > ?", after],
      ]);
      const sql = `SELECT * FROM {crossings} WHERE ${where} ORDER BY id LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map((row) => crossingOf(codec.decode(row))));
    },

    reasons({ tenant, milestone, since, until }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["milestone = ?", milestone],
        ["created_at >= ?", since?.toISOString()],
        ["created_at < ?", until?.toISOString()],
      ]);
      const sql = `SELECT reason, count(*) AS count FROM {crossings} WHERE ${where} AND reason IS NOT NULL
        GROUP BY reason ORDER BY reason`;
      return driver.read((step) => step.all(sql, ...values) as unknown as ReasonCount[]);
    },
  };
}

/** Two limited searches, each by its own partial index: one over both states would read and sort all that is pending. */
const claimSql = `UPDATE {crossings}
  SET state = 'leased', fence = fence + 1, attempts = attempts + 1, lease_until = @leaseUntil
  WHERE rowid IN (
    SELECT row FROM (
      SELECT * FROM (
        SELECT rowid AS row, not_before, id FROM {crossings}
          WHERE state = 'pending' AND not_before <= @now AND milestone IN (SELECT value FROM json_each(@milestones))
          ORDER BY not_before, id LIMIT @limit)
      UNION ALL
      SELECT * FROM (
        SELECT rowid AS row, not_before, id FROM {crossings}
          WHERE state = 'leased' AND lease_until <= @now AND milestone IN (SELECT value FROM json_each(@milestones))
          ORDER BY not_before, id LIMIT @limit)
    ) ORDER BY not_before, id LIMIT @limit)
  RETURNING *`;

/** Whether the counter was still where this evaluation started from; then all of it is written. */
function commitOne(step: Step, evaluation: CounterEvaluation, now: Date): boolean {
  const { generation, reached, rev = null, from, upTo, witness, limitsSeen, band, state, crossings } = evaluation;
  if (limitsSeen !== undefined && appliedLimits(step, evaluation) !== limitsSeen) return false;
  if (witness !== undefined) {
    const last = `SELECT json_extract(ids, '$[#-1]') AS id FROM {trail} WHERE ${byCounterKey} AND rev = ?`;
    if (step.get(last, ...counterKeyValues(evaluation), witness.rev)?.id !== witness.id) return false;
  }
  const moved = step.run(
    `UPDATE {counters} SET folded = ?, due = (rev > ?), below = ?, above = ?, state = ?, generation = ?
      WHERE ${byCounterKey} AND folded = ? AND (? IS NULL OR (rev = ? AND generation < ?))
        AND EXISTS (SELECT 1 FROM {definitions} d WHERE d.metric = {counters}.metric AND d.generation = ?)`,
    ...[upTo, upTo, band.below, band.above, JSON.stringify(state), reached],
    ...[...counterKeyValues(evaluation), from, rev, rev, reached, generation],
  );
  if (moved === 0) return false;

  for (const crossing of crossings) {
    step.run(
      `INSERT INTO {crossings} (${codec.columns}) VALUES (${codec.marks})
        ON CONFLICT (tenant, milestone, subject, period, threshold, limit_version, arming) DO NOTHING`,
      ...codec.values(recordedCrossing(crossing, now)),
    );
  }
  step.run(`DELETE FROM {trail} WHERE ${byCounterKey} AND rev <= ?`, ...[...counterKeyValues(evaluation), upTo]);
  return true;
}

function patchCrossing(
  step: Step,
  { tenant, id, patch }: { tenant: string; id: string; patch: Partial<StoredCrossing> },
): void {
  const { set, values } = codec.assignments(patch);
  step.run(`UPDATE {crossings} SET ${set} WHERE tenant = ? AND id = ?`, ...values, tenant, id);
}
