import type { NotificationRepository } from "@milepost/core/store";
import type { Database, Value } from "./driver.js";
import { type NotificationRow, notificationColumns, notificationOf } from "./notification-row.js";
import { textArray, time } from "./values.js";

/** That a crossing or a notice of a milestone, the parameter, made the notification. */
export function madeBy(milestone: string): string {
  return `CASE n.source_kind
    WHEN 'crossing' THEN EXISTS (SELECT FROM {crossings} c
      WHERE c.tenant = n.tenant AND c.id = n.source_id AND c.milestone = ${milestone})
    WHEN 'notice' THEN EXISTS (SELECT FROM {notices} y
      WHERE y.tenant = n.tenant AND y.id = n.source_id AND y.milestone = ${milestone}) END`;
}

/** The condition of the partial index, word for word: a parameter in it would keep a generic plan from the index. */
const dead = "n.state IN ('failed', 'unknown')";
const notRedriven = `NOT EXISTS (SELECT FROM {notifications} r WHERE r.tenant = n.tenant AND r.source_kind = n.source_kind
  AND r.source_id = n.source_id AND r.channel = n.channel AND r.recipient_key = n.recipient_key
  AND r.item_key = n.item_key AND r.redrive = n.redrive + 1)`;

export function listSteps(database: Database): Pick<NotificationRepository, "list" | "deadLetters"> {
  async function page(label: string, where: readonly string[], values: readonly Value[]) {
    const statement = database.statement(
      label,
      `SELECT ${notificationColumns} FROM {notifications} n WHERE ${where.join(" AND ")} ORDER BY n.id LIMIT $2`,
    );
    return (await database.run<NotificationRow>(statement, values)).map(notificationOf);
  }

  return {
    list({ tenant, source, states, recipientKey, ids, milestone, notifier, after, limit }) {
      const values: Value[] = [tenant, limit];
      const where = ["n.tenant = $1"];
      const value = (given: Value) => `$${values.push(given)}`;
      if (source !== undefined)
        where.push(`n.source_kind = ${value(source.kind)} AND n.source_id = ${value(source.id)}`);
      if (states !== undefined) where.push(`n.state = ANY (${value(textArray(states))}::text[])`);
      if (recipientKey !== undefined) where.push(`n.recipient_key = ${value(recipientKey)}`);
      if (ids !== undefined) where.push(`n.id = ANY (${value(textArray(ids))}::text[])`);
      if (notifier !== undefined) where.push(`n.notifier = ${value(notifier)}`);
      if (milestone !== undefined) where.push(madeBy(value(milestone)));
      if (after !== undefined) where.push(`n.id > ${value(after)}`);
      return page("notifications_list", where, values);
    },

    deadLetters({ tenant, state, reason, milestone, notifier, since, until, after, limit }) {
      const values: Value[] = [tenant, limit];
      const where = ["n.tenant = $1", dead];
      const value = (given: Value) => `$${values.push(given)}`;
      if (state !== undefined) where.push(`n.state = ${value(state)}`);
      if (reason !== undefined) where.push(`n.reason = ${value(reason)}`);
      if (notifier !== undefined) where.push(`n.notifier = ${value(notifier)}`);
      if (since !== undefined) where.push(`n.settled_at >= ${value(time(since))}::timestamptz`);
      if (until !== undefined) where.push(`n.settled_at < ${value(time(until))}::timestamptz`);
      if (milestone !== undefined) where.push(madeBy(value(milestone)));
      if (after !== undefined) where.push(`n.id > ${value(after)}`);
      return page("notifications_dead_letters", [...where, notRedriven], values);
    },
  };
}
