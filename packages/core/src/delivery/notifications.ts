import * as z from "zod";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { DecideAct } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, listOf, pageFields, parseInput, parsePresent, whySchema } from "../validation.js";
import {
  type Attempt,
  type Notification,
  type NotificationSource,
  type NotificationState,
  notificationStates,
} from "./notification.js";
import type { Reason } from "./reason.js";
import type { DeliveryTiming } from "./timing.js";

/** Which notification, who acts, and why: kept with the act. */
export interface NotificationAct {
  readonly tenant?: string;
  readonly id: string;
  readonly by: string;
  readonly why: string;
}

/** What can be narrowed when notifications are listed. Ordered by id, which rises with time. */
export interface NotificationQuery {
  readonly tenant?: string;
  readonly source?: NotificationSource;
  readonly states?: readonly NotificationState[];
  readonly recipientKey?: string;
  /** The last id of the page before. */
  readonly after?: string;
  /** 100 unless said. */
  readonly limit?: number;
}

/** Looking at notifications, and a person's acts on them. An act that the state forbids throws `act_refused`. */
export interface Notifications {
  list(query?: NotificationQuery): Promise<readonly Notification[]>;
  /** Every attempt of one, by number. */
  attempts(input: { readonly tenant?: string; readonly id: string }): Promise<readonly Attempt[]>;
  /** How many there are per state and reason. */
  count(input?: {
    readonly tenant?: string;
  }): Promise<readonly { readonly state: NotificationState; readonly reason: Reason | null; readonly count: number }[]>;
  /** Nothing pending or leased is sent after this has committed; one that is being sent only notes the request. */
  cancel(act: NotificationAct): Promise<Notification>;
  /** Sends an ambiguous one again, as soon as no call can be under way any more. */
  resend(act: NotificationAct): Promise<Notification>;
  /** An ambiguous one is known to have been sent; `why` is the evidence. */
  confirm(act: NotificationAct): Promise<Notification>;
  /** An ambiguous one becomes `unknown` before its horizon. */
  giveUp(act: NotificationAct): Promise<Notification>;
  /** A new notification that sends a failed, unknown or expired one again; returns the new one. */
  redrive(act: NotificationAct & { readonly acceptDuplicate?: boolean }): Promise<Notification>;
}

const actSchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  id: keySchema,
  by: keySchema,
  why: whySchema,
  acceptDuplicate: z.boolean().default(false),
});

const tenantSchema = z.strictObject({ tenant: pageFields.tenant });
const attemptsSchema = z.strictObject({ tenant: pageFields.tenant, id: keySchema });

const querySchema = z.strictObject({
  ...pageFields,
  source: z.strictObject({ kind: z.enum(["crossing", "notice", "campaign"]), id: keySchema }).optional(),
  states: listOf(z.enum(notificationStates), 100).optional(),
  recipientKey: keySchema.optional(),
  after: keySchema.optional(),
});

true satisfies Agrees<typeof querySchema, NotificationQuery>;
true satisfies Agrees<typeof actSchema, NotificationAct & { readonly acceptDuplicate?: boolean }>;

export function notificationsOver(store: Store, runtime: Runtime, timing: DeliveryTiming): Notifications {
  const decide = (act: DecideAct) => async (input: NotificationAct) =>
    store.notifications.decide({
      ...parseInput(actSchema, input, "invalid_options"),
      act,
      newId: runtime.id(),
      margin: timing.settleMargin,
      ...storeNow(runtime),
    });
  return {
    list: async (query = {}) => store.notifications.list(parsePresent(querySchema, query, "invalid_options")),
    async attempts(input) {
      const { tenant, id } = parseInput(attemptsSchema, input, "invalid_options");
      return store.notifications.attempts({ tenant, notification: id });
    },
    count: async (input = {}) => store.notifications.count(parseInput(tenantSchema, input, "invalid_options")),
    cancel: decide("cancel"),
    resend: decide("resend"),
    confirm: decide("confirm"),
    giveUp: decide("give_up"),
    redrive: decide("redrive"),
  };
}
