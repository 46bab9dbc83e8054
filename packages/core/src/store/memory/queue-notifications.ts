import { openLane } from "../../delivery/lane.js";
import { queuedNotification } from "../../delivery/moves.js";
import type { NewNotification } from "../../delivery/notification.js";
import type { MessageTemplate } from "../../message/message.js";
import { notificationKeyText } from "./memory-notifications.js";
import { refusalIn } from "./refusal.js";
import { keyOf, type Tables } from "./tables.js";

/** Stores notifications with their templates and lanes; those whose key exists are left out. Answers how many are new. */
export function queueNotifications(
  tables: Tables,
  tenant: string,
  {
    notifications,
    templates,
  }: {
    readonly notifications: readonly NewNotification[];
    readonly templates: Readonly<Record<string, MessageTemplate>>;
  },
  now: Date,
): number {
  let added = 0;
  keepTemplates(tables, tenant, templates);
  for (const notification of notifications) {
    const { notifier } = notification;
    const lane = keyOf(notification.tenant, notifier);
    if (!tables.lanes.has(lane)) tables.lanes.set(lane, openLane(notification.tenant, notifier));
    const key = notificationKeyText({ ...notification, redrive: 0 });
    if (tables.notificationKeys.has(key)) continue;
    tables.notificationKeys.add(key);
    const row = queuedNotification(notification, refusalIn(tables, notification), now);
    tables.notifications.set(keyOf(notification.tenant, notification.id), row);
    added += 1;
    if (row.state === "pending") tables.wakeUps.wake();
  }
  return added;
}

export function keepTemplates(
  tables: Tables,
  tenant: string,
  templates: Readonly<Record<string, MessageTemplate>>,
): void {
  for (const [hash, template] of Object.entries(templates)) {
    const key = keyOf(tenant, hash);
    if (!tables.templates.has(key)) tables.templates.set(key, template);
  }
}
