import { type MessageTemplate, type NewNotification, queuedNotification } from "@milepost/core/store";
import type { Step } from "./driver.js";
import { insertNotification } from "./notification-row.js";
import { findRefusal } from "./suppression-steps.js";

/** Stores notifications with their templates and lanes; those whose key exists are left out. Answers how many are new. */
export function queueNotifications(
  step: Step,
  tenant: string,
  {
    notifications,
    templates,
  }: {
    readonly notifications: readonly NewNotification[];
    readonly templates: Readonly<Record<string, MessageTemplate>>;
  },
  at: Date,
): number {
  keepTemplates(step, tenant, templates, at);
  for (const notifier of new Set(notifications.map((each) => each.notifier))) {
    step.run("INSERT INTO {lanes} (tenant, notifier) VALUES (?, ?) ON CONFLICT DO NOTHING", tenant, notifier);
  }
  let added = 0;
  for (const notification of notifications) {
    if (insertNotification(step, queuedNotification(notification, findRefusal(step, notification), at))) added += 1;
  }
  return added;
}

export function keepTemplates(
  step: Step,
  tenant: string,
  templates: Readonly<Record<string, MessageTemplate>>,
  at: Date,
): void {
  for (const [hash, template] of Object.entries(templates)) {
    step.run(
      "INSERT INTO {templates} (tenant, hash, content, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ...[tenant, hash, JSON.stringify(template), at.toISOString()],
    );
  }
}
