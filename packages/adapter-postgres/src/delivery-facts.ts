import {
  additionsOf,
  type DeliveryFacts,
  type MatchedEvent,
  type NotificationFacts,
  type SoftBounceLimit,
} from "@milepost/core/store";
import { bounceStatement } from "./contact-row.js";
import type { Database, Run } from "./driver.js";
import type { SuppressionSteps } from "./suppression-steps.js";
import { textArray } from "./values.js";

// Core's mergeFacts as SQL: here two transactions may merge into one row at once, and the second has to see what the first
// wrote. A conformance case compares it with core's.

const firsts = [
  "sentAt",
  "deliveredAt",
  "firstOpenedAt",
  "firstClickedAt",
  "complainedAt",
  "unsubscribedAt",
  "failedAt",
];
const lasts = ["lastOpenedAt", "lastClickedAt"];
const sums = ["events", "opens", "clicks"];
const ofBounce = ["bouncedAt", "bounce", "bounceReason"];

const column = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const typeOf = (name: string): string =>
  name.endsWith("At") ? "timestamptz" : sums.includes(name) ? "bigint" : "text";

const names = [...firsts, ...lasts, ...sums, ...ofBounce];
const factsColumns: string = names.map((name) => `f.${column(name)} AS "${name}"`).join(", ");

// `least` and `greatest` pass over NULL
const weightier = `(excluded.bounce IS NOT NULL AND (f.bounce IS NULL OR
  (excluded.bounce, excluded.bounced_at, coalesce(excluded.bounce_reason, '') COLLATE "C")
  < (f.bounce, f.bounced_at, coalesce(f.bounce_reason, '') COLLATE "C")))`;

const merges = [
  ...firsts.map(column).map((name) => `${name} = least(f.${name}, excluded.${name})`),
  ...lasts.map(column).map((name) => `${name} = greatest(f.${name}, excluded.${name})`),
  ...sums.map((name) => `${name} = f.${name} + excluded.${name}`),
  ...ofBounce.map(column).map((name) => `${name} = CASE WHEN ${weightier} THEN excluded.${name} ELSE f.${name} END`),
  // what is known of the notification by now
  "template = excluded.template",
  "settled = f.settled OR excluded.settled",
];

const mergeText = `
INSERT INTO {delivery_facts} AS f (tenant, notification, campaign, template, queued_at, settled, ${names.map(column).join(", ")})
SELECT $1, p.notification, p.campaign, p.template, p."queuedAt", p.settled, ${names.map((name) => `p."${name}"`).join(", ")}
FROM jsonb_to_recordset($2) AS p (notification text, campaign text, template text, "queuedAt" timestamptz, settled boolean,
  ${names.map((name) => `"${name}" ${typeOf(name)}`).join(", ")})
ORDER BY p.notification COLLATE "C"
ON CONFLICT (tenant, notification) DO UPDATE SET ${merges.join(", ")}`;

export interface FactSteps {
  /** Merges new events into the facts of their notifications and addresses; answers how many addresses that forbade. */
  apply(
    run: Run,
    tenant: string,
    matched: readonly MatchedEvent[],
    by: { readonly softBounces: SoftBounceLimit; readonly now: Date; readonly given: Date | undefined },
  ): Promise<number>;
  read(tenant: string, notifications: readonly string[]): Promise<readonly NotificationFacts[]>;
}

export function factSteps(database: Database, suppressions: SuppressionSteps): FactSteps {
  const merge = database.statement("delivery_facts_merge", mergeText);
  const bounce = bounceStatement(database);
  const read = database.statement(
    "delivery_facts_read",
    `SELECT f.tenant, f.notification, ${factsColumns} FROM {delivery_facts} f
     WHERE f.tenant = $1 AND f.notification = ANY ($2::text[]) ORDER BY f.notification`,
  );
  return {
    async apply(run, tenant, matched, { softBounces, now, given }) {
      const { facts, addresses, bounced } = additionsOf(matched);
      if (facts.length > 0) {
        const rows = facts.map(({ notification: { id, campaign, template, createdAt, state }, facts: added }) => ({
          ...{ notification: id, campaign, template, queuedAt: createdAt, settled: state === "sent" },
          ...(added satisfies DeliveryFacts),
        }));
        await run(merge, [tenant, JSON.stringify(rows)]);
      }
      if (addresses.length === 0) return 0;
      await suppressions.keepEvents(run, tenant, addresses);
      for (const recipientKey of bounced) await run(bounce, [tenant, recipientKey]);
      const touched = [...new Set(addresses.map(({ recipientKey }) => recipientKey))];
      return suppressions.forbidByEvents(run, tenant, touched, softBounces, now, given);
    },
    read: (tenant, notifications) => database.run<NotificationFacts>(read, [tenant, textArray(notifications)]),
  };
}
