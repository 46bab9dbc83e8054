import * as z from "zod";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { DecideAct } from "../store/notification-repository.js";
import { notificationNotFound } from "../store/refusals.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import {
  type Agrees,
  dateSchema,
  keySchema,
  listOf,
  pageFields,
  parseInput,
  parsePresent,
  whySchema,
} from "../validation.js";
import {
  type BulkResult,
  type CancelAllAct,
  cancelAll,
  cancelAllAct,
  type RetryAllAct,
  retryAll,
  retryAllAct,
} from "./bulk-acts.js";
import {
  type Attempt,
  type Notification,
  type NotificationSource,
  type NotificationState,
  notificationStates,
  sourceKinds,
} from "./notification.js";
import { type Reason, reasons } from "./reason.js";
import type { DeliveryTiming } from "./timing.js";

/** Which notification, who acts, and why: kept with the act. */
export interface NotificationAct {
  readonly tenant?: string;
  readonly id: string;
  readonly by: string;
  readonly why: string;
}

/** Which notification is sent again, by whom and why. */
export interface RetryAct extends NotificationAct {
  /** An `unknown` one may have been sent: without this it is not retried. */
  readonly acceptDuplicate?: boolean;
}

/** What became of an ambiguous notification, as a person has found out or decided. */
export interface ResolveAct extends NotificationAct {
  /** `sent`: `why` is the evidence. `unknown`: nobody will ever know. */
  readonly as: "sent" | "unknown";
}

/** What can be narrowed when notifications are listed. Ordered by id, which rises with time. */
export interface NotificationQuery {
  readonly tenant?: string;
  readonly source?: NotificationSource;
  readonly states?: readonly NotificationState[];
  readonly recipientKey?: string;
  /** Those that crossings and notices of this milestone made. */
  readonly milestone?: string;
  readonly notifier?: string;
  /** The last id of the page before. */
  readonly after?: string;
  /** 100 unless said. */
  readonly limit?: number;
}

/** What can be narrowed when dead letters are listed. Ordered by id, which rises with time. */
export interface DeadLetterQuery {
  readonly tenant?: string;
  readonly state?: "failed" | "unknown";
  readonly reason?: Reason;
  /** Those that crossings and notices of this milestone made. */
  readonly milestone?: string;
  readonly notifier?: string;
  /** Those that ended at `since` or later, and before `until`. */
  readonly since?: Date;
  readonly until?: Date;
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
  /** What failed, or may have failed, and was not retried since: with its reason, a few words, its attempts and its time. */
  deadLetters(query?: DeadLetterQuery): Promise<readonly Notification[]>;
  /** Nothing pending or leased is sent after this has committed; one that is being sent only notes the request. */
  cancel(act: NotificationAct): Promise<Notification>;
  /** Cancels what is not sent yet and matches, one by one, each with an act of its own; at most 100 unless `limit` is said. */
  cancelAll(act: CancelAllAct): Promise<BulkResult>;
  /**
   * Sends one again; returns the row that will be sent. An ambiguous one is sent as it is, as soon as no call can be under
   * way any more. For a failed, unknown or expired one a new row is made that is linked to it; an `unknown` one may have
   * been sent, and needs `acceptDuplicate`.
   */
  retry(act: RetryAct): Promise<Notification>;
  /** Retries dead letters that match, one by one, each with an act of its own; at most 100 unless `limit` is said. */
  retryAll(act: RetryAllAct): Promise<BulkResult>;
  /** Ends an ambiguous one before its horizon: it is known to have been sent, or given up as unknown. */
  resolve(act: ResolveAct): Promise<Notification>;
}

const actFields = { tenant: keySchema.default(defaultTenant), id: keySchema, by: keySchema, why: whySchema };
const actSchema = z.strictObject(actFields);
const retrySchema = z.strictObject({ ...actFields, acceptDuplicate: z.boolean().default(false) });
const resolveSchema = z.strictObject({ ...actFields, as: z.enum(["sent", "unknown"]) });

const tenantSchema = z.strictObject({ tenant: pageFields.tenant });
const attemptsSchema = z.strictObject({ tenant: pageFields.tenant, id: keySchema });

const querySchema = z.strictObject({
  ...pageFields,
  source: z.strictObject({ kind: z.enum(sourceKinds), id: keySchema }).optional(),
  states: listOf(z.enum(notificationStates), 100).optional(),
  recipientKey: keySchema.optional(),
  milestone: keySchema.optional(),
  notifier: keySchema.optional(),
  after: keySchema.optional(),
});

const deadLetterSchema = z.strictObject({
  ...pageFields,
  state: z.enum(["failed", "unknown"]).optional(),
  reason: z.enum(reasons).optional(),
  milestone: keySchema.optional(),
  notifier: keySchema.optional(),
  since: dateSchema.optional(),
  until: dateSchema.optional(),
  after: keySchema.optional(),
});

true satisfies Agrees<typeof querySchema, NotificationQuery>;
true satisfies Agrees<typeof deadLetterSchema, DeadLetterQuery>;
true satisfies Agrees<typeof actSchema, NotificationAct>;
true satisfies Agrees<typeof retrySchema, RetryAct>;
true satisfies Agrees<typeof resolveSchema, ResolveAct>;

export function notificationsOver(store: Store, runtime: Runtime, timing: DeliveryTiming): Notifications {
  interface Decided extends Required<NotificationAct> {
    readonly acceptDuplicate?: boolean;
  }
  const decide = (act: DecideAct, { tenant, id, by, why, acceptDuplicate = false }: Decided) =>
    store.notifications.decide({
      ...{ tenant, id, by, why, acceptDuplicate, act },
      newId: runtime.id(),
      margin: timing.settleMargin,
      ...storeNow(runtime),
    });
  /** The two ways of sending again are two acts. Where the state changes in between, the act is refused. */
  async function retry(act: Decided): Promise<Notification> {
    const [row] = await store.notifications.list({ tenant: act.tenant, ids: [act.id], limit: 1 });
    if (row === undefined) throw notificationNotFound(act.id);
    return decide(row.state === "ambiguous" ? "resend" : "redrive", act);
  }
  return {
    list: async (query = {}) => store.notifications.list(parsePresent(querySchema, query, "invalid_options")),
    async attempts(input) {
      const { tenant, id } = parseInput(attemptsSchema, input, "invalid_options");
      return store.notifications.attempts({ tenant, notification: id });
    },
    count: async (input = {}) => store.notifications.count(parseInput(tenantSchema, input, "invalid_options")),
    deadLetters: async (query = {}) =>
      store.notifications.deadLetters(parsePresent(deadLetterSchema, query, "invalid_options")),
    cancel: async (act) => decide("cancel", parseInput(actSchema, act, "invalid_options")),
    async cancelAll(input) {
      const act = cancelAllAct(input);
      const { by, why } = act;
      return cancelAll(store, act, ({ tenant, id }) => decide("cancel", { tenant, id, by, why }));
    },
    retry: async (act) => retry(parseInput(retrySchema, act, "invalid_options")),
    async retryAll(input) {
      const act = retryAllAct(input);
      const { by, why, acceptDuplicate } = act;
      return retryAll(store, act, ({ tenant, id }) => decide("redrive", { tenant, id, by, why, acceptDuplicate }));
    },
    async resolve(input) {
      const { as, ...act } = parseInput(resolveSchema, input, "invalid_options");
      return decide(as === "sent" ? "confirm" : "give_up", act);
    },
  };
}
