import type { JsonObject } from "../json.js";
import type { Crossing } from "../milestone/crossing.js";
import type { MilestoneMessage } from "../milestone/milestone.js";
import type { RecipientResolver } from "../recipient/resolver.js";
import type { DeliveryMode, Notifier, Outcome, SendContext } from "./notifier.js";

/** A crossing as a reaction is told of it: plain data, kept since its announcement. Times are ISO. */
export interface CrossingFacts {
  readonly crossing: string;
  readonly tenant: string;
  readonly milestone: string;
  readonly metric: string;
  readonly subject: string;
  readonly period: string;
  readonly threshold: string;
  readonly code: string | null;
  readonly severity: string | null;
  readonly at: number;
  readonly direction: "rising" | "falling";
  readonly arming: number;
  readonly limit: number | null;
  readonly previous: number;
  readonly value: number;
  readonly eventId: string;
  readonly reachedAt: string;
}

/** Host code that runs after a crossing. What it returns and throws is understood as a notifier's. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing has done its work
export type ReactionHandler = (crossing: CrossingFacts, context: SendContext) => Promise<Outcome | void>;

export interface ReactionOptions {
  /** `"at-least-once"` unless said: it is tried again until it returned, so it may run twice for one crossing. */
  readonly mode?: Exclude<DeliveryMode, "idempotent">;
}

/** What makes a milestone run host code instead of writing to somebody. */
export interface ReactionParts {
  readonly recipients: RecipientResolver;
  readonly message: MilestoneMessage;
  readonly notifier: Notifier;
}

/**
 * Host code as the notifier of a milestone, on the channel `reaction`: with the same leases, retries, reasons and
 * dead-letter list as messages have. Give `context.idempotencyKey` to whatever the code calls.
 *
 * ```ts
 * milestone({ name: "upgrade", metric: "seats", policy: thresholds(100), ...reaction("upgrade", async ({ subject }) => upgrade(subject)) })
 * ```
 *
 * For what is in the same database there is `effect`, which runs exactly once.
 */
export function reaction(name: string, handler: ReactionHandler, options: ReactionOptions = {}): ReactionParts {
  const { mode = "at-least-once" } = options;
  return {
    recipients: { resolve: async () => [{ address: name }] },
    // as a text, so that what is told is frozen with the notification, like any payload
    message: { text: "{{{facts}}}", data: (crossing) => ({ facts: JSON.stringify(factsOf(crossing)) }) },
    notifier: {
      name,
      channel: "reaction",
      mode,
      async send(message, context) {
        return handler(JSON.parse(message.text!) as CrossingFacts, context);
      },
    },
  };
}

function factsOf(crossing: Crossing): CrossingFacts & JsonObject {
  const { id, tenant, milestone, metric, subject, period, threshold, code, severity, at, direction } = crossing;
  const { arming, limitAmount: limit, previous, value, eventId, reachedAt } = crossing;
  const where = { crossing: id, tenant, milestone, metric, subject, period, threshold, code, severity, at, direction };
  return { ...where, arming, limit, previous, value, eventId, reachedAt: reachedAt.toISOString() };
}
