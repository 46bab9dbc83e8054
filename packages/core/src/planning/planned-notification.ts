import type { Lane } from "../delivery/lane.js";
import type { Notification } from "../delivery/notification.js";
import { MilepostError } from "../errors.js";
import type { RenderedMessage } from "../message/message.js";
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
    const rendered = renderedOf(() => renderMessage(compiled, data, recipient));
    const { subject, text, html } = rendered ?? { subject: null, text: null, html: null };
    const message = { locale: recipient.locale ?? null, notifier, channel, subject, text, html };
    const waits =
      rendered === null
        ? ({ when: "never", notBefore: null } as const)
        : waitOf(notification, lanes.get(keyOf(tenant, notifier)), now);
    const reason = notification.reason ?? (rendered === null ? "render_failed" : null);
    const { detail } = notification;
    const own = planned.get(source.id) ?? [];
    own.push({ recipient, recipientKey, ...message, ...waits, reason, detail });
    planned.set(source.id, own);
  }
  return planned;
}

/** Null for a message that is too large: it concerns its own delivery only, and so not the rest of the plan. */
function renderedOf(render: () => RenderedMessage): RenderedMessage | null {
  try {
    return render();
  } catch (error) {
    if (MilepostError.is(error) && error.code === "render_failed") return null;
    throw error;
  }
}

/** When a worker would take it, by what a claim looks at. */
function waitOf(
  notification: Pick<Notification, "state" | "notBefore">,
  lane: Lane | undefined,
  now: Date,
): Pick<PlannedNotification, "when" | "notBefore"> {
  if (notification.state === "suppressed") return { when: "never", notBefore: null };
  const from = Math.max(notification.notBefore.getTime(), lane?.notBefore?.getTime() ?? 0);
  const notBefore = from > now.getTime() ? new Date(from) : null;
  if (lane?.paused) return { when: "lane_paused", notBefore };
  return { when: notBefore === null ? "now" : "later", notBefore };
}
