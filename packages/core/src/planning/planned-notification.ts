import type { Lane } from "../delivery/lane.js";
import type { Notification } from "../delivery/notification.js";
import { renderMessage, TemplateCache } from "../message/render.js";
import { keyOf } from "../store/memory/tables.js";
import type { Store } from "../store/store.js";
import type { PlannedNotification } from "./plan.js";
import type { Shadow } from "./shadow.js";

/** What was queued on a shadow, rendered, by what it is from; lanes are as they stand in `store`. */
export async function notificationsBySource(
  store: Store,
  { tables }: Shadow,
): Promise<ReadonlyMap<string, readonly PlannedNotification[]>> {
  const lanes = new Map<string, Lane>();
  for (const tenant of new Set([...tables.notifications.values()].map(({ tenant }) => tenant))) {
    for (const lane of await store.lanes.list({ tenant })) lanes.set(keyOf(tenant, lane.notifier), lane);
  }
  const templates = new TemplateCache();
  const now = tables.clock();
  const planned = new Map<string, PlannedNotification[]>();
  for (const notification of tables.notifications.values()) {
    const { tenant, source, template, data, recipient, recipientKey, notifier, channel } = notification;
    const compiled = templates.get(template, tables.templates.get(keyOf(tenant, template))!);
    const { subject, text, html } = renderMessage(compiled, data, recipient);
    const message = { locale: recipient.locale ?? null, notifier, channel, subject, text, html };
    const waits = waitOf(notification, lanes.get(keyOf(tenant, notifier)), now);
    const own = planned.get(source.id) ?? [];
    own.push({ recipient, recipientKey, ...message, ...waits });
    planned.set(source.id, own);
  }
  return planned;
}

/** When a worker would take it, by what a claim looks at. */
function waitOf(
  notification: Pick<Notification, "notBefore">,
  lane: Lane | undefined,
  now: Date,
): Pick<PlannedNotification, "when" | "notBefore"> {
  const from = Math.max(notification.notBefore.getTime(), lane?.notBefore?.getTime() ?? 0);
  const notBefore = from > now.getTime() ? new Date(from) : null;
  if (lane?.paused) return { when: "lane_paused", notBefore };
  return { when: notBefore === null ? "now" : "later", notBefore };
}
