import { findings } from "@milepost/core/store";
import type { Rules } from "./verify.js";

// The weightier of two bounces comes first as text: hard before soft, then by time, then by what they say.
const utc = (at: string) => `to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')`;
const bounceText = (bounce: string, at: string, reason: string) =>
  `(${bounce} || ' ' || ${utc(at)} || ' ' || coalesce(${reason}, '')) COLLATE "C"`;

const time = (how: "min" | "max", type: string) => `${how}(e.occurred_at) FILTER (WHERE e.type = '${type}')`;
const number = (type: string) => `count(*) FILTER (WHERE e.type = '${type}')`;

/** What core's mergeFacts makes of a notification's events, and the column it is kept in. */
const folds: readonly (readonly [fold: string, stored: string])[] = [
  [time("min", "sent"), "f.sent_at"],
  [time("min", "delivered"), "f.delivered_at"],
  [time("min", "opened"), "f.first_opened_at"],
  [time("max", "opened"), "f.last_opened_at"],
  [number("opened"), "f.opens"],
  [time("min", "clicked"), "f.first_clicked_at"],
  [time("max", "clicked"), "f.last_clicked_at"],
  [number("clicked"), "f.clicks"],
  [
    `min(${bounceText("e.bounce", "e.occurred_at", "e.reason")}) FILTER (WHERE e.type = 'bounced')`,
    bounceText("f.bounce", "f.bounced_at", "f.bounce_reason"),
  ],
  [time("min", "complained"), "f.complained_at"],
  [time("min", "unsubscribed"), "f.unsubscribed_at"],
  [time("min", "failed"), "f.failed_at"],
];

const folded = folds.map(([fold], i) => `${fold} AS fold${i}`).join(", ");
const differs = folds.map(([, stored], i) => `x.fold${i} IS DISTINCT FROM ${stored}`).join(" OR ");
const ofNotification = "'notification ' || x.notification AS what";

// Facts of which events are forgotten have more than those that are left: they are not looked at.
export const trackingRules: Rules = {
  I14: [
    {
      found: findings.eventTwice,
      sql: `SELECT e.tenant, 'delivery event ' || json_build_array(e.source, e.id)::text AS what FROM {delivery_events} e
        WHERE {mine e} GROUP BY e.tenant, e.source, e.id HAVING count(*) > 1`,
    },
    {
      found: findings.uncountedEvents,
      sql: `SELECT x.tenant, ${ofNotification} FROM (
          SELECT e.tenant, e.notification, count(*) AS events FROM {delivery_events} e
          WHERE {mine e} AND e.notification IS NOT NULL GROUP BY e.tenant, e.notification
        ) x LEFT JOIN {delivery_facts} f ON f.tenant = x.tenant AND f.notification = x.notification
        WHERE x.events > coalesce(f.events, 0)`,
    },
    {
      found: findings.otherFacts,
      sql: `SELECT x.tenant, ${ofNotification} FROM (
          SELECT e.tenant, e.notification, count(*) AS events, ${folded} FROM {delivery_events} e
          WHERE {mine e} AND e.notification IS NOT NULL GROUP BY e.tenant, e.notification
        ) x JOIN {delivery_facts} f ON f.tenant = x.tenant AND f.notification = x.notification
        WHERE x.events = f.events AND (${differs})`,
    },
  ],
};
