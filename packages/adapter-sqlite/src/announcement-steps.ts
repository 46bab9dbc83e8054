import { type AnnounceResult, type CrossingRepository, compareKeys, type StoredCrossing } from "@milepost/core/store";
import { later, list } from "./conditions.js";
import type { Driver } from "./driver.js";
import { queueNotifications } from "./queue-notifications.js";
import type { RowCodec } from "./row-codec.js";

/** What announcing needs of a row, whatever is announced. */
type Announceable = Pick<
  StoredCrossing,
  "tenant" | "id" | "reason" | "detail" | "notifications" | "attempts" | "fence" | "leaseUntil" | "notBefore"
> & { readonly state: string };

/** Where the rows are that are announced, and of which source kind their notifications. */
export interface AnnouncedTable<Row, Claimed> {
  readonly table: "crossings" | "notices";
  readonly kind: "crossing" | "notice";
  readonly codec: RowCodec<Row>;
  claimedOf(row: Row): Claimed;
}

export interface AnnouncementSteps<Claimed> extends Pick<CrossingRepository, "announce" | "release"> {
  claim(input: Parameters<CrossingRepository["claim"]>[0]): Promise<readonly Claimed[]>;
}

/** Claiming, announcing and giving back: the same for crossings and for what is said of them later. */
export function announcementSteps<Row extends Announceable, Claimed>(
  driver: Driver,
  { table, kind, codec, claimedOf }: AnnouncedTable<Row, Claimed>,
): AnnouncementSteps<Claimed> {
  const claimSql = claimText(table);
  const heldSql = `SELECT attempts FROM {${table}} WHERE tenant = ? AND id = ? AND fence = ? AND state = 'leased'`;
  const countSql = `SELECT count(*) AS stored FROM {notifications}
    WHERE tenant = ? AND source_kind = '${kind}' AND source_id = ? AND redrive = 0`;
  const patchText = (set: string) => `UPDATE {${table}} SET ${set} WHERE tenant = ? AND id = ?`;

  return {
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
          .map(claimedOf);
      });
    },

    announce({ tenant, id, fence, notifications, templates, last, lease, now }) {
      return driver.write((step): AnnounceResult => {
        if (step.get(heldSql, tenant, id, fence) === undefined) return { result: "lost", notifications: 0 };

        const at = step.now(now);
        queueNotifications(step, tenant, { notifications, templates }, at);
        const stored = step.one(countSql, tenant, id).stored as number;
        const patch = (to: Partial<Announceable>) => {
          const { set, values } = codec.assignments(to as Partial<Row>);
          step.run(patchText(set), ...values, tenant, id);
        };
        if (!last) {
          patch({ notifications: stored, leaseUntil: later(at, lease) });
          return { result: "continued", notifications: stored };
        }
        const state = stored > 0 ? "announced" : "unaddressed";
        const reason = stored > 0 ? null : "unaddressed";
        patch({ state, reason, detail: null, leaseUntil: null, notifications: stored });
        return { result: state, notifications: stored };
      });
    },

    release({ tenant, id, fence, to, retryIn, refund, reason, detail, now }) {
      return driver.write((step) => {
        const row = step.get(heldSql, tenant, id, fence);
        if (row === undefined) return false;
        const released: Partial<Announceable> = {
          state: to,
          reason: to === "failed" ? reason : null,
          detail,
          leaseUntil: null,
          notBefore: later(step.now(now), retryIn),
          attempts: (row.attempts as number) - (refund ? 1 : 0),
        };
        const { set, values } = codec.assignments(released as Partial<Row>);
        step.run(patchText(set), ...values, tenant, id);
        return true;
      });
    },
  };
}

/** Two limited searches, each by its own partial index: one over both states would read and sort all that is pending. */
function claimText(table: string): string {
  return `UPDATE {${table}}
  SET state = 'leased', fence = fence + 1, attempts = attempts + 1, lease_until = @leaseUntil
  WHERE rowid IN (
    SELECT row FROM (
      SELECT * FROM (
        SELECT rowid AS row, not_before, id FROM {${table}}
          WHERE state = 'pending' AND not_before <= @now AND milestone IN (SELECT value FROM json_each(@milestones))
          ORDER BY not_before, id LIMIT @limit)
      UNION ALL
      SELECT * FROM (
        SELECT rowid AS row, not_before, id FROM {${table}}
          WHERE state = 'leased' AND lease_until <= @now AND milestone IN (SELECT value FROM json_each(@milestones))
          ORDER BY not_before, id LIMIT @limit)
    ) ORDER BY not_before, id LIMIT @limit)
  RETURNING *`;
}
