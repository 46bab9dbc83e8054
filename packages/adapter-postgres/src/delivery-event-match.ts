import { type FoundNotification, matcher, type NewDeliveryEvent, type TrackedNotification } from "@milepost/core/store";
import type { Database, Run, Statement } from "./driver.js";
import { textArray } from "./values.js";

type Wanted = Pick<NewDeliveryEvent, "about" | "recipientKey">;
type Found = TrackedNotification & { readonly text: string };

const columns = `n.id, n.recipient_key AS "recipientKey", n.scope, n.campaign, n.template, n.state, n.created_at AS "createdAt"`;

export type FindNotifications = <Event extends Wanted>(
  run: Run,
  tenant: string,
  events: readonly Event[],
) => Promise<readonly { readonly event: Event; readonly notification: TrackedNotification | null }[]>;

/** Each event with the notification it is about: one look for each kind of reference that there is. */
export function findNotifications(database: Database): FindNotifications {
  const byId = database.statement(
    "delivery_events_by_id",
    `SELECT ${columns}, n.id AS text FROM {notifications} n WHERE n.tenant = $1 AND n.id = ANY ($2::text[])`,
  );
  const byMessageId = database.statement(
    "delivery_events_by_message_id",
    `SELECT ${columns}, n.message_id AS text FROM {notifications} n
     WHERE n.tenant = $1 AND n.message_id IS NOT NULL AND n.message_id = ANY ($2::text[])`,
  );
  // a server may answer the same to all: one more than one is enough to know that it says nothing
  const byReceipt = database.statement(
    "delivery_events_by_receipt",
    `SELECT ${columns}, r.receipt AS text FROM (SELECT DISTINCT receipt FROM unnest($2::text[]) AS g (receipt)) r
     CROSS JOIN LATERAL (
       SELECT * FROM {notifications} x WHERE x.tenant = $1 AND x.receipt IS NOT NULL AND x.receipt = r.receipt LIMIT 2
     ) n`,
  );
  const byReceiptAndKey = database.statement(
    "delivery_events_by_receipt_and_key",
    `SELECT ${columns}, r.receipt AS text
     FROM (SELECT DISTINCT receipt, key FROM ROWS FROM (unnest($2::text[]), unnest($3::text[])) AS g (receipt, key)) r
     CROSS JOIN LATERAL (
       SELECT * FROM {notifications} x
       WHERE x.tenant = $1 AND x.receipt IS NOT NULL AND x.receipt = r.receipt AND x.recipient_key = r.key LIMIT 2
     ) n`,
  );

  return async (run, tenant, events) => {
    const found: FoundNotification[] = [];
    const look = async (
      by: FoundNotification["by"],
      statement: Statement,
      ...lists: readonly (readonly string[])[]
    ) => {
      if (lists[0]!.length === 0) return;
      for (const { text, ...notification } of await run<Found>(statement, [tenant, ...lists.map(textArray)])) {
        found.push({ by, text, notification });
      }
    };
    const texts = (by: keyof Wanted["about"], those: readonly Wanted[] = events) =>
      those.flatMap(({ about }) => about[by] ?? []);
    const keyed = events.filter(({ about, recipientKey }) => about.receipt !== null && recipientKey !== null);
    await look("notification", byId, texts("notification"));
    await look("messageId", byMessageId, texts("messageId"));
    const alone = events.filter(({ recipientKey }) => recipientKey === null);
    await look("receipt", byReceipt, texts("receipt", alone));
    const keys = keyed.map(({ recipientKey }) => recipientKey!);
    await look("receipt", byReceiptAndKey, texts("receipt", keyed), keys);
    const notificationOf = matcher(found);
    return events.map((event) => ({ event, notification: notificationOf(event) }));
  };
}
