import type { NotificationRepository } from "@milepost/core/store";
import { allOf, type Condition, list } from "./conditions.js";
import type { Driver } from "./driver.js";
import { notificationOf } from "./notification-row.js";

/** That a crossing or a notice of a milestone, the value, made the notification. */
export const madeBy = `? = CASE n.source_kind
  WHEN 'crossing' THEN (SELECT c.milestone FROM {crossings} c WHERE c.tenant = n.tenant AND c.id = n.source_id)
  WHEN 'notice' THEN (SELECT y.milestone FROM {notices} y WHERE y.tenant = n.tenant AND y.id = n.source_id) END`;

/** The condition of the partial index, word for word: with a parameter in it SQLite does not see that it holds. */
const dead = "n.state IN ('failed', 'unknown')";
const notRedriven = `NOT EXISTS (SELECT 1 FROM {notifications} r WHERE r.tenant = n.tenant AND r.source_kind = n.source_kind
  AND r.source_id = n.source_id AND r.channel = n.channel AND r.recipient_key = n.recipient_key
  AND r.item_key = n.item_key AND r.redrive = n.redrive + 1)`;

export function listSteps(driver: Driver): Pick<NotificationRepository, "list" | "deadLetters"> {
  function page(more: readonly string[], conditions: readonly Condition[], limit: number, index = "") {
    const { where, values } = allOf(conditions);
    const all = [where, ...more].join(" AND ");
    const sql = `SELECT n.* FROM {notifications} n ${index} WHERE ${all} ORDER BY n.id LIMIT ?`;
    return driver.read((step) => step.all(sql, ...values, limit).map(notificationOf));
  }

  return {
    list({ tenant, source, states, recipientKey, ids, milestone, notifier, after, limit }) {
      const conditions: readonly Condition[] = [
        ["n.tenant = ?", tenant],
        ["n.source_kind = ? AND n.source_id = ?", source?.kind, source?.id],
        ["n.state IN (SELECT value FROM json_each(?))", list(states)],
        ["n.recipient_key = ?", recipientKey],
        ["n.id IN (SELECT value FROM json_each(?))", list(ids)],
        ["n.notifier = ?", notifier],
        [madeBy, milestone],
        ["n.id > ?", after],
      ];
      return page([], conditions, limit);
    },

    deadLetters({ tenant, state, reason, milestone, notifier, since, until, after, limit }) {
      const conditions: readonly Condition[] = [
        ["n.tenant = ?", tenant],
        // the unary plus keeps these out of the choice of an index
        ["+n.state = ?", state],
        ["+n.reason = ?", reason],
        ["+n.notifier = ?", notifier],
        ["n.settled_at >= ?", since?.toISOString()],
        ["n.settled_at < ?", until?.toISOString()],
        [madeBy, milestone],
        ["n.id > ?", after],
      ];
      return page([dead, notRedriven], conditions, limit, "INDEXED BY {#notifications_dead}");
    },
  };
}
