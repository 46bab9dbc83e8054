import { compareKeys } from "../../text-key.js";
import type { AnnounceResult, CrossingRepository } from "../crossing-repository.js";
import { queueNotifications } from "./queue-notifications.js";
import { keyOf, later, type Tables } from "./tables.js";

type Input<Step extends "claim" | "announce" | "release"> = Parameters<CrossingRepository[Step]>[0];

/** What announcing needs of a row, whatever is announced. */
interface Announceable {
  readonly tenant: string;
  readonly id: string;
  readonly milestone: string;
  readonly state: string;
  readonly reason: string | null;
  readonly detail: string | null;
  readonly notifications: number;
  readonly attempts: number;
  readonly fence: number;
  readonly leaseUntil: Date | null;
  readonly notBefore: Date;
}

export interface AnnouncementSteps<Row> {
  claim(input: Input<"claim">): readonly Row[];
  announce(input: Input<"announce">): AnnounceResult;
  release(input: Input<"release">): boolean;
}

/** Claiming, announcing and giving back: the same for crossings and for what is said of them later. */
export function announcementSteps<Row extends Announceable>(
  tables: Tables,
  rows: Map<string, Row>,
  kind: "crossing" | "notice",
): AnnouncementSteps<Row> {
  function leasedRow(input: { tenant: string; id: string; fence: number }): Row | undefined {
    const row = rows.get(keyOf(input.tenant, input.id));
    return row?.state === "leased" && row.fence === input.fence ? row : undefined;
  }
  function change(row: Row, to: Partial<Announceable>): Row {
    const changed = { ...row, ...to };
    rows.set(keyOf(row.tenant, row.id), changed);
    return changed;
  }
  return {
    claim({ milestones, limit, lease, now = tables.clock() }) {
      const ready = (row: Row) =>
        (row.state === "pending" && row.notBefore <= now) ||
        (row.state === "leased" && row.leaseUntil !== null && row.leaseUntil <= now);
      return [...rows.values()]
        .filter((row) => milestones.includes(row.milestone) && ready(row))
        .sort((a, b) => a.notBefore.getTime() - b.notBefore.getTime() || compareKeys(a.id, b.id))
        .slice(0, limit)
        .map((row) => {
          const counts = { fence: row.fence + 1, attempts: row.attempts + 1 };
          return change(row, { state: "leased", ...counts, leaseUntil: later(now, lease) });
        });
    },

    announce({ notifications, templates, last, lease, now = tables.clock(), ...input }) {
      const row = leasedRow(input);
      if (row === undefined) return { result: "lost", notifications: 0 };
      queueNotifications(tables, row.tenant, { notifications, templates }, now);
      const count = [...tables.notifications.values()].filter(
        (n) => n.tenant === row.tenant && n.source.kind === kind && n.source.id === row.id && n.redrive === 0,
      ).length;
      if (!last) {
        change(row, { notifications: count, leaseUntil: later(now, lease) });
        return { result: "continued", notifications: count };
      }
      const state = count > 0 ? "announced" : "unaddressed";
      const reason = count > 0 ? null : "unaddressed";
      change(row, { notifications: count, state, reason, detail: null, leaseUntil: null });
      return { result: state, notifications: count };
    },

    release({ to, retryIn, refund, reason, detail, now = tables.clock(), ...input }) {
      const row = leasedRow(input);
      if (row === undefined) return false;
      const attempts = refund ? row.attempts - 1 : row.attempts;
      const why = { reason: to === "failed" ? reason : null, detail };
      change(row, { state: to, ...why, leaseUntil: null, notBefore: later(now, retryIn), attempts });
      return true;
    },
  };
}
